/**
 * One bound in bytes over the entries of many maps: when it is reached, the entry that was used longest
 * ago leaves its map, whichever that is.
 *
 * A list through the entries themselves: using one is four assignments, which matters on the way of
 * every request, and the maps can have keys of their own without a shared prefix.
 *
 * @module
 */

/** An entry of a map that a {@linkcode Budget} may throw out. */
export class Kept {
  /** Neighbours in the order of use; maintained by the budget. */
  newer: Kept | undefined = undefined;
  older: Kept | undefined = undefined;
  /** Whether it counts against the budget. */
  isKept = false;

  /**
   * @param home The map it is in.
   * @param key Its key there.
   * @param cost Bytes it counts for.
   */
  constructor(
    readonly home: { delete(key: string): boolean },
    readonly key: string,
    readonly cost: number,
  ) {}
}

/** Counts bytes and throws out what was used longest ago. */
export class Budget {
  #limit: number;
  #used = 0;
  #newest: Kept | undefined;
  #oldest: Kept | undefined;

  /** @param limit Bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that are counted now; never more than the limit. */
  get used(): number {
    return this.#used;
  }

  get limit(): number {
    return this.#limit;
  }

  /** A smaller limit takes effect at once. */
  set limit(bytes: number) {
    this.#limit = bytes;
    this.#shrinkTo(bytes);
  }

  /**
   * Counts `entry` from now on, as the one used last. Its owner then puts it into its map.
   *
   * @returns Whether there can be room for it at all.
   */
  admit(entry: Kept): boolean {
    if (entry.cost > this.#limit) return false;
    this.#shrinkTo(this.#limit - entry.cost);
    this.#used += entry.cost;
    entry.isKept = true;
    this.#link(entry);
    return true;
  }

  /** Says that a kept entry was used. */
  touch(entry: Kept): void {
    if (entry === this.#newest || !entry.isKept) return;
    this.#unlink(entry);
    this.#link(entry);
  }

  /** Takes `entry` out of its map and stops counting it. */
  drop(entry: Kept): void {
    if (!entry.isKept) return;
    entry.isKept = false;
    this.#used -= entry.cost;
    this.#unlink(entry);
    entry.home.delete(entry.key);
  }

  #shrinkTo(bytes: number): void {
    while (this.#used > bytes && this.#oldest !== undefined) this.drop(this.#oldest);
  }

  #link(entry: Kept): void {
    entry.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Kept): void {
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    entry.newer = entry.older = undefined;
  }
}
