/** Looking into files whose content matters: are they there, readable, of a bearable size. @module */

/** A file's content and facts, or why it cannot be had (the rest of a sentence). */
export type Look =
  | { readonly content: Uint8Array; readonly info: Deno.FileInfo; readonly problem?: undefined }
  | { readonly problem: string };

/** Reads a regular file of at most `maxBytes`. */
export function look(path: string, maxBytes: number): Look {
  try {
    // Before it is opened: opening a pipe would wait for somebody to write to it.
    if (!Deno.statSync(path).isFile) return { problem: "is not a regular file" };
    using file = Deno.openSync(path, { read: true });
    const info = file.statSync();
    if (info.size > maxBytes) return { problem: `is larger than ${maxBytes} bytes` };
    const content = wholeOf(file, info.size);
    return content === undefined ? { problem: "grew while it was read" } : { content, info };
  } catch (error) {
    return { problem: whyUnreadable(error) };
  }
}

/** Bits of a mode that let others than the owner read, or write. */
export const MODE = { othersAny: 0o077, othersWrite: 0o022 } as const;

/** The content of a file of `size` bytes; `undefined` when it has more. */
function wholeOf(file: Deno.FsFile, size: number): Uint8Array | undefined {
  // One byte more than there should be, so that a file that grew in the meantime is noticed.
  const content = new Uint8Array(size + 1);
  let length = 0;
  while (length < content.length) {
    const count = file.readSync(content.subarray(length));
    if (count === null) return content.slice(0, length);
    length += count;
  }
  return undefined;
}

function whyUnreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "does not exist";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "may not be read: permission denied (run as the service user)";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "may not be read: this process was not started with the permission for it";
  }
  if (error instanceof Error && "code" in error) return `cannot be read: ${error.message}`;
  throw error;
}
