/** What was done in a disk tier, counted where it is done: in the service of the cache. @module */
import type { DiskStore } from "../store/disk/disk_store.ts";

/** Counts of a tier (spec 06 A3.5, `activity`). */
export type Counts = Readonly<
  Record<"hits" | "misses" | "stores" | "storeRefusals" | "evictions" | "purges", number>
>;

/** Nothing was done. */
export const NO_COUNTS: Counts = {
  hits: 0,
  misses: 0,
  stores: 0,
  storeRefusals: 0,
  evictions: 0,
  purges: 0,
};

/** Counts of several tiers. */
export function sumOf(all: Iterable<Counts>): Counts {
  const sum: Record<keyof Counts, number> = { ...NO_COUNTS };
  for (const counts of all) {
    for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += counts[key];
  }
  return sum;
}

/** Counts one disk tier. */
export class DiskActivity {
  readonly #disk: DiskStore;
  #hits = 0;
  #misses = 0;
  #purges = 0;
  #before: Counts = NO_COUNTS;

  constructor(disk: DiskStore) {
    this.#disk = disk;
  }

  /** A worker has looked for an object that is not in memory. */
  looked(isFound: boolean): void {
    if (isFound) this.#hits++;
    else this.#misses++;
  }

  /** Objects were purged. */
  purged(count: number): void {
    this.#purges += count;
  }

  /** Since the tier was opened. */
  get total(): Counts {
    const { stores, refusals, evictions } = this.#disk.activity;
    return {
      hits: this.#hits,
      misses: this.#misses,
      stores,
      storeRefusals: refusals,
      evictions,
      purges: this.#purges,
    };
  }

  /** Since it was set back. */
  get counts(): Counts {
    const { total } = this;
    const left: Record<keyof Counts, number> = { ...total };
    for (const key of Object.keys(left) as (keyof Counts)[]) left[key] -= this.#before[key];
    return left;
  }

  /** Sets the counts back; the total goes on. */
  reset(): void {
    this.#before = this.total;
  }
}
