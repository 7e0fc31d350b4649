/**
 * Flow control (RFC 9113 section 5.2): how much each side may still send.
 *
 * The sending half is one number a stream and one a connection, kept where it is used; its rules are here.
 * The receiving half is {@linkcode ReceiveWindow}.
 *
 * @module
 */

/** Window of a stream, and of a connection, unless a peer sets another (RFC 9113 section 6.9.2). */
export const DEFAULT_WINDOW = 65_535;

/** Largest window a sender may ever be given (RFC 9113 section 6.9.1). */
export const MAX_WINDOW = 0x7fff_ffff;

/** What the peer may still send, on one stream or on the connection. */
export class ReceiveWindow {
  /** What the peer may still send. */
  #open: number;
  /** Octets that are done with and not announced yet. */
  #credit = 0;
  readonly #size: number;

  /** @param size Octets that may be on their way or waiting to be read. */
  constructor(size: number) {
    this.#size = size;
    this.#open = size;
  }

  /** Counts octets that arrived; `false` when the peer had no right to send them. */
  take(count: number): boolean {
    if (count > this.#open) return false;
    this.#open -= count;
    return true;
  }

  /**
   * Counts octets that are done with.
   *
   * @returns The increment to announce now, or 0: it waits until half the window is due, so that small
   * reads do not each cost a frame.
   */
  give(count: number): number {
    this.#credit += count;
    if (this.#credit * 2 < this.#size) return 0;
    const increment = this.#credit;
    this.#open += increment;
    this.#credit = 0;
    return increment;
  }
}
