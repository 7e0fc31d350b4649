/** Looking at the files that TLS needs: are they there, readable, and nobody else's to change. @module */

/** A file's content and facts, or why it cannot be had (the rest of a sentence). */
export type Look =
  | { readonly content: Uint8Array; readonly info: Deno.FileInfo; readonly problem?: undefined }
  | { readonly problem: string };

/** Reads a regular file of at most `maxBytes`. */
export async function look(path: string, maxBytes: number): Promise<Look> {
  try {
    // Before it is opened: opening a pipe would wait for somebody to write to it.
    const info = await Deno.stat(path);
    if (!info.isFile) return { problem: "is not a regular file" };
    if (info.size > maxBytes) return { problem: `is larger than ${maxBytes} bytes` };
    return { content: await Deno.readFile(path), info };
  } catch (error) {
    return { problem: whyUnreadable(error) };
  }
}

/** Bits of a mode that let others than the owner read, or write. */
export const MODE = { othersAny: 0o077, othersWrite: 0o022 } as const;

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
