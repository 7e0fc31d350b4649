/**
 * Order of sending: streams that have something to send take turns, so that a long answer does not hold
 * up short ones.
 *
 * @module
 */
import type { Output } from "./output.ts";
import type { Stream } from "../stream.ts";

/** What a stream sends in its first turn, more or less: a head, and a frame of an ordinary file. */
const EXPECTED_BYTES = 4096;

/** A queue of streams, linked through the streams themselves. */
export class TurnQueue {
  #first: Stream | undefined;
  #last: Stream | undefined;
  #count = 0;

  /** Streams that wait for their turn. */
  get size(): number {
    return this.#count;
  }

  /** Adds a stream at the end; one that waits already keeps its place. */
  add(stream: Stream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    if (this.#last === undefined) this.#first = stream;
    else this.#last.nextInTurn = stream;
    this.#last = stream;
    this.#count++;
  }

  /** Gives turns until the output is full, or no stream has anything that may be sent now. */
  fill(output: Output): void {
    output.expect(this.#count * EXPECTED_BYTES);
    // Streams in a row that want to send and may not: when all are, the connection's window is used up.
    let silent = 0;
    while (this.#first !== undefined && !output.isFull && silent < this.#count) {
      const stream = this.#first;
      this.#remove(stream);
      const before = output.size;
      const wantsMore = stream.takeTurn(output);
      if (wantsMore) this.add(stream);
      if (output.size !== before) silent = 0;
      else if (wantsMore) silent++;
    }
  }

  #remove(first: Stream): void {
    this.#first = first.nextInTurn;
    if (this.#first === undefined) this.#last = undefined;
    first.nextInTurn = undefined;
    first.isQueued = false;
    this.#count--;
  }
}
