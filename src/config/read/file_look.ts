/** Looking into files whose content matters: are they there, readable, of a bearable size. @module */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** A file's content and facts, or why it cannot be had (the rest of a sentence). */
export type Look =
  | { readonly content: Uint8Array; readonly info: FileFacts; readonly problem?: undefined }
  | { readonly problem: string };

/** Of the file that was read, wherever its path led. */
export interface FileFacts {
  readonly mode: number;
  /** Who it belongs to. */
  readonly uid: number;
}

/**
 * Reads a regular file of at most `maxBytes`. A path may be a symbolic link: the runtime then asks for
 * no permission for what it leads to, if the file is opened in this way.
 */
export function look(path: string, maxBytes: number): Look {
  try {
    // Before it is opened: opening a pipe would wait for a writer.
    if (!Deno.statSync(path).isFile) return { problem: "is not a regular file" };
    const file = openSync(path, "r");
    try {
      const info = fstatSync(file);
      if (!info.isFile()) return { problem: "is not a regular file" };
      if (info.size > maxBytes) return { problem: `is larger than ${maxBytes} bytes` };
      const content = wholeOf(file, info.size);
      return content === undefined ? { problem: "grew while it was read" } : { content, info };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { problem: whyUnreadable(error) };
  }
}

/** Bits of a mode that let others than the owner read, or write. */
export const MODE = { othersAny: 0o077, othersWrite: 0o022 } as const;

/** The content of a file of `size` bytes; `undefined` when it has more. */
function wholeOf(file: number, size: number): Uint8Array | undefined {
  // One byte more than there should be, so that a file that grew in the meantime is noticed.
  const content = new Uint8Array(size + 1);
  let length = 0;
  while (length < content.length) {
    const count = readSync(file, content, length, content.length - length, null);
    if (count === 0) return content.slice(0, length);
    length += count;
  }
  return undefined;
}

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (error instanceof Deno.errors.NotFound || code === "ENOENT") return "does not exist";
  if (error instanceof Deno.errors.PermissionDenied || code === "EACCES") {
    return "may not be read: permission denied (run as the service user)";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "may not be read: this process was not started with the permission for it";
  }
  if (error instanceof Error && code !== undefined) return `cannot be read: ${error.message}`;
  throw error;
}
