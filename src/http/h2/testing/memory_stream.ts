/**
 * A stream in memory, for tests.
 *
 * @module
 */
import { awaitedTurn } from "../../../net/fairness.ts";
import type { Duplex } from "../../../net/duplex.ts";

/** One end of a stream in memory. */
export class MemoryStream implements Duplex {
  /** Bytes that may wait for the other end to read them; writes beyond wait. */
  capacity = Infinity;
  closed = false;
  /** The other end; set by {@linkcode memoryPair}. */
  peer: MemoryStream | undefined;
  /** Bytes in all that the other end has written. */
  received = 0;
  /** Largest number of bytes in one write of the other end. */
  largestWrite = 0;
  #waiting: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #wake: (() => void)[] = [];

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.closed) throw new Error("the stream was closed");
      const first = this.#waiting[0];
      if (first !== undefined) {
        const count = Math.min(first.length, into.length);
        into.set(first.subarray(0, count));
        if (count === first.length) this.#waiting.shift();
        else this.#waiting[0] = first.subarray(count);
        this.#size -= count;
        this.#notify();
        return count;
      }
      if (this.#ended) return null;
      await this.#change();
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { peer } = this;
    if (peer === undefined) throw new Error("this end has no other end");
    for (;;) {
      if (this.closed || peer.closed) throw new Error("the stream was closed");
      const room = peer.capacity - peer.#size;
      if (room > 0) {
        const taken = bytes.slice(0, Math.min(room, bytes.length));
        peer.#waiting.push(taken);
        peer.#size += taken.length;
        peer.received += taken.length;
        peer.largestWrite = Math.max(peer.largestWrite, taken.length);
        peer.#notify();
        return taken.length;
      }
      await peer.#change();
    }
  }

  closeWrite(): Promise<void> {
    if (this.peer !== undefined) {
      this.peer.#ended = true;
      this.peer.#notify();
    }
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
    this.#notify();
    if (this.peer === undefined) return;
    this.peer.#ended = true;
    this.peer.#notify();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => void this.#wake.push(resolve));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

/** Both ends of a stream in memory. */
export function memoryPair(): [MemoryStream, MemoryStream] {
  const a = new MemoryStream();
  const b = new MemoryStream();
  a.peer = b;
  b.peer = a;
  return [a, b];
}

/** Lets everything that is ready happen, and what waits for the next turn of the event loop. */
export async function settle(): Promise<void> {
  for (;;) {
    for (let i = 0; i < 50; i++) await Promise.resolve();
    const turn = awaitedTurn();
    if (turn === undefined) return;
    await turn;
  }
}
