/** What the documents point at is there: files, headings and tasks. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const documents = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md"],
  ...["docs", "docs/spec"].flatMap((folder) =>
    [...Deno.readDirSync(`${root}${folder}`)].map(({ name }) => `${folder}/${name}`)
  ),
].filter((name) => name.endsWith(".md"));

/** Files that a document may call by the end of their path. */
const paths = ["src", "tests", "docs", "examples", "packaging", "permissions", ".ci"].flatMap(walk);

Deno.test("every file and folder that a document names is there", () => {
  const missing = each(/`([\w./-]+\.(?:ts|py|sh)|(?:src|tests|docs|examples)\/[\w./-]*)`/g)
    // NAME, and x, stand for the reader's own.
    .filter(({ found }) => !found.includes("NAME") && found !== "x_test.ts")
    .filter(({ found }) =>
      !exists(found) && !paths.some((path) => path === found || path.endsWith(`/${found}`))
    );
  assert.deepEqual(missing, []);
});

Deno.test("every link of a document leads to a file, and to a heading of it", () => {
  const wrong = each(/\]\(([^)\s]+)\)/g).filter(({ document, found }) => {
    if (/^https?:/.test(found)) return false;
    const [path, heading] = found.split("#");
    const target = path === "" ? document : join(dirname(document), path);
    return !exists(target) || heading !== undefined && !headings(target).includes(heading);
  });
  assert.deepEqual(wrong, []);
});

Deno.test("every task that a document calls is one", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`));
  const unknown = each(/\bdeno task (?:-q )?([a-z][\w-]*)/g).filter(({ found }) =>
    !(found in tasks)
  );
  assert.deepEqual(unknown, []);
});

interface Mention {
  readonly document: string;
  readonly found: string;
}

function each(pattern: RegExp): Mention[] {
  const mentions = documents.flatMap((document) =>
    [...text(document).matchAll(pattern)].map(([, found]): Mention => ({ document, found }))
  );
  assert.ok(mentions.length > 0, `nothing is like ${pattern}`);
  return mentions;
}

/** Headings as they stand behind `#` in a link. */
function headings(document: string): string[] {
  return [...text(document).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}

function text(document: string): string {
  return Deno.readTextFileSync(root + document);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(root + path);
    return true;
  } catch {
    return false;
  }
}

function walk(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? walk(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}
