/** What modules do with the files the keeper has read for them. @module */
import type { Files } from "../module.ts";

/**
 * The content of a file that a module asked for.
 *
 * @throws {Error} when it did not ask for it, which is a fault of the program: a configuration whose
 * files cannot all be read never gets to a worker.
 */
export function contentOf(files: Files, path: string): Uint8Array {
  const content = files.get(path);
  if (content === undefined) throw new Error(`${path} was not asked for`);
  return content;
}
