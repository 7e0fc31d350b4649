/**
 * Remembers how the latest streams ended, since what a late frame on one means depends on it: after our
 * own reset the peer may not know yet, after its own end it broke a rule (RFC 9113 section 5.1).
 *
 * @module
 */

/** Streams remembered: four times what may be open at once. */
const REMEMBERED = 128;

/** Greater than any identifier, and than one less. */
const NO_STREAM = 0xffffffff;

/** How a stream that is not open any more came to its end, as far as it is remembered. */
export type Ending = "complete" | "reset-by-us" | "unknown";

/** A ring of stream identifiers. */
export class ClosedStreams {
  /** Client-started identifiers are odd, so their lowest bit is free: 0 there says "reset by us". */
  readonly #ring = new Uint32Array(REMEMBERED).fill(NO_STREAM);
  #next = 0;

  /** Both sides are done with the stream, or the peer reset it. */
  complete(streamId: number): void {
    this.#put(streamId);
  }

  /** This side sent RST_STREAM. */
  reset(streamId: number): void {
    this.#put(streamId - 1);
  }

  endingOf(streamId: number): Ending {
    if (this.#ring.includes(streamId)) return "complete";
    return this.#ring.includes(streamId - 1) ? "reset-by-us" : "unknown";
  }

  #put(entry: number): void {
    this.#ring[this.#next] = entry;
    this.#next = (this.#next + 1) % REMEMBERED;
  }
}
