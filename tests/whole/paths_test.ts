/** Paths of files in a checkout whose own path has spaces: a URL's `pathname` is escaped, a path is not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const ESCAPED = /import\.meta\.url\)\.pathname|\b(?:here|root|dir|directory)\.pathname/;

Deno.test("no file takes the escaped path of a URL for the path of a file", async () => {
  const found: string[] = [];
  for (const folder of ["src", "tests", "examples", ".ci"]) {
    for await (const path of filesBelow(folder)) {
      const lines = (await Deno.readTextFile(join(root, path))).split("\n");
      lines.forEach((line, i) => {
        if (ESCAPED.test(line)) found.push(`${path}:${i + 1}: ${line.trim()}`);
      });
    }
  }
  // The pattern itself, above.
  assert.deepEqual(found.filter((line) => !line.startsWith("tests/whole/paths_test.ts:")), []);
});

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(root, folder))) {
    if (isDirectory) yield* filesBelow(join(folder, name));
    else if (name.endsWith(".ts")) yield join(folder, name);
  }
}
