/**
 * The way of a log line from the thread that says it to the keeper, which alone writes: a ring of
 * segments in shared memory, one writer and one reader. Lines of several threads can therefore never
 * mix within a line, a thread that dies leaves its last words, a sink that is stuck costs lines and
 * never a request, and nothing is allocated or sent for a line.
 *
 * @module
 */

/** Bytes of one segment, and so of the longest line; a longer one is counted as lost. */
export const SEGMENT_BYTES = 64 * 1024;

/** Segments of a ring: half a megabyte is what a thread may have waiting for a slow sink. */
export const SEGMENTS = 8;

// Header cells. A segment has two: how many bytes are published, and whether it takes no more.
const WRITER = 0;
const LOST = 1;
const FIRST_SEGMENT = 2;
const LENGTH = 0;
const SEALED = 1;
const CELLS = 2;

const HEADER_BYTES = (FIRST_SEGMENT + SEGMENTS * CELLS) * Int32Array.BYTES_PER_ELEMENT;

/** Size of the shared memory of one ring. */
export const RING_BYTES = HEADER_BYTES + SEGMENTS * SEGMENT_BYTES;

const encoder = new TextEncoder();

/** A ring's memory, as both ends see it. */
class Ring {
  protected readonly cells: Int32Array;
  protected readonly segments: readonly Uint8Array[];

  constructor(shared: SharedArrayBuffer) {
    this.cells = new Int32Array(shared, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.segments = Array.from(
      { length: SEGMENTS },
      (_, index) => new Uint8Array(shared, HEADER_BYTES + index * SEGMENT_BYTES, SEGMENT_BYTES),
    );
  }
}

/** The end that says something. One thread at a time has it. */
export class LogRingWriter extends Ring {
  #segment: number;
  #used: number;

  /**
   * @param onSealed Called when a segment is full, so that the reader need not wait for its next look.
   */
  constructor(shared: SharedArrayBuffer, readonly onSealed: () => void) {
    super(shared);
    this.#segment = Atomics.load(this.cells, WRITER);
    this.#used = Atomics.load(this.cells, cell(this.#segment, LENGTH));
  }

  /** Puts one line, with its line end, into the ring; `false` when it had to be dropped. */
  append(line: string): boolean {
    if (this.#put(line)) return true;
    // Not even the most pessimistic size fits an empty segment, or the next one is not free.
    if (line.length > SEGMENT_BYTES || this.#used === 0 || !this.#advance() || !this.#put(line)) {
      Atomics.add(this.cells, LOST, 1);
      return false;
    }
    return true;
  }

  #put(line: string): boolean {
    const room = this.segments[this.#segment].subarray(this.#used);
    if (room.length < line.length) return false;
    const { read, written } = encoder.encodeInto(line, room);
    if (read < line.length) return false;
    this.#used += written;
    Atomics.store(this.cells, cell(this.#segment, LENGTH), this.#used);
    return true;
  }

  /** Moves on to the next segment, if the reader has freed it. */
  #advance(): boolean {
    const next = (this.#segment + 1) % SEGMENTS;
    if (Atomics.load(this.cells, cell(next, SEALED)) !== 0) return false;
    Atomics.store(this.cells, cell(this.#segment, SEALED), 1);
    Atomics.store(this.cells, WRITER, next);
    this.#segment = next;
    this.#used = 0;
    this.onSealed();
    return true;
  }
}

/** The end that writes lines out. */
export class LogRingReader extends Ring {
  #segment = 0;
  #taken = 0;

  /**
   * The next bytes that wait, whole lines only; `undefined` when there are none. The same bytes come
   * again until {@linkcode LogRingReader.release}.
   */
  peek(): Uint8Array | undefined {
    for (;;) {
      // Sealed first: a length read after it is final.
      const sealed = Atomics.load(this.cells, cell(this.#segment, SEALED)) !== 0;
      const length = Atomics.load(this.cells, cell(this.#segment, LENGTH));
      if (length > this.#taken) return this.segments[this.#segment].subarray(this.#taken, length);
      if (!sealed) return undefined;
      Atomics.store(this.cells, cell(this.#segment, LENGTH), 0);
      Atomics.store(this.cells, cell(this.#segment, SEALED), 0);
      this.#segment = (this.#segment + 1) % SEGMENTS;
      this.#taken = 0;
    }
  }

  /** Frees the first `bytes` of what {@linkcode LogRingReader.peek} returned. */
  release(bytes: number): void {
    this.#taken += bytes;
  }

  /** How many lines were dropped since the last call. */
  takeLost(): number {
    return Atomics.exchange(this.cells, LOST, 0);
  }
}

function cell(segment: number, which: number): number {
  return FIRST_SEGMENT + segment * CELLS + which;
}
