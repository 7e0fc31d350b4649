/**
 * The kind `heartbeat`: one cell that a thread counts up on every tick of its clock, so that the keeper notices when
 * it no longer runs its event loop. The keeper compares what it finds with what it found before, and takes it for
 * nothing else: any word is a beat, but for the one that reports a full heap.
 *
 * @module
 */
import type { Layout } from "./layout.ts";

/** In place of the beats of a thread that has filled its heap. */
const HEAP_FULL = -1;

/** A heartbeat, as the thread and the keeper work with it. */
export class Heartbeat {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Beats so far, modulo 2^32; `heap full` when there will be none. */
  get beats(): number | "heap full" {
    const beats = Atomics.load(this.#words, 0);
    return beats === HEAP_FULL ? "heap full" : beats;
  }

  /** Counts one beat. */
  beat(): void {
    Atomics.add(this.#words, 0, 1);
  }

  /** The thread has filled its heap; it must not {@linkcode Heartbeat.beat} after that. */
  reportFullHeap(): void {
    Atomics.store(this.#words, 0, HEAP_FULL);
  }

  /** Stops this thread for as long as it reports a full heap. */
  holdStill(): void {
    Atomics.wait(this.#words, 0, HEAP_FULL);
  }
}

/** The kind `heartbeat`. */
export const heartbeat: Layout<Heartbeat> = {
  kind: "heartbeat",
  parts: "perThread",
  bytes: () => Int32Array.BYTES_PER_ELEMENT,
  open: (memory) => new Heartbeat(memory),
};
