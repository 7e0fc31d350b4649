/**
 * Memory tiers for tests: several threads' views of one memory.
 *
 * @module
 */
import { arena } from "../../../zones/arena/arena.ts";
import { newMemory } from "../../../zones/layout.ts";
import { type CacheIndex, cacheIndex, type Held, type KeyHash, UNVARIED } from "../store/index.ts";
import { type Fill, MemoryStore } from "../store/memory.ts";
import type { ObjectMeta } from "../store/meta.ts";

/** One memory tier, as several threads work with it. */
export class Stores {
  readonly #bodies: SharedArrayBuffer;
  readonly #index: SharedArrayBuffer;

  /** @param budget Bytes. */
  constructor(readonly budget: number, readonly threads = 4) {
    this.#bodies = newMemory(arena, { bytes: budget + 1024 * 1024 }, threads);
    this.#index = newMemory(cacheIndex, { bytes: budget }, threads);
    arena.apply?.(this.#bodies, { budgets: [budget] }, this.#call());
  }

  /** As thread `index` works with it. */
  open(index: number): MemoryStore {
    const own = { index, count: this.threads };
    return new MemoryStore(
      arena.open(this.#bodies, own),
      cacheIndex.open(this.#index, own),
      this.budget,
    );
  }

  /** Thread `index` is lost: what the keeper does then. */
  lose(index: number): void {
    const lost = { index, count: this.threads };
    arena.reclaim?.(this.#bodies, lost, this.#call());
    cacheIndex.reclaim?.(this.#index, lost, this.#call());
  }

  #call() {
    return { threads: this.threads, waitUntil: performance.now() + 10_000 };
  }
}

/** The key of `path`. */
export function keyOf({ index }: { readonly index: CacheIndex }, path: string): KeyHash {
  return index.hash(path, "http", "80");
}

/** What is stored beside the body of `path`. */
export function metaOf(path: string, more: Partial<ObjectMeta> = {}): ObjectMeta {
  return {
    status: 200,
    names: ["content-type"],
    values: ["image/png"],
    loose: path,
    scheme: "http",
    port: "80",
    path,
    tags: [],
    vary: [],
    variance: "",
    part: "",
    version: "",
    lifetimeSecs: 60,
    ...more,
  };
}

/** An hour from now, for everything. */
export function hour() {
  const now = Date.now();
  const later = now + 3_600_000;
  return { datedMs: now, expiresMs: later, whileRevalidateMs: later, ifErrorMs: later };
}

/** Begins to store `path`. */
export function begin(
  store: MemoryStore,
  path: string,
  length: number | undefined,
  more: Partial<ObjectMeta> = {},
): { readonly held: Held; readonly fill: Fill | undefined } {
  const claim = store.index.claim(keyOf(store, path), UNVARIED, 30_000, Date.now());
  if (claim?.isOwn !== true) throw new Error("it is claimed already");
  const fill = store.begin(claim.held, metaOf(path, more), hour(), UNVARIED, length);
  return { held: claim.held, fill };
}

/** Stores `body` under `path`; returns whether it is stored. */
export function put(
  store: MemoryStore,
  path: string,
  body: Uint8Array,
  more: Partial<ObjectMeta> = {},
): boolean {
  const { held, fill } = begin(store, path, body.length, more);
  const isStored = fill !== undefined && fill.write(body) && fill.complete(keyOf(store, path));
  if (!isStored) store.index.remove(held.slot, held.generation);
  store.index.release(held);
  return isStored;
}

/** Bytes that are different for each `seed`. */
export function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17) & 255);
}
