/** The layout with a file for each object (spec 04 section 7.3). @module */
import fs from "node:fs";
import { randomBytes } from "node:crypto";
import type { Encoded, StoredBytes } from "../formats/format.ts";
import { objectPath } from "../object_file.ts";
import { lstat, objectFiles, shards } from "../object_reader.ts";
import type { Backend, Lying, Recorded, Room } from "./backend.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";

/** Files that a crash has left go after so long. */
const TEMPORARY_MS = 6 * 3_600_000;
const TEMPORARY = /^\.fluxheim-(?:object|body)-[0-9]+\.[0-9a-f]+\.tmp$/;
const DIRECTORY_MODE = 0o750;
const FILE_MODE = 0o600;

const ROOM: Readonly<Room> = {};

/** Files below `root`. */
export class FilesBackend implements Backend {
  readonly space = undefined;
  /** When files were last written, for the record. */
  readonly #modified = new Map<string, number>();

  /**
   * @param report Told of what is there and not ours.
   * @throws When the root cannot be used.
   */
  constructor(readonly root: string, readonly report: (message: string) => void) {
    makeDirectory(root);
    makeDirectory(`${root}/tmp`);
  }

  reserve(): Room {
    return ROOM;
  }

  release(): void {}

  async write(
    key: string,
    _room: Room,
    encoded: Encoded,
    isStill: () => boolean,
  ): Promise<void> {
    const directory = `${this.root}/${key.slice(0, 2)}`;
    const draft = `${directory}/.fluxheim-object-${Deno.pid}.${randomBytes(8).toString("hex")}.tmp`;
    let isWritten = false;
    try {
      makeDirectory(directory);
      await writeAll(draft, encoded);
      if (!isStill()) throw new Error("it was purged or replaced meanwhile");
      // Nothing else of this thread comes between the look and the name.
      Deno.renameSync(draft, objectPath(this.root, key));
      isWritten = true;
      this.#modified.set(key, modifiedOf(lstat(objectPath(this.root, key))));
    } finally {
      if (!isWritten) this.#delete(draft);
    }
  }

  settle(key: string): Promise<void> {
    return syncDirectory(`${this.root}/${key.slice(0, 2)}`);
  }

  open(key: string): StoredBytes | undefined {
    return openFile(objectPath(this.root, key));
  }

  /** Only a regular file of our own naming. */
  remove(key: string): void {
    this.#modified.delete(key);
    this.#delete(objectPath(this.root, key));
  }

  *list(): Generator<Lying> {
    this.#removeTemporaries(`${this.root}/tmp`);
    for (const directory of shards(this.root)) this.#removeTemporaries(directory);
    const recorded = readCheckpoint(this.root);
    for (const path of objectFiles(this.root)) {
      const stats = lstat(path);
      if (stats === undefined || !stats.isFile || stats.isSymlink) continue;
      const key = path.slice(path.lastIndexOf("/") + 1, -".fhc".length);
      const modifiedMs = modifiedOf(stats);
      this.#modified.set(key, modifiedMs);
      const known = recorded.get(key);
      const isSame = known?.bytes === stats.size && known.modifiedMs === modifiedMs;
      yield { key, bytes: stats.size, usedMs: isSame ? known.usedMs : modifiedMs };
    }
  }

  record(objects: Iterable<Recorded>): void {
    writeCheckpoint(this.root, objects, this.#modified);
  }

  close(): void {}

  #removeTemporaries(directory: string): void {
    for (const { name } of Deno.readDirSync(directory)) {
      if (!TEMPORARY.test(name)) continue;
      const stats = lstat(`${directory}/${name}`);
      const age = Date.now() - (stats?.mtime?.getTime() ?? Date.now());
      if (stats?.isFile === true && age > TEMPORARY_MS) this.#delete(`${directory}/${name}`);
    }
  }

  #delete(path: string): void {
    const stats = lstat(path);
    if (stats === undefined) return;
    if (!stats.isFile || stats.isSymlink) {
      return this.report("a cache file is not a regular file and is left alone");
    }
    Deno.removeSync(path);
  }
}

function modifiedOf(stats: Deno.FileInfo | undefined): number {
  return stats?.mtime?.getTime() ?? 0;
}

/** Opens a regular file, and knows that it is the one that was looked at. */
function openFile(path: string): StoredBytes | undefined {
  let fd: number;
  let seen: Deno.FileInfo | undefined;
  try {
    seen = lstat(path);
    if (seen === undefined || !seen.isFile || seen.isSymlink) return undefined;
    fd = fs.openSync(path, "r");
  } catch {
    // Not readable: a miss.
    return undefined;
  }
  const stats = fs.fstatSync(fd);
  if (!stats.isFile() || stats.dev !== seen.dev || stats.ino !== seen.ino) {
    fs.closeSync(fd);
    return undefined;
  }
  return {
    bytes: stats.size,
    read: (into, at) => fs.readSync(fd, into, 0, into.length, at),
    close: () => fs.closeSync(fd),
  };
}

async function writeAll(path: string, encoded: Encoded): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: FILE_MODE });
  for (const piece of encoded.pieces()) {
    for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
  }
  await file.sync();
}

async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}

/** Makes a directory, or checks that what is there is one. @throws When something else is there. */
export function makeDirectory(path: string): void {
  const stats = lstat(path);
  if (stats === undefined) return Deno.mkdirSync(path, { mode: DIRECTORY_MODE });
  if (!stats.isDirectory || stats.isSymlink) throw new Error(`${path} is not a directory`);
}
