/** What cites the reference of behaviour, `docs/spec`, names headings that are there. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** `02` to what its headings are numbered: `9`, `9.4`, `D3`, and `D` for part D. */
const headings = new Map(
  pages().map((
    name,
  ) => [name.slice(0, 2), numbersOf(Deno.readTextFileSync(`${root}docs/spec/${name}`))]),
);

const NUMBER = String.raw`(?:[A-E]?[1-9]\d*(?:\.\d+)*|[A-E])\b`;
/** `spec 02 section 9.4`, `spec 01 sections 2.4 and 3`, `spec 06 D4`, `spec 06 part B and 02 section 11.5`. */
const CITATION = new RegExp(
  String.raw`\b(?:spec[ /]|and (?=0\d sections? ))(0\d)` +
    String.raw`(?: (?:sections?|parts?)? ?(${NUMBER}(?:(?:, and |, | and | to )${NUMBER})*))?`,
  "gi",
);
/** Within a page of the reference: `§9.4`, and `02 §9.4` for another one. */
const OWN_CITATION = /(?:\b(0\d) )?§(\d+(?:\.\d+)*)/g;

Deno.test("every citation of the reference leads to one of its headings", () => {
  const files = ["src", "tests", "examples", "packaging", "docs"].flatMap(walk)
    .filter((path) => /\.(ts|md|toml|sh)$/.test(path));
  const cited = files.flatMap((path) =>
    [...joined(Deno.readTextFileSync(root + path)).matchAll(CITATION)]
      .map(([text, page, numbers]) => ({ path, text, page, numbers: listOf(numbers) }))
  );
  assert.ok(cited.length > 200, `only ${cited.length} citations were found`);
  assert.deepEqual(cited.filter(({ page, numbers }) => !areThere(page, numbers)), []);
});

Deno.test("every citation within the reference leads to one of its headings", () => {
  const cited = pages().flatMap((path) =>
    [...Deno.readTextFileSync(`${root}docs/spec/${path}`).matchAll(OWN_CITATION)]
      .map(([text, page = path.slice(0, 2), number]) => ({ path, text, page, number }))
  );
  assert.ok(cited.length > 100, `only ${cited.length} citations were found`);
  assert.deepEqual(cited.filter(({ page, number }) => !areThere(page, [number])), []);
});

Deno.test("what is not built yet is marked in one way", () => {
  const marks = pages().flatMap((path) =>
    Deno.readTextFileSync(`${root}docs/spec/${path}`).split("\n")
      .map((line, i, lines) => ({ path, line, heading: lines[i - 2] }))
      .filter(({ line }) => /^\W*not built yet/i.test(line) && !line.startsWith("Not built yet: `"))
  );
  assert.ok(marks.length > 0, "a page that is whole has no mark, and some are not");
  const odd = marks.filter(({ line, heading }) =>
    !line.startsWith("> Not built yet.") || !heading.startsWith("#")
  );
  assert.deepEqual(odd, []);
});

function areThere(page: string, numbers: readonly string[]): boolean {
  const known = headings.get(page);
  return known !== undefined && numbers.every((number) => known.has(number));
}

function listOf(numbers: string | undefined): string[] {
  return numbers?.split(/, and |, | and | to /) ?? [];
}

function numbersOf(page: string): Set<string> {
  const found = [...page.matchAll(/^#+ (?:Part )?([A-E]?\d+(?:\.\d+)*|[A-E])\b/gm)];
  return new Set(found.map(([, number]) => number));
}

/** A comment that goes over several lines as one. */
function joined(text: string): string {
  return text.replaceAll(/\n[ \t]*(?:\*|\/\/)?[ \t]*/g, " ");
}

function pages(): string[] {
  return [...Deno.readDirSync(`${root}docs/spec`)].map(({ name }) => name)
    .filter((name) => /^\d\d-/.test(name));
}

function walk(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? walk(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}
