/**
 * What is recorded of a root from time to time: when its objects were last used, which the file system does not
 * know (spec 04 section 7.4).
 *
 * @module
 */
import { lstat, shards } from "../object_reader.ts";
import type { Recorded } from "./backend.ts";

const NAME = ".fluxheim-disk-index-v1";
const MAGIC = "FLUXHEIM-DISK-INDEX-v1";
/** A line is at most some 150 bytes, and there are a million objects at most. */
const MAX_BYTES = 256 * 1024 * 1024;
const LINE = /^([0-9a-f]{2})\/(\1[0-9a-f]{62})\.fhc\t([0-9]{1,15})\t([0-9]{1,15})\t([0-9]{1,15})$/;

/** An object as it was recorded. */
export interface CheckpointEntry {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly usedMs: number;
}

/** What was recorded, by key; nothing where a line is wrong or a directory has changed since. */
export function readCheckpoint(root: string): ReadonlyMap<string, CheckpointEntry> {
  const none = new Map<string, CheckpointEntry>();
  const path = `${root}/${NAME}`;
  const stats = lstat(path);
  if (stats === undefined || !stats.isFile || stats.isSymlink || stats.size > MAX_BYTES) {
    return none;
  }
  const written = stats.mtime?.getTime() ?? 0;
  for (const directory of shards(root)) {
    if ((lstat(directory)?.mtime?.getTime() ?? Infinity) > written) return none;
  }
  const [first, ...lines] = Deno.readTextFileSync(path).split("\n");
  if (first !== MAGIC || lines.pop() !== "") return none;
  const entries = new Map<string, CheckpointEntry>();
  for (const line of lines) {
    const match = LINE.exec(line);
    if (match === null) return none;
    const [bytes, modifiedMs, usedMs] = match.slice(3).map(Number);
    entries.set(match[2], { bytes, modifiedMs, usedMs });
  }
  return entries;
}

/** Records objects, with the times of their last change. Written aside, synced, renamed. */
export function writeCheckpoint(
  root: string,
  objects: Iterable<Recorded>,
  modified: ReadonlyMap<string, number>,
): void {
  let text = MAGIC + "\n";
  for (const { key, bytes, usedMs } of objects) {
    const modifiedMs = modified.get(key);
    if (modifiedMs === undefined) continue;
    text += `${key.slice(0, 2)}/${key}.fhc\t${bytes}\t${modifiedMs}\t${Math.floor(usedMs)}\n`;
  }
  replaceFile(`${root}/${NAME}`, text);
}

/** Puts a small file in the place of another one. */
export function replaceFile(path: string, text: string): void {
  const draft = `${path}.new`;
  if (lstat(draft) !== undefined) Deno.removeSync(draft);
  {
    using file = Deno.openSync(draft, { write: true, createNew: true, mode: 0o600 });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  }
  Deno.renameSync(draft, path);
}
