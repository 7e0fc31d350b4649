/**
 * The disk tier, as the one thread that writes and deletes has it: an index of what lies below the root, a
 * budget, and files that are complete before they get their names (spec 04 section 7.3).
 *
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import type { Logger } from "../../../gateway/log.ts";
import type { BlockCursor } from "./blocks.ts";
import { keyOf } from "./disk_key.ts";
import type { MemoryStore, Times } from "./memory.ts";
import type { ObjectMeta } from "./meta.ts";
import { decodeHead, encodeHead, objectPath } from "./object_file.ts";
import { lstat, objectFiles, readObject, shards } from "./object_reader.ts";
import { DATED, EXPIRES, IF_ERROR, LENGTH, READY, SERIAL, WHILE_REVALIDATE } from "./slot_words.ts";

/** Most objects of a root; past it the oldest go. */
const MAX_OBJECTS = 1_000_000;
/** Files that a crash has left go after so long. */
const TEMPORARY_MS = 6 * 3_600_000;
const TEMPORARY = /^\.fluxheim-(?:object|body)-[0-9]+\.[0-9a-f]+\.tmp$/;
const DIRECTORY_MODE = 0o750;
const FILE_MODE = 0o600;
/** Files that the scan at the start reads before other work has its turn. */
const SCAN_SLICE = 64;

/** An object that lies there. */
export interface DiskEntry {
  readonly key: string;
  readonly bytes: number;
  readonly meta: ObjectMeta;
  readonly times: Times;
}

/** What a disk tier works with. */
export interface DiskOptions {
  readonly root: string;
  readonly maxBytes: number;
  readonly maxObjectBytes: number;
  readonly userTag: string;
  readonly log: Logger;
}

/** The objects below one root. */
export class DiskStore {
  /** In the order of their last use. */
  readonly #entries = new Map<string, DiskEntry>();
  /** Keys of objects by what they are of, whatever part of it they are, and by both. */
  readonly #byLoose = new Map<string, Set<string>>();
  readonly #byPart = new Map<string, Set<string>>();
  /** Bytes of all files, and of those that are being written. */
  #bytes = 0;
  #stores = 0;
  #refusals = 0;
  #evictions = 0;
  #lastWarning = -Infinity;
  /** Settles when everything that lay there is known. */
  readonly scanned: Promise<void>;

  constructor(readonly options: DiskOptions) {
    const { root } = options;
    this.#directory(root);
    this.#directory(`${root}/tmp`);
    this.scanned = this.#scan();
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What was done since the start. */
  get activity(): {
    readonly stores: number;
    readonly refusals: number;
    readonly evictions: number;
  } {
    return { stores: this.#stores, refusals: this.#refusals, evictions: this.#evictions };
  }

  entries(): Iterable<DiskEntry> {
    return this.#entries.values();
  }

  /** The names that the variants of a part of a key depend on; `undefined` where none lies there. */
  find(loose: string, part: string, scheme: string, port: string): readonly string[] | undefined {
    for (const key of this.#byPart.get(loose + part) ?? []) {
      const entry = this.#entries.get(key);
      if (entry === undefined || entry.meta.scheme !== scheme || entry.meta.port !== port) continue;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return entry.meta.vary;
    }
    return undefined;
  }

  /** Keys of all objects of a key without scheme and port. */
  keysOf(loose: string): readonly string[] {
    return [...this.#byLoose.get(loose) ?? []];
  }

  get(key: string): DiskEntry | undefined {
    return this.#entries.get(key);
  }

  /** Writes the object of `slot`, if it is still the one with this serial number. Never throws. */
  async save(store: MemoryStore, slot: number, serial: number): Promise<boolean> {
    const held = store.index.hold(slot);
    if (held === undefined) return false;
    try {
      const isIt = () =>
        store.index.phase(slot) === READY &&
        store.index.words[store.index.at(slot) + SERIAL] === serial;
      const object = isIt() ? store.meta(slot)?.meta : undefined;
      if (object === undefined) return false;
      await this.#write(object, new StoredBody(store, slot), timesOf(store, slot), isIt);
      this.#stores++;
      return true;
    } catch (error) {
      this.#refuse(error);
      return false;
    } finally {
      store.index.release(held);
    }
  }

  /** Deletes an object; only a regular file of our own naming. Returns whether it was there. */
  remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#forget(entry);
    this.#delete(objectPath(this.options.root, key));
    return true;
  }

  /** Gives an object other times: its file is written anew. */
  async soften(key: string, times: Times): Promise<boolean> {
    const path = objectPath(this.options.root, key);
    try {
      const bytes = await Deno.readFile(path);
      const head = decodeHead(bytes, bytes.length);
      if (head === undefined) return false;
      const body = bytes.subarray(head.bodyAt);
      const source = { length: body.length, sha256: head.sha256, pieces: () => [body] };
      await this.#write(head.meta, source, times, () => this.#entries.has(key));
      return true;
    } catch (error) {
      this.#refuse(error);
      return false;
    }
  }

  async #write(
    meta: ObjectMeta,
    body: Source,
    times: Times,
    isStill: () => boolean,
  ): Promise<void> {
    const { root, userTag, maxObjectBytes } = this.options;
    const key = keyOf(userTag, meta);
    const head = encodeHead({
      key,
      userTag,
      meta,
      times,
      sha256: body.sha256,
      bodyBytes: body.length,
    });
    if (head === undefined || body.length > maxObjectBytes) throw new Error("it is too large");
    const bytes = head.length + body.length;
    if (!this.#reserve(bytes, key)) throw new Error("there is no room");
    const directory = `${root}/${key.slice(0, 2)}`;
    const draft = `${directory}/.fluxheim-object-${Deno.pid}.${randomBytes(8).toString("hex")}.tmp`;
    let isWritten = false;
    try {
      this.#directory(directory);
      await writeAll(draft, head, body);
      if (!isStill()) throw new Error("it was purged or replaced meanwhile");
      // Nothing else of this thread comes between the look and the name.
      Deno.renameSync(draft, objectPath(root, key));
      isWritten = true;
    } finally {
      this.#bytes -= bytes;
      if (!isWritten) this.#delete(draft);
    }
    const before = this.#entries.get(key);
    if (before !== undefined) this.#forget(before);
    this.#add({ key, bytes, meta, times });
    await syncDirectory(directory);
  }

  /** Makes room for `bytes` by evicting what was not used for longest; counts them. */
  #reserve(bytes: number, replaced: string): boolean {
    const { maxBytes } = this.options;
    if (bytes > maxBytes) return false;
    for (const key of this.#entries.keys()) {
      if (this.#bytes + bytes <= maxBytes && this.#entries.size < MAX_OBJECTS) break;
      if (key === replaced) continue;
      this.remove(key);
      this.#evictions++;
    }
    if (this.#bytes + bytes > maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  #add(entry: DiskEntry): void {
    this.#entries.set(entry.key, entry);
    this.#bytes += entry.bytes;
    const { loose, part } = entry.meta;
    put(this.#byLoose, loose, entry.key);
    put(this.#byPart, loose + part, entry.key);
    this.#dropUnreachable(entry);
  }

  /** Variants by other names of fields cannot be found any more. */
  #dropUnreachable({ key, meta }: DiskEntry): void {
    for (const other of [...this.#byPart.get(meta.loose + meta.part) ?? []]) {
      const entry = this.#entries.get(other);
      if (other === key || entry === undefined) continue;
      const { scheme, port, vary } = entry.meta;
      if (scheme === meta.scheme && port === meta.port && vary.join() !== meta.vary.join()) {
        this.remove(other);
      }
    }
  }

  #forget({ key, bytes, meta }: DiskEntry): void {
    this.#entries.delete(key);
    this.#bytes -= bytes;
    take(this.#byLoose, meta.loose, key);
    take(this.#byPart, meta.loose + meta.part, key);
  }

  async #scan(): Promise<void> {
    const { root } = this.options;
    const found: { readonly entry: DiskEntry; readonly usedMs: number }[] = [];
    this.#removeTemporaries(`${root}/tmp`);
    let looked = 0;
    for (const directory of shards(root)) this.#removeTemporaries(directory);
    for (const path of objectFiles(root)) {
      const file = readObject(path, this.options.maxObjectBytes);
      const isOurs = file !== undefined && path === objectPath(root, file.head.key) &&
        file.head.userTag === this.options.userTag;
      if (!isOurs) this.#delete(path);
      else if (!this.#entries.has(file.head.key)) {
        const { key, meta, times } = file.head;
        found.push({ entry: { key, bytes: file.bytes, meta, times }, usedMs: file.usedMs });
      }
      if (++looked % SCAN_SLICE === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    found.sort((a, b) => a.usedMs - b.usedMs);
    for (const { entry } of found) if (!this.#entries.has(entry.key)) this.#add(entry);
    this.#reserve(0, "");
    this.options.log.log("info", "fluxheim::cache", `cache disk scan: ${this.size} objects`);
  }

  #removeTemporaries(directory: string): void {
    for (const { name } of Deno.readDirSync(directory)) {
      if (!TEMPORARY.test(name)) continue;
      const stats = lstat(`${directory}/${name}`);
      const age = Date.now() - (stats?.mtime?.getTime() ?? Date.now());
      if (stats?.isFile === true && age > TEMPORARY_MS) this.#delete(`${directory}/${name}`);
    }
  }

  /** Makes a directory, or checks that what is there is one of our own. */
  #directory(path: string): void {
    if (isOwnDirectory(path)) return;
    Deno.mkdirSync(path, { mode: DIRECTORY_MODE });
  }

  #delete(path: string): void {
    const stats = lstat(path);
    if (stats === undefined) return;
    if (!stats.isFile || stats.isSymlink) {
      const { log } = this.options;
      log.log("warn", "fluxheim::security", "a cache file is not a regular file and is left alone");
      return;
    }
    try {
      Deno.removeSync(path);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** One warning a minute: a full disk refuses everything. */
  #refuse(error: unknown): void {
    this.#refusals++;
    if (performance.now() - this.#lastWarning < 60_000) return;
    this.#lastWarning = performance.now();
    const reason = error instanceof Error ? error.message : String(error);
    this.options.log.log("warn", "fluxheim::cache", `an object is not stored on disk: ${reason}`);
  }
}

function put(sets: Map<string, Set<string>>, name: string, key: string): void {
  const keys = sets.get(name);
  if (keys === undefined) sets.set(name, new Set([key]));
  else keys.add(key);
}

function take(sets: Map<string, Set<string>>, name: string, key: string): void {
  const keys = sets.get(name);
  keys?.delete(key);
  if (keys?.size === 0) sets.delete(name);
}

/** A body to be written. */
interface Source {
  readonly length: number;
  readonly sha256: string;
  pieces(): Iterable<Uint8Array>;
}

/** The body of an object in memory, which is held. */
class StoredBody implements Source {
  readonly length: number;
  readonly sha256: string;

  constructor(readonly store: MemoryStore, readonly slot: number) {
    this.length = store.index.float(slot, LENGTH);
    const hash = createHash("sha256");
    for (const piece of this.pieces()) hash.update(piece.slice());
    this.sha256 = hash.digest("hex");
  }

  *pieces(): Generator<Uint8Array> {
    const inline = this.store.inline(this.slot);
    if (inline !== undefined) {
      yield inline;
      return;
    }
    const cursor: BlockCursor = this.store.cursor(this.slot);
    for (let at = 0; at < this.length;) {
      if (!cursor.seek(at) || cursor.bytes === undefined) throw new Error("a block is missing");
      const end = Math.min(this.length, cursor.start + cursor.length);
      yield cursor.bytes.subarray(at - cursor.start, end - cursor.start);
      at = end;
    }
  }
}

function timesOf({ index }: MemoryStore, slot: number): Times {
  return {
    datedMs: index.float(slot, DATED),
    expiresMs: index.float(slot, EXPIRES),
    whileRevalidateMs: index.float(slot, WHILE_REVALIDATE),
    ifErrorMs: index.float(slot, IF_ERROR),
  };
}

async function writeAll(path: string, head: Uint8Array, body: Source): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: FILE_MODE });
  for (const piece of [head, ...body.pieces()]) {
    for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
  }
  await file.sync();
}

async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}

/** @throws When something else is there. */
function isOwnDirectory(path: string): boolean {
  const stats = lstat(path);
  if (stats === undefined) return false;
  if (!stats.isDirectory || stats.isSymlink) throw new Error(`${path} is not a directory`);
  return true;
}
