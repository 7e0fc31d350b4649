/**
 * Comments, documents, sentences of tests and names use the words of the field: what the style asks for, as far
 * as a list of words can hold it. Only words that are wrong everywhere are listed; the exceptions name their line.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Folders with comments, documents and tests. */
const FOLDERS = ["docs", "examples", "packaging", "src", "tests"];
/** Documents beside them. */
const DOCUMENTS = ["CHANGELOG.md", "CONTRIBUTING.md", "README.md"];

/** What is kept out, and what to write instead. */
const WORDS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [
    /\b(whoever|nobody|somebody|anybody)\b/i,
    "caller, reader, client, request; no caller; unhandled",
  ],
  [/\bcome what may\b/i, "in any case"],
  [/\bhow-manieth\b/i, "ordinal"],
  [/\b(grammar|servers?|clients?|programs?|versions?) of old\b/i, "previous, old"],
  [/\bfor want of\b/i, "without"],
  [/\bby turns\b/i, "alternately"],
  [/\bin (its|their) turn\b/i, "in its order, alternately"],
  [/\b(is|are|was|were) at hand\b/i, "is available"],
  [/\b(is|are) overlooked\b/i, "is skipped"],
  [/\b(that|which) (is|are) none\b/i, "that is not a ..."],
  [/\bwhat is no (?!longer|more)/i, "what is not a ..."],
  [
    /\b(behind|in front of) (the|its|an?|that|which) (last|first|previous|next|end|answer|head|body|host|handshake|chain|line)\b/i,
    "after, before",
  ],
  [/\b(is|are|was|were|be|been) told\b/i, "is reported, gets"],
  [/\b(hurry|bereft)/i, "forceClose, workerlessMs"],
  [/\b(doors?|houses?|(?<!-)tenants?)\b/i, "terminator, listener; tree, repository; module"],
  [/\bhearts?\b/i, "heartbeat"],
  [/\bforetells?\b/i, "predict"],
  [/\b(fared?|fares)\b/i, "outcome"],
  [/\b(stands?|stood) (?!in for|in,)(in|at|below|beside|between|here|there)\b/i, "is, is allowed"],
  [/\bunless told otherwise\b/i, "by default"],
  [/\b(it|they|this|which|that) tells? (of|whether|how)\b/i, "reports, returns, describes"],
];

/** What no name has in it, of a symbol or a file. */
const NAMES = /door|foretell|hurry|bereft|heart(?!beat)|whoever/i;
/** Names as programs declare them: variables, functions, types, members. */
const DECLARED =
  /\b(?:const|let|function\*?|class|interface|type|get|set|readonly|async)\s+#?([A-Za-z_]\w*)|^\s+#?([a-z]\w*)(?=\(.*\{$)/gm;

/** Generated, or this file. */
const LEFT_OUT: readonly string[] = ["docs/config.md", "tests/whole/words_test.ts"];

/** Where a listed word is right. */
const EXCEPTIONS: readonly string[] = [
  "operators are told to",
  "A logger that keeps what it is told",
];

Deno.test("comments and documents use the words of the field", () => {
  const found = [...DOCUMENTS, ...FOLDERS.flatMap(files)].flatMap((path) =>
    textOf(path).flatMap(([line, text]) =>
      WORDS.filter(([pattern]) => pattern.test(text))
        .map(([, instead]) => `${path}:${line}: ${text.trim()} (write: ${instead})`)
    )
  );
  assert.deepEqual(found.filter((line) => !EXCEPTIONS.some((known) => line.includes(known))), []);
});

Deno.test("names of symbols and files use the words of the field", () => {
  const paths = ["src", "tests", "examples"].flatMap(files);
  assert.deepEqual(paths.filter((path) => NAMES.test(path)), []);
  const declared = paths.filter((path) => path.endsWith(".ts")).flatMap((path) =>
    [...Deno.readTextFileSync(root + path).matchAll(DECLARED)]
      .map(([, name, method]) => [path, name ?? method])
  );
  assert.ok(declared.length > 5_000, `only ${declared.length} names were found`);
  assert.deepEqual(declared.filter(([, name]) => NAMES.test(name)), []);
});

Deno.test("every exception is still needed", () => {
  const text = [...DOCUMENTS, ...FOLDERS.flatMap(files)].map((path) =>
    Deno.readTextFileSync(root + path)
  ).join("\n");
  assert.deepEqual(EXCEPTIONS.filter((known) => !text.includes(known)), []);
});

/** The lines of a document, and those of a program that are comments or sentences of tests, with their numbers. */
function textOf(path: string): [line: number, text: string][] {
  const lines = Deno.readTextFileSync(root + path).split("\n")
    .map((text, i): [number, string] => [i + 1, text]);
  if (path.endsWith(".md")) return lines;
  return lines.filter(([, text]) => /^\s*(\/\*\*|\*|\/\/)|[tT]est(With)?\(.*["`]/.test(text));
}

/** Programs and documents; the reference of behaviour quotes texts of others, and this file has the words. */
function files(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return path === "docs/spec" ? [] : files(path);
    return /\.(ts|md)$/.test(name) && !LEFT_OUT.includes(path) ? [path] : [];
  });
}
