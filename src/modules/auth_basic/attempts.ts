/**
 * Wrong passwords by client address: one that guesses waits, and takes no time of the hashes of others.
 *
 * @module
 */

/** Failures of one address that cost nothing, and the time in which one of them is forgotten. */
const MAX_FAILURES = 20;
const FORGET_MS = 3_000;
/** Addresses that are remembered; the one that failed least recently makes room. */
const MAX_SOURCES = 16_384;

/** Failures of all addresses. */
export class Attempts {
  /** Least recently failed first. */
  readonly #sources = new Map<string, { failures: number; at: number }>();

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Seconds that `source` has to wait before its next attempt is looked at; 0 for most. */
  waitSecs(source: string): number {
    const found = this.#sources.get(source);
    if (found === undefined) return 0;
    const failures = this.#left(found);
    return failures < MAX_FAILURES
      ? 0
      : Math.ceil((failures - MAX_FAILURES + 1) * FORGET_MS / 1000);
  }

  /** An attempt of `source` has failed. */
  fail(source: string): void {
    const found = this.#sources.get(source);
    const failures = (found === undefined ? 0 : this.#left(found)) + 1;
    this.#sources.delete(source);
    this.#sources.set(source, { failures, at: this.now() });
    if (this.#sources.size <= MAX_SOURCES) return;
    const [oldest] = this.#sources.keys();
    this.#sources.delete(oldest);
  }

  #left({ failures, at }: { readonly failures: number; readonly at: number }): number {
    return Math.max(0, failures - (this.now() - at) / FORGET_MS);
  }
}
