/**
 * A directory of configuration files for one test.
 *
 * @module
 */
import { newDirectory, putFile } from "./files.ts";

/** Runs `test` with a new directory that only this user may write to, and removes it afterwards. */
export async function withDirectory(
  files: Readonly<Record<string, string | Uint8Array>>,
  test: (directory: string) => void | Promise<void>,
): Promise<void> {
  const directory = newDirectory();
  try {
    for (const [name, content] of Object.entries(files)) putFile(`${directory}/${name}`, content);
    await test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}
