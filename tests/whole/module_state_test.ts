/** Modules hold nothing at module level: what they keep belongs to a worker, a snapshot or an exchange. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const modules = fileURLToPath(new URL("../../src/modules", import.meta.url));

/** A variable, or a table that is not declared to be read only. */
const STATE =
  /^(?:export )?(?:(?:let|var) \w+|const \w+(?:: (?!Readonly)[^=\n]+)? = new (?:Weak)?(?:Map|Set|Ref)\b)/gm;

/** Objects of zones that workers share are found there again, until zones hand them out themselves. */
const KNOWN = ["concurrency/permits.ts: const known = new WeakMap"];

Deno.test("no module has state of its own for the whole thread", () => {
  const found = [...sources(modules)].flatMap((path) => {
    const text = Deno.readTextFileSync(path);
    return [...text.matchAll(STATE)].map(([line]) => `${path.slice(modules.length + 1)}: ${line}`);
  });
  assert.deepEqual(found.filter((state) => !KNOWN.includes(state)), []);
});

Deno.test("the search finds what it is for", () => {
  const text = [
    "let last = 0;",
    "export const opened = new Map<string, number>();",
    "const known: Map<string, number> = new Map();",
    "const TYPES: ReadonlySet<string> = new Set([]);",
    "const MAX = 3;",
  ].join("\n");
  assert.equal([...text.matchAll(STATE)].length, 3);
});

function* sources(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) {
      if (name !== "testing") yield* sources(path);
    } else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) yield path;
  }
}
