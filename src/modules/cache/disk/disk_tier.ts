/**
 * The disk tier, as workers have it: they read objects that the service of the cache has written, check them
 * against what was asked, and copy them into memory, from which they are served.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { ReadonlyFields } from "../../../http/fields.ts";
import type { Calls } from "../../../gateway/threads/calls.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import type { Lookup } from "../lookup/decision.ts";
import { fullKey, primaryOf } from "../key/key.ts";
import { varianceOf } from "../key/vary.ts";
import { type Held, UNVARIED, varianceHash } from "../store/index.ts";
import type { MemoryStore } from "../store/memory.ts";
import type { ObjectMeta } from "../store/meta.ts";
import { keyOf } from "../store/disk_key.ts";
import {
  decodeHead,
  MAX_BEGINNING_BYTES,
  MAX_HEAD_BYTES,
  objectPath,
  type ReadHead,
} from "../store/object_file.ts";
import { SERIAL } from "../store/slot_words.ts";

/** Calls to the service that may be waited for at once; past it there is no disk tier for a moment. */
const MAX_CALLS = 512;
const DEADLINE_MS = 2_000;
/** A transit engine may take ten seconds. */
const LOAD_DEADLINE_MS = 12_000;
/** A write of a large object may take longer. */
const SAVE_DEADLINE_MS = 60_000;
const READ_BYTES = 64 * 1024;

/** What a disk tier works with. */
export interface DiskTierOptions {
  readonly calls: Calls;
  readonly store: MemoryStore;
  readonly root: string;
  readonly userTag: string;
  readonly maxObjectBytes: number;
  /** Name of the cache for the service: that of its memory. */
  readonly cache: string;
  /** Whether workers may read objects themselves: not where these are encrypted or lie in bins. */
  readonly readsFiles: boolean;
}

/** The disk tier of one cache. */
export class DiskTier {
  readonly #options: DiskTierOptions;
  #waiting = 0;

  constructor(options: DiskTierOptions) {
    this.#options = options;
  }

  /**
   * Copies the object for a request into the claimed slot.
   *
   * @returns Whether the claim is used up, because there is an object now or because one was damaged.
   */
  async load(
    claim: Held,
    lookup: Lookup,
    { fields }: { readonly fields: ReadonlyFields },
  ): Promise<boolean> {
    const { store, userTag, root } = this.#options;
    const { loose, part, identity: { scheme, port } } = lookup;
    const found = await this.#call("disk.find", { loose, part, scheme, port }, DEADLINE_MS);
    if (!Array.isArray(found)) return false;
    const vary = found.filter((name): name is string => typeof name === "string");
    const variance = varianceOf(vary, fields);
    if (!this.#options.readsFiles) return this.#loadByService(claim, lookup, variance);
    const key = fullKey(userTag, primaryOf(loose + part, scheme, port), variance);
    const path = objectPath(root, key);
    using file = await openObject(path, this.#options.maxObjectBytes);
    if (file === undefined) return false;
    const head = await readHead(file);
    const isIt = head !== undefined && head.key === key && head.meta.loose === loose &&
      head.meta.part === part &&
      head.meta.scheme === scheme && head.meta.port === port;
    if (!isIt) {
      this.#report(key);
      return false;
    }
    const hash = variance.length === 0 ? UNVARIED : varianceHash(variance);
    const fill = store.begin(claim, head.meta, head.times, hash, head.bodyBytes);
    if (fill === undefined) return false;
    const isWhole = await copy(file, head, (piece) => fill.write(piece));
    if (!isWhole) this.#report(key);
    if (!isWhole || !fill.complete(lookup.key)) fill.abandon(0);
    store.index.release(claim);
    return true;
  }

  /** The service copies the object, which workers cannot read. */
  async #loadByService(
    claim: Held,
    { loose, part, identity: { scheme, port } }: Lookup,
    variance: Uint8Array,
  ): Promise<boolean> {
    const { slot, generation } = claim;
    const asked = { loose, part, scheme, port, variance: variance.toHex(), slot, generation };
    const isThere = await this.#call("disk.load", asked, LOAD_DEADLINE_MS) === true;
    if (isThere) this.#options.store.index.release(claim);
    return isThere;
  }

  /** Whether there is an object for a look-up, of any variant. */
  async has({ loose, part, identity: { scheme, port } }: Lookup): Promise<boolean> {
    return Array.isArray(await this.#call("disk.find", { loose, part, scheme, port }, DEADLINE_MS));
  }

  /** An object is in memory now, and is to lie on disk as well. */
  save(slot: number): void {
    const { index } = this.#options.store;
    const serial = index.words[index.at(slot) + SERIAL];
    void this.#call("disk.save", { slot, serial }, SAVE_DEADLINE_MS);
  }

  /** An object is of no more use. */
  drop(meta: ObjectMeta): void {
    void this.#call("disk.drop", { key: keyOf(this.#options.userTag, meta) }, DEADLINE_MS);
  }

  /** Nothing of a path is of any more use. */
  async invalidate(loose: string): Promise<void> {
    await this.#call("disk.invalidate", { loose }, DEADLINE_MS);
  }

  #report(key: string): void {
    void this.#call("disk.drop", { key, damaged: true }, DEADLINE_MS);
  }

  async #call(name: string, input: { [key: string]: Plain }, deadlineMs: number): Promise<Plain> {
    if (this.#waiting >= MAX_CALLS) return null;
    this.#waiting++;
    try {
      const { calls, cache } = this.#options;
      const outcome = await calls.call(name, { ...input, cache }, deadlineMs);
      return outcome.kind === "answer" ? outcome.value : null;
    } finally {
      this.#waiting--;
    }
  }
}

/** Opens a regular file, and knows that it is the one that was looked at. */
async function openObject(path: string, maxObjectBytes: number): Promise<Deno.FsFile | undefined> {
  try {
    const seen = await Deno.lstat(path);
    if (!seen.isFile || seen.isSymlink) return undefined;
    if (seen.size > maxObjectBytes + MAX_HEAD_BYTES + 1024) return undefined;
    const file = await Deno.open(path);
    const stats = await file.stat();
    if (stats.isFile && stats.dev === seen.dev && stats.ino === seen.ino) return file;
    file.close();
    return undefined;
  } catch {
    // Evicted meanwhile, or not readable: a miss.
    return undefined;
  }
}

async function readHead(file: Deno.FsFile): Promise<ReadHead | undefined> {
  const { size } = await file.stat();
  const bytes = new Uint8Array(MAX_BEGINNING_BYTES);
  let at = 0;
  while (at < bytes.length) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) break;
    at += count;
  }
  return decodeHead(bytes.subarray(0, at), size);
}

/** Hands all of the body to `write`; returns whether it was all of it, and what was once written. */
async function copy(
  file: Deno.FsFile,
  { bodyAt, bodyBytes, sha256 }: ReadHead,
  write: (piece: Uint8Array) => boolean,
): Promise<boolean> {
  await file.seek(bodyAt, Deno.SeekMode.Start);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(Math.min(READ_BYTES, Math.max(1, bodyBytes)));
  for (let left = bodyBytes; left > 0;) {
    const count = await file.read(buffer.subarray(0, Math.min(buffer.length, left)));
    if (count === null) return false;
    const piece = buffer.subarray(0, count);
    hash.update(piece);
    // Readers may follow, but no byte of a damaged object is the last one they get.
    left -= count;
    if (left === 0 && hash.copy().digest("hex") !== sha256) return false;
    if (!write(piece)) return false;
  }
  return bodyBytes > 0 || hash.digest("hex") === sha256;
}
