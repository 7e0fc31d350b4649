/**
 * Hears of changes below the roots, so that what is in memory is checked sooner than its interval says.
 * A help and no more: where watching is not possible, or a tree is too large, the interval remains.
 *
 * @module
 */
import type { Clock } from "../../../net/clock.ts";
import { below } from "./lookup.ts";

/**
 * Most directories watched by one worker, and most names read to find them. The ones nearest to the
 * roots are taken first.
 */
const MAX_DIRECTORIES = 512;
const MAX_NAMES = 20_000;

/** Counts the changes below some roots. */
export class TreeWatch {
  /** Grows when something may have changed, at most twice a clock tick. */
  changes = 0;
  readonly #clock: Clock;
  readonly #started: Promise<void>;
  #watcher: Deno.FsWatcher | undefined;
  #following: Promise<void> | undefined;
  #stopTicks: (() => void) | undefined;
  #countedAt = -1;
  #isPending = false;
  #isClosed = false;

  /** Begins to watch in the background. */
  constructor(roots: Iterable<string>, clock: Clock) {
    this.#clock = clock;
    this.#started = this.#start([...roots]);
  }

  /** Settles once it watches, or knows that it cannot; returns whether it does. */
  async started(): Promise<boolean> {
    await this.#started;
    return this.#watcher !== undefined;
  }

  /** Ends watching. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#started;
    this.#stopTicks?.();
    this.#watcher?.close();
    await this.#following;
  }

  async #start(roots: readonly string[]): Promise<void> {
    try {
      const directories = await this.#directoriesOf(roots);
      if (this.#isClosed || directories.length === 0) return;
      // Not `recursive`: that has no bound, and keeps the worker waiting until it knows the whole tree.
      this.#watcher = Deno.watchFs(directories, { recursive: false });
    } catch {
      // No more watches to be had, a directory that went away: the interval does.
      return;
    }
    this.#stopTicks = this.#clock.every(() => {
      if (this.#isPending) this.#count();
    });
    this.#following = this.#follow(this.#watcher);
  }

  /** The roots and the directories below them, level by level, within the bounds. */
  async #directoriesOf(roots: readonly string[]): Promise<string[]> {
    const found = [...roots].slice(0, MAX_DIRECTORIES);
    let names = 0;
    for (const directory of found) {
      if (this.#isClosed) break;
      for await (const entry of Deno.readDir(directory)) {
        if (++names > MAX_NAMES) return found;
        if (!entry.isDirectory) continue;
        if (found.length === MAX_DIRECTORIES) return found;
        found.push(below(directory, entry.name));
      }
    }
    return found;
  }

  async #follow(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const event of watcher) {
        if (event.kind !== "access") this.#change();
      }
    } catch {
      // The queue overflowed or the file system went away: assume the worst once, then the interval does.
      this.#count();
    }
  }

  /**
   * The first change counts at once. More of them within one tick count together at its end, so that a
   * file written all the time does not have everything checked all the time.
   */
  #change(): void {
    if (this.#countedAt === this.#clock.now) this.#isPending = true;
    else this.#count();
  }

  #count(): void {
    this.#isPending = false;
    this.#countedAt = this.#clock.now;
    this.changes++;
  }
}
