/**
 * How a worker notices in time that its heap fills up. When it is full, the runtime ends the whole
 * process with a stack trace for last words; noticed before, the end can be reported in a clear line.
 *
 * What V8 calls used has garbage in it, up to the limit at times. Only what is left by a full collection
 * counts, and a finalization callback comes after one: V8's collections of the young never make one.
 *
 * @module
 */
import { getHeapStatistics } from "node:v8";

/** Part of the old generation that live objects may fill. V8 gives up at about its whole. */
const FULL = 0.9;
/** What V8 adds for the young generation to the limit it reports: three half-spaces of 32 MiB. */
const YOUNG_BYTES = 3 * 32 * 1024 * 1024;

/** Watches the heap of this thread from one full collection to the next, for as long as this is kept. */
export class HeapWatch {
  readonly #collections: FinalizationRegistry<undefined>;

  /** @param onFull Called once, when the heap is nearly full of what is in use. */
  constructor(onFull: () => void) {
    this.#collections = new FinalizationRegistry(() => {
      if (isFull()) onFull();
      else this.#awaitCollection();
    });
    this.#awaitCollection();
  }

  /** What nothing refers to is gone with the next full collection. */
  #awaitCollection(): void {
    this.#collections.register({}, undefined);
  }
}

function isFull(): boolean {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  const limit = heap_size_limit - YOUNG_BYTES;
  // Of a heap so small that the young generation is most of it, the rest is not known well enough.
  return limit > YOUNG_BYTES && used_heap_size >= FULL * limit;
}
