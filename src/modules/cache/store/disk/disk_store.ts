/**
 * The disk tier, as the one thread that writes and deletes has it: an index of what lies below the root, a
 * budget, and objects that can be found only when they are complete (spec 04 sections 7.3 to 7.5).
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Logger } from "../../../../gateway/reports/log.ts";
import { fullKey, primaryOf } from "../../key/key.ts";
import { keyOf } from "../disk_key.ts";
import type { ObjectFormat, OpenedObject, Source } from "../formats/format.ts";
import { UNVARIED, varianceHash } from "../index.ts";
import type { Fill, MemoryStore, Times } from "../memory.ts";
import type { ObjectMeta } from "../meta.ts";
import type { ObjectHead } from "../object_file.ts";
import { PENDING, READY, SERIAL } from "../slot_words.ts";
import type { Backend, BinsUse, Room } from "./backend.ts";
import type { DiskAsked, DiskEntry } from "./disk_entry.ts";
import { DiskIndex } from "./disk_index.ts";
import { StoredBody, timesOf } from "./stored_body.ts";

/** Most objects of a root; past it the oldest go. */
const MAX_OBJECTS = 1_000_000;
/** Objects that the scan at the start reads before other work has its turn, at once. */
const SCAN_SLICE = 32;
/** Most objects that are evicted for one. */
const MAX_EVICTIONS = 4096;
/** How long after changes they are recorded, and how many times as long as that takes. */
const RECORD_MS = 2_000;
const RECORD_SHARE = 20;
/** Bytes of an object that are copied before other work has its turn. */
const TURN_BYTES = 1024 * 1024;
/** How often objects that could not be opened at the start are tried again, when something is missed. */
const RETRY_MS = 2_000;

export type { DiskAsked, DiskEntry } from "./disk_entry.ts";

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
  readonly #index = new DiskIndex();
  readonly #backend: Backend;
  readonly #format: ObjectFormat;
  /** Objects that cannot be opened at the moment, and their bytes: the first that go. */
  readonly #sealed = new Map<string, number>();
  /** Bytes of all objects, and of those that are being written. */
  #bytes = 0;
  #stores = 0;
  #refusals = 0;
  #evictions = 0;
  #lastWarning = -Infinity;
  #isScanned = false;
  #isClosed = false;
  #retriedAt = 0;
  #recording: ReturnType<typeof setTimeout> | undefined;
  #recordMs = RECORD_MS;
  /** Settles when everything that lay there is known. */
  readonly scanned: Promise<void>;

  constructor(readonly options: DiskOptions, backend: Backend, format: ObjectFormat) {
    this.#backend = backend;
    this.#format = format;
    this.scanned = this.#scan();
  }

  get size(): number {
    return this.#index.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How the files of bins are used, where objects lie in bins. */
  get space(): BinsUse | undefined {
    return this.#backend.space;
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
    return this.#index.entries();
  }

  /** Names of all objects; goes on over changes. */
  keys(): Iterator<string> {
    return this.#index.keys()[Symbol.iterator]();
  }

  /** Keys of all objects of a key without scheme and port. */
  keysOf(loose: string): readonly string[] {
    return this.#index.keysOf(loose);
  }

  get(key: string): DiskEntry | undefined {
    return this.#index.get(key);
  }

  /** The names that the variants of a part of a key depend on; `undefined` where none lies there. */
  async find(asked: DiskAsked): Promise<readonly string[] | undefined> {
    const found = this.#index.find(asked);
    if (found !== undefined) {
      this.#use(found);
      return found.meta.vary;
    }
    if (this.#sealed.size > 0) this.#retry();
    if (this.#isScanned || this.#isClosed) return undefined;
    // Until all is known, an object that does not vary is found by its name.
    const { loose, part, scheme, port } = asked;
    const primary = primaryOf(loose + part, scheme, port);
    const key = fullKey(this.options.userTag, primary, new Uint8Array(0));
    await this.#learn(key, Date.now());
    return this.get(key)?.meta.vary;
  }

  /** Copies an object into a slot that was claimed for it; returns whether it is there, whole. */
  async load(
    memory: MemoryStore,
    slot: number,
    generation: number,
    asked: DiskAsked & { readonly variance: string },
  ): Promise<boolean> {
    const { loose, part, scheme, port, variance } = asked;
    const bytes = Uint8Array.fromHex(variance);
    const key = fullKey(this.options.userTag, primaryOf(loose + part, scheme, port), bytes);
    const held = memory.index.hold(slot);
    if (held === undefined) return false;
    try {
      if (held.generation !== generation || memory.index.phase(slot) !== PENDING) return false;
      const stored = this.#isClosed ? undefined : this.#backend.open(key);
      if (stored === undefined) {
        this.#lose(key);
        return false;
      }
      let isDamaged = false;
      try {
        const opened = await this.#format.open(key, stored);
        if (opened === "sealed") return false;
        isDamaged = opened === "damaged" || !isFor(opened.head, asked);
        if (isDamaged || opened === "damaged") return false;
        const { meta, times, bodyBytes } = opened.head;
        const hash = bytes.length === 0 ? UNVARIED : varianceHash(bytes);
        const fill = memory.begin(held, meta, times, hash, bodyBytes);
        if (fill === undefined) return false;
        isDamaged = !await copy(opened, fill);
        if (isDamaged || !fill.complete(memory.index.keyOf(slot))) {
          fill.abandon(0);
          return false;
        }
        return true;
      } finally {
        stored.close();
        if (isDamaged) this.#discard(key);
      }
    } finally {
      memory.index.release(held);
    }
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

  /** Deletes an object. Returns whether it was there. */
  remove(key: string): boolean {
    if (this.#isClosed) return false;
    const isThere = this.#index.get(key) !== undefined;
    if (isThere) this.#discard(key);
    return isThere;
  }

  /** Gives an object other times: it is written anew. */
  async soften(key: string, times: Times): Promise<boolean> {
    const entry = this.#index.get(key);
    const stored = this.#isClosed ? undefined : this.#backend.open(key);
    if (entry === undefined || stored === undefined) {
      stored?.close();
      return false;
    }
    try {
      const opened = await this.#format.open(key, stored);
      if (typeof opened === "string") return false;
      const { meta, sha256, bodyBytes } = opened.head;
      const source = { length: bodyBytes, sha256, pieces: () => opened.body() };
      // Not over a newer one that has come meanwhile.
      await this.#write(meta, source, times, () => this.#index.get(key) === entry);
      return true;
    } catch (error) {
      this.#refuse(error);
      return false;
    } finally {
      stored.close();
    }
  }

  /** Writes and deletes nothing any more: the root belongs to another one from now on. */
  close(): void {
    if (this.#isClosed) return;
    this.#record();
    this.#isClosed = true;
    this.#backend.close();
  }

  async #write(
    meta: ObjectMeta,
    body: Source,
    times: Times,
    isStill: () => boolean,
  ): Promise<void> {
    const { userTag, maxObjectBytes } = this.options;
    const key = keyOf(userTag, meta);
    if (body.length > maxObjectBytes) throw new Error("it is too large");
    const object = { key, userTag, meta, times, sha256: body.sha256, bodyBytes: body.length };
    const encoded = await this.#format.encode(object, body);
    const { bytes } = encoded;
    const room = this.#reserve(bytes, key);
    if (room === undefined) throw new Error("there is no room");
    try {
      await this.#backend.write(key, room, encoded, () => !this.#isClosed && isStill());
    } finally {
      this.#bytes -= bytes;
    }
    // Known in the turn in which it got its name: a purge that comes while it settles must find it.
    const before = this.#index.get(key);
    if (before !== undefined) this.#forget(before);
    this.#sealed.delete(key);
    const entry = { key, bytes, meta, times, usedMs: Date.now() };
    this.#add(entry);
    this.#changed();
    try {
      await this.#backend.settle(key);
    } catch (error) {
      if (this.#index.get(key) === entry) this.#discard(key);
      throw error;
    }
  }

  /** Makes room for `bytes` by evicting what was not used for longest; counts them. */
  #reserve(bytes: number, replaced: string): Room | undefined {
    if (this.#isClosed || bytes > this.options.maxBytes) return undefined;
    let room = this.#roomFor(bytes);
    for (let count = 0; room === undefined && count < MAX_EVICTIONS; count++) {
      const key = this.#victim(replaced);
      if (key === undefined) break;
      this.#discard(key);
      this.#evictions++;
      room = this.#roomFor(bytes);
    }
    if (room !== undefined) this.#bytes += bytes;
    return room;
  }

  /** What goes first: what cannot be opened, then what was not used for longest. */
  #victim(replaced: string): string | undefined {
    for (const keys of [this.#sealed.keys(), this.#index.keys()]) {
      for (const key of keys) if (key !== replaced) return key;
    }
    return undefined;
  }

  #roomFor(bytes: number): Room | undefined {
    const { maxBytes } = this.options;
    if (this.#bytes + bytes > maxBytes || this.#index.size >= MAX_OBJECTS) return undefined;
    return this.#backend.reserve(bytes);
  }

  #add(entry: DiskEntry): void {
    this.#bytes += entry.bytes;
    this.#index.add(entry);
    for (const other of this.#index.unreachableBy(entry)) this.remove(other);
  }

  #forget(entry: DiskEntry): void {
    this.#index.remove(entry);
    this.#bytes -= entry.bytes;
  }

  /** Deletes what lies under a name, whether it is known or not. */
  #discard(key: string): void {
    this.#lose(key);
    try {
      this.#backend.remove(key);
    } catch (error) {
      this.#refuse(error);
    }
    this.#changed();
  }

  #lose(key: string): void {
    const entry = this.#index.get(key);
    if (entry !== undefined) this.#forget(entry);
    this.#bytes -= this.#sealed.get(key) ?? 0;
    this.#sealed.delete(key);
  }

  #use(entry: DiskEntry): void {
    entry.usedMs = Date.now();
    this.#index.touch(entry);
    this.#changed();
  }

  /** Opens an object that lies there and takes it into the index. */
  async #learn(key: string, usedMs: number): Promise<void> {
    const stored = this.#isClosed ? undefined : this.#backend.open(key);
    if (stored === undefined) return;
    let isDamaged = true;
    try {
      const { bytes } = stored;
      const isSane = bytes <= this.#format.mostBytes(this.options.maxObjectBytes);
      const opened = isSane ? await this.#format.open(key, stored) : "damaged";
      if (this.#index.get(key) !== undefined || this.#isClosed) isDamaged = false;
      else if (opened === "sealed") {
        isDamaged = false;
        if (!this.#sealed.has(key)) this.#bytes += bytes;
        this.#sealed.set(key, bytes);
      } else if (opened !== "damaged" && opened.head.userTag === this.options.userTag) {
        isDamaged = false;
        this.#lose(key);
        this.#add({ key, bytes, meta: opened.head.meta, times: opened.head.times, usedMs });
      }
    } finally {
      stored.close();
      if (isDamaged) this.#discard(key);
    }
  }

  async #scan(): Promise<void> {
    try {
      const lying = [...this.#backend.list()].sort((a, b) => a.usedMs - b.usedMs);
      for (let at = 0; at < lying.length && !this.#isClosed; at += SCAN_SLICE) {
        const slice = lying.slice(at, at + SCAN_SLICE);
        await Promise.all(slice.map(({ key, usedMs }) => this.#learn(key, usedMs)));
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      this.#index.sort();
      const room = this.#reserve(0, "");
      if (room !== undefined) this.#backend.release(room);
    } catch (error) {
      this.#refuse(error);
    }
    this.#isScanned = true;
    const left = this.#sealed.size === 0 ? "" : `, ${this.#sealed.size} that cannot be opened now`;
    const { log } = this.options;
    log.log("info", "fluxheim::cache", `cache disk scan: ${this.size} objects${left}`);
    this.#changed();
  }

  /** Tries again what could not be opened. */
  #retry(): void {
    if (performance.now() - this.#retriedAt < RETRY_MS || !this.#isScanned) return;
    this.#retriedAt = performance.now();
    void (async () => {
      for (const key of [...this.#sealed.keys()]) {
        await this.#learn(key, 0);
        // What is still not there ends it: the next one is asked for with another request.
        if (this.#sealed.has(key)) return;
      }
    })().catch((error) => this.#refuse(error));
  }

  /** What has changed is recorded soon. */
  #changed(): void {
    if (this.#isClosed || this.#recording !== undefined) return;
    this.#recording = setTimeout(() => this.#record(), this.#recordMs);
    Deno.unrefTimer(this.#recording as unknown as number);
  }

  #record(): void {
    clearTimeout(this.#recording);
    this.#recording = undefined;
    if (this.#isClosed || !this.#isScanned) return;
    const began = performance.now();
    try {
      this.#backend.record(this.#index.entries());
    } catch (error) {
      this.#refuse(error);
    }
    this.#recordMs = Math.max(RECORD_MS, RECORD_SHARE * (performance.now() - began));
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

function isFor({ meta }: ObjectHead, { loose, part, scheme, port }: DiskAsked): boolean {
  return meta.loose === loose && meta.part === part && meta.scheme === scheme && meta.port === port;
}

/** Fills with a body; returns whether it was all of it, and what was once written. */
async function copy({ head, body }: OpenedObject, fill: Fill): Promise<boolean> {
  const hash = createHash("sha256");
  let left = head.bodyBytes;
  let inTurn = 0;
  try {
    for (const piece of body()) {
      inTurn += piece.length;
      if (inTurn > TURN_BYTES) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        inTurn = 0;
      }
      hash.update(piece);
      left -= piece.length;
      // Readers may follow, but no byte of a damaged object is the last one they get.
      if (left < 0 || left === 0 && hash.copy().digest("hex") !== head.sha256) return false;
      if (!fill.write(piece)) return false;
    }
  } catch {
    return false;
  }
  return left === 0 && (head.bodyBytes > 0 || hash.digest("hex") === head.sha256);
}
