/**
 * Removes expired objects from disk in the background (spec 04 section 13).
 *
 * @module
 */
import type { Frozen } from "../../../config/frozen.ts";
import type { Logger } from "../../../gateway/reports/log.ts";
import type { DiskStore } from "../store/disk/disk_store.ts";

/** `[cache_purger]`. */
export type PurgerConfig = Frozen<{
  enabled: boolean;
  interval_secs: number;
  limit: number;
  batches: number;
}>;

/** What a run came to. */
export type PurgerOutcome = "skipped" | "clean" | "purged" | "truncated" | "error";

/** Objects of a run. */
export interface PurgerEntries {
  /** Looked at. */
  scanned: number;
  /** Of these, expired. */
  stale: number;
  /** Of these, removed: one that is in use stays. */
  purged: number;
}

/** What a run came to, and what it cost. */
export interface PurgerRun {
  readonly outcome: PurgerOutcome;
  readonly entries: Readonly<PurgerEntries>;
  readonly milliseconds: number;
}

/** The purger of all disk tiers. */
export class Purger {
  readonly #config: PurgerConfig;
  readonly #disks: () => Iterable<DiskStore>;
  readonly #log: Logger;
  readonly #onRun: (run: PurgerRun) => void;
  /** Where the last run has ended, tier by tier: the next one goes on there. */
  readonly #cursors = new WeakMap<DiskStore, Iterator<string>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  /** @param onRun Takes what each run came to; called also for the run that the stop cuts short. */
  constructor(
    config: PurgerConfig,
    disks: () => Iterable<DiskStore>,
    log: Logger,
    onRun: (run: PurgerRun) => void,
  ) {
    this.#config = config;
    this.#disks = disks;
    this.#log = log;
    this.#onRun = onRun;
    this.#timer = setTimeout(() => void this.#turn(), 0);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** One run over all tiers. */
  async run(): Promise<PurgerRun> {
    const began = performance.now();
    const entries: PurgerEntries = { scanned: 0, stale: 0, purged: 0 };
    const outcome = await this.#overAll(entries);
    return { outcome, entries, milliseconds: performance.now() - began };
  }

  async #overAll(entries: PurgerEntries): Promise<PurgerOutcome> {
    const { batches } = this.#config;
    let outcome: PurgerOutcome = "skipped";
    let isTruncated = false;
    let isFailed = false;
    for (const disk of this.#disks()) {
      outcome = "clean";
      try {
        await disk.scanned;
        for (let batch = 0; batch < batches && !this.#isStopped; batch++) {
          const hasMore = this.#batch(disk, entries);
          isTruncated = batch === batches - 1 && hasMore || isTruncated;
          if (!hasMore) break;
          // Lowest priority: everything else has its turn.
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      } catch {
        isFailed = true;
      }
    }
    if (isFailed) return "error";
    if (isTruncated) return "truncated";
    return entries.purged > 0 ? "purged" : outcome;
  }

  async #turn(): Promise<void> {
    const run = await this.run();
    this.#onRun(run);
    const { outcome } = run;
    if (this.#isStopped) return;
    const level = outcome === "error" ? "warn" : "info";
    this.#log.log(level, "fluxheim::cache", `cache purger: ${outcome}`);
    this.#timer = setTimeout(() => void this.#turn(), this.#config.interval_secs * 1000);
  }

  /** Looks at some objects; returns whether there are more. */
  #batch(disk: DiskStore, entries: PurgerEntries): boolean {
    let keys = this.#cursors.get(disk);
    if (keys === undefined) {
      keys = disk.keys();
      this.#cursors.set(disk, keys);
    }
    const now = Date.now();
    for (let examined = 0; examined < this.#config.limit; examined++) {
      const next = keys.next();
      if (next.done === true) {
        this.#cursors.delete(disk);
        return false;
      }
      entries.scanned++;
      const entry = disk.get(next.value);
      if (entry === undefined || now < entry.times.expiresMs) continue;
      entries.stale++;
      if (disk.remove(entry.key)) entries.purged++;
    }
    return true;
  }
}
