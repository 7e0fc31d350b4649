/**
 * Purges of a memory tier: what is purged cannot be found by any worker when the call returns, and a fill that
 * began before is not stored (spec 04 section 12).
 *
 * @module
 */
import type { Held, KeyHash } from "./index.ts";
import type { MemoryStore, Times } from "./memory.ts";
import type { ObjectMeta } from "./meta.ts";
import { EXPIRES, FILLING, IF_ERROR, PENDING, READY, WHILE_REVALIDATE } from "./slot_words.ts";

/** Slots looked at before other work of the thread has its turn. */
const SLICE_SLOTS = 512;
/** A soft purge sets the end of freshness to so long ago. */
const SOFT_MS = 1000;

/** What a purge by index came to. */
export interface IndexPurge {
  readonly matched: number;
  readonly purged: number;
  /** More are left. */
  readonly truncated: boolean;
  readonly batches: number;
}

/** What a purge of expired objects came to. */
export interface StalePurge {
  readonly scanned: number;
  readonly stale: number;
  readonly purged: number;
  readonly truncated: boolean;
  readonly batches: number;
}

/** The times of an object after a soft purge, which only ever moves the end of freshness earlier. */
export function softened(times: Times): Times {
  const { expiresMs } = times;
  const earlier = Date.now() - SOFT_MS;
  if (earlier >= expiresMs) return times;
  const by = earlier - expiresMs;
  return {
    datedMs: times.datedMs,
    expiresMs: earlier,
    whileRevalidateMs: times.whileRevalidateMs + by,
    ifErrorMs: times.ifErrorMs + by,
  };
}

/** Purges one store. Scans go on where the last one ended, so repeated calls come to all objects. */
export class Purge {
  #cursor = 0;

  constructor(readonly store: MemoryStore) {}

  /** Objects that are there. */
  get entries(): number {
    const { index } = this.store;
    let count = 0;
    for (let slot = 0; slot < index.usedSlots; slot++) if (index.phase(slot) === READY) count++;
    return count;
  }

  /**
   * Removes all variants of what `matches`, whose hash is `key`.
   *
   * @returns Whether an object was removed.
   */
  exact(key: KeyHash, matches: (meta: ObjectMeta) => boolean): boolean {
    const { index } = this.store;
    index.notePurge();
    let isPurged = false;
    for (const slot of [...index.slotsOf(key)]) {
      const removed = this.#with(slot, (held, phase, meta) => {
        if (phase === PENDING) return index.doom(slot, held.generation), false;
        return meta !== undefined && matches(meta) && this.#remove(held, phase);
      });
      isPurged = removed || isPurged;
    }
    return isPurged;
  }

  /** Purges what `matches`, at most `limit` a batch. */
  async indexed(
    matches: (meta: ObjectMeta) => boolean,
    { limit, batches, soft }: {
      readonly limit: number;
      readonly batches: number;
      readonly soft: boolean;
    },
  ): Promise<IndexPurge> {
    this.store.index.notePurge();
    this.#doomPending();
    const most = limit * batches;
    let matched = 0;
    let purged = 0;
    let isTruncated = false;
    await this.#scan((slot) => {
      const isMatch = this.#with(
        slot,
        (_, phase, meta) => phase !== PENDING && meta !== undefined && matches(meta),
      );
      if (!isMatch) return true;
      if (matched === most) {
        isTruncated = true;
        return false;
      }
      matched++;
      const done = this.#with(
        slot,
        (held, phase) => soft && phase === READY ? this.#soften(slot) : this.#remove(held, phase),
      );
      if (done) purged++;
      return true;
    });
    const run = Math.max(1, Math.ceil(matched / limit));
    return { matched, purged, truncated: isTruncated, batches: run };
  }

  /** Removes expired objects, or counts them. */
  async stale(
    { limit, batches, dryRun }: {
      readonly limit: number;
      readonly batches: number;
      readonly dryRun: boolean;
    },
  ): Promise<StalePurge> {
    const { index } = this.store;
    const most = limit * (dryRun ? 1 : batches);
    let scanned = 0;
    let stale = 0;
    let purged = 0;
    let isTruncated = false;
    await this.#scan((slot) => {
      if (index.phase(slot) !== READY) return true;
      if (scanned === most) {
        isTruncated = true;
        return false;
      }
      scanned++;
      if (Date.now() < index.float(slot, EXPIRES)) return true;
      stale++;
      if (dryRun) return true;
      if (this.#with(slot, (held, phase) => this.#remove(held, phase))) purged++;
      return true;
    });
    const run = Math.max(1, Math.ceil(scanned / limit));
    return { scanned, stale, purged, truncated: isTruncated, batches: run };
  }

  /** What is asked for at this moment may be what is purged: nothing of it is known yet. */
  #doomPending(): void {
    const { index } = this.store;
    for (let slot = 0; slot < index.usedSlots; slot++) {
      if (index.phase(slot) !== PENDING) continue;
      this.#with(slot, (held) => (index.doom(slot, held.generation), false));
    }
  }

  /** Calls `look` for every slot once, until it returns `false`. */
  async #scan(look: (slot: number) => boolean): Promise<void> {
    const { index } = this.store;
    const used = index.usedSlots;
    for (let looked = 0; looked < used; looked++) {
      const slot = this.#cursor % used;
      if (!look(slot)) return;
      this.#cursor = slot + 1;
      if (looked % SLICE_SLOTS === SLICE_SLOTS - 1) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
  }

  #with(
    slot: number,
    change: (held: Held, phase: number, meta: ObjectMeta | undefined) => boolean,
  ): boolean {
    const { index } = this.store;
    const seen = index.phase(slot);
    if (seen !== READY && seen !== FILLING && seen !== PENDING) return false;
    const held = index.hold(slot);
    if (held === undefined) return false;
    try {
      const phase = index.phase(slot);
      if (phase !== READY && phase !== FILLING && phase !== PENDING) return false;
      const meta = phase === PENDING ? undefined : this.store.meta(slot)?.meta;
      return change(held, phase, meta);
    } finally {
      index.release(held);
    }
  }

  #remove({ slot, generation }: Held, phase: number): boolean {
    const { index } = this.store;
    if (phase === FILLING) index.doom(slot, generation);
    if (!index.remove(slot, generation)) return false;
    index.count("purges");
    return true;
  }

  /** Only ever earlier: what has expired already keeps the windows that it has. */
  #soften(slot: number): boolean {
    const { index } = this.store;
    const expires = index.float(slot, EXPIRES);
    const earlier = Date.now() - SOFT_MS;
    if (earlier < expires) {
      for (const which of [WHILE_REVALIDATE, IF_ERROR]) {
        index.setFloat(slot, which, earlier + index.float(slot, which) - expires);
      }
      index.setFloat(slot, EXPIRES, earlier);
    }
    index.count("purges");
    return true;
  }
}
