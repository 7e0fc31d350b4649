/** Members from a file, one a line (spec 03 section 15.2). @module */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { membersOf } from "./list.ts";
import { DiscoveryError, type Source } from "./source.ts";

/** Largest file with members, and with a token. */
export const MAX_FILE_BYTES = 64 * 1024;

/** A file with members. */
export function fileSource(path: string): Source {
  return {
    members: () =>
      Promise.resolve().then(() => ({ addresses: parseMembers(readSmall(path, MAX_FILE_BYTES)) })),
  };
}

/**
 * The members in the text of a file.
 *
 * @throws {DiscoveryError} naming the line that is wrong.
 */
export function parseMembers(text: string): string[] {
  const entries = text.split("\n").flatMap((line, i) => {
    const trimmed = line.trim();
    return trimmed === "" || trimmed.startsWith("#")
      ? []
      : { text: trimmed, place: `line ${i + 1}` };
  });
  return membersOf(entries);
}

/**
 * The text of a small regular file, which must not be a symbolic link.
 *
 * @throws {DiscoveryError}
 */
export function readSmall(path: string, max: number): string {
  let fd: number;
  let before: Deno.FileInfo;
  try {
    before = Deno.lstatSync(path);
    if (!before.isFile) throw new DiscoveryError("the file is not a regular one");
    fd = openSync(path, "r");
  } catch (error) {
    if (error instanceof DiscoveryError) throw error;
    throw new DiscoveryError(`the file cannot be read: ${nameOf(error)}`);
  }
  try {
    const { ino, dev, size } = fstatSync(fd);
    // What was looked at is what was opened, not what a link has been put in its place for.
    if (ino !== before.ino || dev !== before.dev) throw new DiscoveryError("the file was swapped");
    if (size > max) throw new DiscoveryError(`the file has more than ${max} bytes`);
    const bytes = new Uint8Array(max + 1);
    let length = 0;
    for (;;) {
      const count = readSync(fd, bytes, length, bytes.length - length, length);
      if (count === 0) break;
      length += count;
      if (length > max) throw new DiscoveryError(`the file has more than ${max} bytes`);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof DiscoveryError) throw error;
    throw new DiscoveryError(error instanceof TypeError ? "the file is not UTF-8" : nameOf(error));
  } finally {
    closeSync(fd);
  }
}

function nameOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is none";
  return error instanceof Error ? error.name : String(error);
}
