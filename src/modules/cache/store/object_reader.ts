/**
 * Reading objects on disk: nothing is made, changed or deleted here.
 *
 * @module
 */
import { decodeHead, MAX_BEGINNING_BYTES, MAX_HEAD_BYTES, type ReadHead } from "./object_file.ts";

const OBJECT = /^[0-9a-f]{64}\.fhc$/;

/** The directories below `root` in which objects lie. */
export function* shards(root: string): Generator<string> {
  for (let shard = 0; shard < 256; shard++) {
    const directory = `${root}/${shard.toString(16).padStart(2, "0")}`;
    const stats = lstat(directory);
    if (stats?.isDirectory === true && !stats.isSymlink) yield directory;
  }
}

/** Everything below `root` that is named like an object. */
export function* objectFiles(root: string): Generator<string> {
  for (const directory of shards(root)) {
    for (const { name } of Deno.readDirSync(directory)) {
      if (OBJECT.test(name)) yield `${directory}/${name}`;
    }
  }
}

/** What is there; `undefined` where nothing is. */
export function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads the head of an object; `undefined` when it is not one of ours. */
export function readObject(
  path: string,
  maxObjectBytes: number,
): { readonly head: ReadHead; readonly bytes: number; readonly usedMs: number } | undefined {
  const stats = lstat(path);
  if (stats === undefined || !stats.isFile || stats.isSymlink) return undefined;
  if (stats.size > maxObjectBytes + MAX_HEAD_BYTES + 1024) return undefined;
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(MAX_BEGINNING_BYTES);
  let at = 0;
  while (at < bytes.length) {
    const count = file.readSync(bytes.subarray(at));
    if (count === null) break;
    at += count;
  }
  const head = decodeHead(bytes.subarray(0, at), stats.size);
  const usedMs = stats.mtime?.getTime() ?? 0;
  return head === undefined ? undefined : { head, bytes: stats.size, usedMs };
}
