/** Modules hold nothing at module level: what they keep belongs to a worker, a snapshot or an exchange. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const modules = fileURLToPath(new URL("../../src/modules", import.meta.url));

/**
 * A variable, or something that can grow or be written: a collection that is not declared to be read only, a list or
 * a table that is empty at first, an object of a class of our own.
 */
const STATE =
  /^(?:export )?(?:(?:let|var) \w+|const (?!\w+: Readonly)(?!\w+: readonly )\w+(?:: [^=\n]+)? = (?:new (?!(?:TextEncoder|TextDecoder|URL|RegExp|Uint8Array|Uint16Array|Uint32Array|Int32Array|Float64Array|Slot|ExtensionPoint|IpSet)\b)|\[\]|\{\};?$))/gm;

Deno.test("no module has state of its own for the whole thread", () => {
  const found = [...sources(modules)].flatMap((path) => {
    // What pages of the dashboard run is text here.
    const text = Deno.readTextFileSync(path).replaceAll(/String\.raw`[^`]*`/g, "``");
    return [...text.matchAll(STATE)].map(([line]) => `${path.slice(modules.length + 1)}: ${line}`);
  });
  assert.deepEqual(found, []);
});

Deno.test("the search finds what it is for", () => {
  const text = [
    "let last = 0;",
    "export const opened = new Map<string, number>();",
    "const known: Map<string, number> = new Map();",
    "const seen: string[] = [];",
    "const cache = new LruCache<string, Plan>(10);",
    "const TYPES: ReadonlySet<string> = new Set([]);",
    "const NONE: readonly string[] = [];",
    "const encoder = new TextEncoder();",
    "const MAX = 3;",
  ].join("\n");
  assert.equal([...text.matchAll(STATE)].length, 5);
});

function* sources(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) {
      if (name !== "testing") yield* sources(path);
    } else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) yield path;
  }
}
