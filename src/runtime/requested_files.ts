/**
 * Files that workers need and may not read themselves (`Module.files`): the keeper reads them and hands
 * the content over, so no worker ever gets a path to a key.
 *
 * @module
 */
import type { Config, Problem } from "../config/types.ts";
import type { FileRequest, Files, Module } from "../gateway/module.ts";

/** What could be read, and a warning for each file that could not: its module decides what that means. */
export interface FilesRead {
  readonly files: Files;
  readonly problems: readonly Problem[];
}

/** Every file the modules ask for with `config`. */
export function fileRequests(config: Config, modules: readonly Module[]): readonly FileRequest[] {
  return modules.flatMap((module) => module.files?.(config) ?? []);
}

/** Reads what the modules ask for. */
export function readRequestedFiles(config: Config, modules: readonly Module[]): FilesRead {
  const files = new Map<string, Uint8Array>();
  const problems: Problem[] = [];
  for (const { path, key, maxBytes } of fileRequests(config, modules)) {
    if (files.has(path)) continue;
    try {
      files.set(path, readBounded(path, maxBytes));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push({ key, message: `${path} cannot be read: ${reason}`, warning: true });
    }
  }
  return { files, problems };
}

/** Whether both hold the same content. */
export function sameFiles(a: Files, b: Files): boolean {
  if (a.size !== b.size) return false;
  for (const [path, content] of a) {
    const other = b.get(path);
    if (other === undefined || other.length !== content.length) return false;
    if (content.some((byte, index) => byte !== other[index])) return false;
  }
  return true;
}

function readBounded(path: string, maxBytes: number): Uint8Array {
  // Looked at first: opening a pipe would wait for somebody to write to it.
  if (!Deno.statSync(path).isFile) throw new Error("it is not a regular file");
  using file = Deno.openSync(path, { read: true });
  const { size } = file.statSync();
  if (size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
  // One byte more than there should be, so that a file that grew in the meantime is noticed.
  const content = new Uint8Array(size + 1);
  let length = 0;
  while (length < content.length) {
    const count = file.readSync(content.subarray(length));
    if (count === null) return content.slice(0, length);
    length += count;
  }
  throw new Error("it grew while it was read");
}
