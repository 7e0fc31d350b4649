/**
 * The kind `ring`: the way of a log line from the thread that says it to the keeper, which alone writes: segments of
 * shared memory with one writer and one reader. Lines of several threads can therefore never mix within
 * a line, a thread that dies leaves its last words, a sink that is stuck costs lines and never a
 * request, and nothing is allocated or sent for a line.
 *
 * The writer fills one segment after the other and always goes on with the lowest free one, so that
 * only as much memory is ever touched as lines have waited at once.
 *
 * Every thread has a ring of its own, which no other thread but the keeper sees. The reader takes the
 * writer for hostile: it copies before it looks, so that what was checked is what is written; it keeps
 * its own book of segments, so that no chain of them has an end or a loop that the writer chooses; and a
 * ring that breaks the rules is read no further ({@linkcode RingReader.fault}).
 *
 * @module
 */
import type { Layout } from "./layout.ts";

/** Bytes of one segment, and so of the longest line; a longer one is counted as lost. */
export const SEGMENT_BYTES = 64 * 1024;

/**
 * Segments of a ring. Four megabytes are some 9,000 access records: what one busy worker says while the
 * keeper, for a third of a second, is occupied with a large configuration.
 */
export const SEGMENTS = 64;

// Header cells: how many lines found no room.
const LOST = 0;
const FIRST_SEGMENT = 1;

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

const RING_BYTES = HEADER_BYTES + SEGMENTS * SEGMENT_BYTES;

/** The one control character that a record has, at its end. */
const LF = 10;
const FIRST_PRINTABLE = 0x20;
const DELETE = 0x7f;

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

  /**
   * The first segment that the writer can go on with, or -1. One that is open already and not `current` was
   * chosen when something failed before the reader could be led to it.
   */
  nextAfter(current: number): number {
    for (let index = 0; index < SEGMENTS; index++) {
      if (index !== current && this.load(index, STATE) !== SEALED) return index;
    }
    return -1;
  }
}

/** The end that says something. One thread at a time has it. */
export class RingWriter {
  readonly #ring: Ring;
  /** Called when a segment is full, so that the reader need not wait for its next look. */
  onSealed: () => void = () => {};
  #segment = 0;
  #used = 0;

  /** @param shared Memory that no ring was in before, all zero. */
  constructor(shared: SharedArrayBuffer) {
    this.#ring = new Ring(shared);
    this.#ring.store(0, STATE, OPEN);
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
    const next = ring.nextAfter(this.#segment);
    if (next < 0) return false;
    ring.store(next, STATE, OPEN);
    ring.store(this.#segment, NEXT, next);
    // Last: the reader follows NEXT as soon as it sees this.
    ring.store(this.#segment, STATE, SEALED);
    this.#segment = next;
    this.#used = 0;
    this.onSealed();
    return true;
  }
}

/** The end that writes lines out. Nothing that the writer does can make it throw, loop or tear a line. */
export class RingReader {
  readonly #ring: Ring;
  /** A segment as it was when it was looked at; the writer cannot change it any more. */
  readonly #copy = new Uint8Array(SEGMENT_BYTES);
  #segment = 0;
  /** Bytes of the segment that were copied out, and where in the copy those begin that still wait. */
  #copied = 0;
  #from = 0;
  #to = 0;
  #fault: string | undefined;
  /** Segments that may still be gone through after the writer's thread has ended. */
  #segmentsLeft = Infinity;

  constructor(shared: SharedArrayBuffer) {
    this.#ring = new Ring(shared);
  }

  /** How the ring breaks the rules, if it does: no {@linkcode RingWriter} did this. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Whether {@linkcode RingReader.end} was called. */
  get ended(): boolean {
    return this.#segmentsLeft !== Infinity;
  }

  /**
   * The writer's thread has ended: what it left is still read, and no more than fits the ring, for the
   * thread may go on in an endless loop.
   */
  end(): void {
    this.#segmentsLeft = Math.min(this.#segmentsLeft, SEGMENTS);
  }

  /**
   * The next bytes that wait, whole lines only; `undefined` when there are none. The same bytes come
   * again until {@linkcode RingReader.release}.
   */
  peek(): Uint8Array | undefined {
    // Each turn but the last frees a segment, and a writer that fills them again as fast has to wait.
    for (let turn = 0; turn < SEGMENTS; turn++) {
      if (this.#from < this.#to) return this.#copy.subarray(this.#from, this.#to);
      if (this.#fault !== undefined) return undefined;
      // The state first: a length that is read after it is final.
      const state = this.#ring.load(this.#segment, STATE);
      const length = this.#ring.load(this.#segment, LENGTH);
      if (length > this.#copied || length < 0) this.#take(length);
      else if (state !== SEALED || !this.#follow()) return undefined;
    }
    return undefined;
  }

  /** Frees the first `bytes` of what {@linkcode RingReader.peek} returned. */
  release(bytes: number): void {
    this.#from += bytes;
  }

  /** How many lines were dropped since the last call. */
  takeLost(): number {
    return Math.max(0, Atomics.exchange(this.#ring.cells, LOST, 0));
  }

  /** Copies what was published up to `length`, if it is whole lines. */
  #take(length: number): void {
    if (length < 0 || length > SEGMENT_BYTES) {
      this.#fault = `a length of ${length} bytes in its log ring`;
      return;
    }
    const published = this.#ring.segment(this.#segment).subarray(this.#copied, length);
    this.#copy.set(published);
    if (!isLines(this.#copy, published.length)) {
      this.#fault = "bytes that are not records in its log ring";
      return;
    }
    this.#copied = length;
    this.#from = 0;
    this.#to = published.length;
  }

  /** Goes on to the next segment and frees this one; false when the way ends here. */
  #follow(): boolean {
    const ring = this.#ring;
    const next = ring.load(this.#segment, NEXT);
    if (next < 0 || next >= SEGMENTS || next === this.#segment) {
      this.#fault = `a segment ${next} after ${this.#segment} in its log ring`;
      return false;
    }
    if (--this.#segmentsLeft < 0) return false;
    ring.store(this.#segment, LENGTH, 0);
    ring.store(this.#segment, STATE, FREE);
    this.#segment = next;
    this.#copied = 0;
    return true;
  }
}

/** Whether the first `length` bytes are lines of printable text, the last one whole. */
function isLines(bytes: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const byte = bytes[i];
    if (byte < FIRST_PRINTABLE ? byte !== LF : byte === DELETE) return false;
  }
  return bytes[length - 1] === LF;
}

/** The kind `ring`, as the writing thread works with it; the keeper reads it with a {@linkcode RingReader}. */
export const ring: Layout<RingWriter> = {
  kind: "ring",
  parts: "perThread",
  bytes: () => RING_BYTES,
  open: (memory) => new RingWriter(memory),
};
