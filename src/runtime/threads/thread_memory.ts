/**
 * The shared memory of one thread's life: its heartbeat and its log ring. The keeper and this thread see them,
 * no other thread does, and the thread that takes its place gets new ones: a thread that goes on after
 * its end can neither speak for its successor nor stop that one's heartbeat.
 *
 * The registry of zones makes neither: a ring is read after its thread has gone, and a thread has both before
 * it has a configuration.
 *
 * @module
 */
import { heartbeat } from "../../zones/heartbeat.ts";
import { newMemory } from "../../zones/layout.ts";
import { ring } from "../../zones/ring.ts";

/** The memories of one life. */
export interface ThreadMemory {
  /** Of the kind `heartbeat`. */
  readonly heartbeat: SharedArrayBuffer;
  /** Of the kind `ring`. */
  readonly ring: SharedArrayBuffer;
}

/** Each memory has one thread that writes to it. */
const ONE_THREAD = 1;

/** Makes the memories for one life of a thread. */
export function newThreadMemory(): ThreadMemory {
  return {
    heartbeat: newMemory(heartbeat, undefined, ONE_THREAD),
    ring: newMemory(ring, undefined, ONE_THREAD),
  };
}
