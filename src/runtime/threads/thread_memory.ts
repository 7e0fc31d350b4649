/**
 * The shared memory of one worker's life: its heart and its log ring. The keeper and this worker see it,
 * no other thread does, and the worker that takes its place gets a new one: a thread that goes on after
 * its end can neither speak for its successor nor stop that one's heart.
 *
 * @module
 */
import { RING_BYTES, RingReader, RingWriter } from "../../zones/ring.ts";

/** The ring begins on a cache line of its own: the heart is written by the clock, the ring by requests. */
const RING_START = 64;

/** Makes the memory for one life of a worker. */
export function newThreadMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(RING_START + RING_BYTES);
}

/** The cell in which a worker beats. */
export function heartOf(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, 0, 1);
}

/** The worker's end of its log ring; see {@linkcode RingWriter} for `onSealed`. */
export function ringWriter(memory: SharedArrayBuffer, onSealed: () => void): RingWriter {
  return new RingWriter(memory, onSealed, RING_START);
}

/** The keeper's end of a log ring. */
export function ringReader(memory: SharedArrayBuffer): RingReader {
  return new RingReader(memory, RING_START);
}
