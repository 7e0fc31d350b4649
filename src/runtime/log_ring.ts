/**
 * The way of a log line from the thread that says it to the keeper, which alone writes: segments of
 * shared memory with one writer and one reader. Lines of several threads can therefore never mix within
 * a line, a thread that dies leaves its last words, a sink that is stuck costs lines and never a
 * request, and nothing is allocated or sent for a line.
 *
 * The writer fills one segment after the other and always goes on with the lowest free one, so that
 * only as much memory is ever touched as lines have waited at once.
 *
 * @module
 */

/** Bytes of one segment, and so of the longest line; a longer one is counted as lost. */
export const SEGMENT_BYTES = 64 * 1024;

/**
 * Segments of a ring. Four megabytes are some 9,000 access records: what one busy worker says while the
 * keeper, for a third of a second, is occupied with a large configuration.
 */
export const SEGMENTS = 64;

// Header cells: the segment that is being filled, and how many lines found no room.
const WRITER = 0;
const LOST = 1;
const FIRST_SEGMENT = 2;

// Cells of a segment: its state, how many bytes are published, and which segment comes behind it.
const STATE = 0;
const LENGTH = 1;
const NEXT = 2;
const CELLS = 3;

/** Nothing in it. */
const FREE = 0;
/** The writer adds to it. */
const OPEN = 1;
/** Nothing more comes; {@linkcode NEXT} is set. */
const SEALED = 2;

const HEADER_CELLS = FIRST_SEGMENT + SEGMENTS * CELLS;
const HEADER_BYTES = HEADER_CELLS * Int32Array.BYTES_PER_ELEMENT;

/** Size of the shared memory of one ring. */
export const RING_BYTES = HEADER_BYTES + SEGMENTS * SEGMENT_BYTES;

const encoder = new TextEncoder();

/** A ring's memory, as both ends see it. */
class Ring {
  readonly #cells: Int32Array;
  readonly #segments: readonly Uint8Array[];

  constructor(shared: SharedArrayBuffer) {
    this.#cells = new Int32Array(shared, 0, HEADER_CELLS);
    this.#segments = Array.from(
      { length: SEGMENTS },
      (_, index) => new Uint8Array(shared, HEADER_BYTES + index * SEGMENT_BYTES, SEGMENT_BYTES),
    );
  }

  get cells(): Int32Array {
    return this.#cells;
  }

  segment(index: number): Uint8Array {
    return this.#segments[index];
  }

  load(segment: number, cell: number): number {
    return Atomics.load(this.#cells, FIRST_SEGMENT + segment * CELLS + cell);
  }

  store(segment: number, cell: number, value: number): void {
    Atomics.store(this.#cells, FIRST_SEGMENT + segment * CELLS + cell, value);
  }

  /** The first segment in `state`, or -1. */
  find(state: number): number {
    for (let index = 0; index < SEGMENTS; index++) {
      if (this.load(index, STATE) === state) return index;
    }
    return -1;
  }
}

/** The end that says something. One thread at a time has it. */
export class LogRingWriter {
  readonly #ring: Ring;
  readonly #onSealed: () => void;
  #segment: number;
  #used: number;

  /**
   * Goes on where an earlier writer of the same ring stopped, wherever it was stopped.
   *
   * @param onSealed Called when a segment is full, so that the reader need not wait for its next look.
   */
  constructor(shared: SharedArrayBuffer, onSealed: () => void) {
    const ring = this.#ring = new Ring(shared);
    this.#onSealed = onSealed;
    const last = Atomics.load(ring.cells, WRITER);
    this.#segment = ring.load(last, STATE) === OPEN ? last : Math.max(0, ring.find(OPEN));
    this.#used = ring.load(this.#segment, LENGTH);
    ring.store(this.#segment, STATE, OPEN);
  }

  /** Puts one line, with its line end, into the ring; `false` when it had to be dropped. */
  append(line: string): boolean {
    if (this.#put(line)) return true;
    // A line that does not fit an empty segment fits none.
    if (this.#used > 0 && line.length <= SEGMENT_BYTES && this.#advance() && this.#put(line)) {
      return true;
    }
    Atomics.add(this.#ring.cells, LOST, 1);
    return false;
  }

  #put(line: string): boolean {
    const room = this.#ring.segment(this.#segment).subarray(this.#used);
    if (room.length < line.length) return false;
    const { read, written } = encoder.encodeInto(line, room);
    if (read < line.length) return false;
    this.#used += written;
    this.#ring.store(this.#segment, LENGTH, this.#used);
    return true;
  }

  /** Goes on with a free segment, if there is one. */
  #advance(): boolean {
    const ring = this.#ring;
    const next = ring.find(FREE);
    if (next < 0) return false;
    // In this order, so that whoever takes over finds an open segment that the reader will come to.
    ring.store(next, STATE, OPEN);
    ring.store(this.#segment, NEXT, next);
    ring.store(this.#segment, STATE, SEALED);
    Atomics.store(ring.cells, WRITER, next);
    this.#segment = next;
    this.#used = 0;
    this.#onSealed();
    return true;
  }
}

/** The end that writes lines out. */
export class LogRingReader {
  readonly #ring: Ring;
  #segment = 0;
  #taken = 0;

  constructor(shared: SharedArrayBuffer) {
    this.#ring = new Ring(shared);
  }

  /**
   * The next bytes that wait, whole lines only; `undefined` when there are none. The same bytes come
   * again until {@linkcode LogRingReader.release}.
   */
  peek(): Uint8Array | undefined {
    const ring = this.#ring;
    for (;;) {
      const segment = this.#segment;
      // The state first: a length that is read after it is final.
      const state = ring.load(segment, STATE);
      const length = ring.load(segment, LENGTH);
      if (length > this.#taken) return ring.segment(segment).subarray(this.#taken, length);
      if (state !== SEALED) return undefined;
      this.#segment = ring.load(segment, NEXT);
      this.#taken = 0;
      ring.store(segment, LENGTH, 0);
      ring.store(segment, STATE, FREE);
    }
  }

  /** Frees the first `bytes` of what {@linkcode LogRingReader.peek} returned. */
  release(bytes: number): void {
    this.#taken += bytes;
  }

  /** How many lines were dropped since the last call. */
  takeLost(): number {
    return Atomics.exchange(this.#ring.cells, LOST, 0);
  }
}
