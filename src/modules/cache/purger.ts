/**
 * Removes expired objects from disk in the background (spec 04 section 13).
 *
 * @module
 */
import type { Frozen } from "../../config/frozen.ts";
import type { Logger } from "../../gateway/log.ts";
import type { DiskStore } from "./store/disk/disk_store.ts";

/** `[cache_purger]`. */
export type PurgerConfig = Frozen<{
  enabled: boolean;
  interval_secs: number;
  limit: number;
  batches: number;
}>;

/** What a run came to. */
export type PurgerOutcome = "skipped" | "clean" | "purged" | "truncated" | "error";

/** The purger of all disk tiers. */
export class Purger {
  readonly #config: PurgerConfig;
  readonly #disks: () => Iterable<DiskStore>;
  readonly #log: Logger;
  /** Where the last run has ended, tier by tier: the next one goes on there. */
  readonly #cursors = new WeakMap<DiskStore, Iterator<string>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  constructor(config: PurgerConfig, disks: () => Iterable<DiskStore>, log: Logger) {
    this.#config = config;
    this.#disks = disks;
    this.#log = log;
    this.#timer = setTimeout(() => void this.#turn(), 0);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** One run over all tiers. */
  async run(): Promise<PurgerOutcome> {
    const { batches } = this.#config;
    let outcome: PurgerOutcome = "skipped";
    let purged = 0;
    let isTruncated = false;
    let isFailed = false;
    for (const disk of this.#disks()) {
      outcome = "clean";
      try {
        await disk.scanned;
        for (let batch = 0; batch < batches && !this.#isStopped; batch++) {
          const done = this.#batch(disk);
          purged += done.purged;
          isTruncated = batch === batches - 1 && done.isTruncated || isTruncated;
          if (!done.isTruncated) break;
          // Lowest priority: everything else has its turn.
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      } catch {
        isFailed = true;
      }
    }
    if (isFailed) return "error";
    if (isTruncated) return "truncated";
    return purged > 0 ? "purged" : outcome;
  }

  async #turn(): Promise<void> {
    const outcome = await this.run();
    if (this.#isStopped) return;
    const level = outcome === "error" ? "warn" : "info";
    this.#log.log(level, "fluxheim::cache", `cache purger: ${outcome}`);
    this.#timer = setTimeout(() => void this.#turn(), this.#config.interval_secs * 1000);
  }

  #batch(disk: DiskStore): { readonly purged: number; readonly isTruncated: boolean } {
    let keys = this.#cursors.get(disk);
    if (keys === undefined) {
      keys = disk.keys();
      this.#cursors.set(disk, keys);
    }
    const now = Date.now();
    let purged = 0;
    for (let examined = 0; examined < this.#config.limit; examined++) {
      const next = keys.next();
      if (next.done === true) {
        this.#cursors.delete(disk);
        return { purged, isTruncated: false };
      }
      const entry = disk.get(next.value);
      if (entry !== undefined && now >= entry.times.expiresMs && disk.remove(entry.key)) purged++;
    }
    return { purged, isTruncated: true };
  }
}
