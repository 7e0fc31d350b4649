/**
 * Where encoded objects lie: a layout is a value of this kind. What is evicted, and what an object is found by, is
 * not its concern.
 *
 * @module
 */
import type { Encoded, StoredBytes } from "../formats/format.ts";

/** Room that was found for an object. */
export type Room = object;

/** An object that lies there. */
export interface Lying {
  readonly key: string;
  readonly bytes: number;
  /** When it was last used, as far as that is known. */
  readonly usedMs: number;
}

/** An object as a checkpoint records it. */
export interface Recorded {
  readonly key: string;
  readonly bytes: number;
  readonly usedMs: number;
}

/** How the files of a layout are used that sets room aside. */
export interface BinsUse {
  readonly files: number;
  readonly bytes: number;
  readonly freeBytes: number;
  readonly freeRanges: number;
  readonly largestFreeBytes: number;
}

/** Objects below one root. */
export interface Backend {
  /** Room for so many bytes; `undefined` where something must go before. */
  reserve(bytes: number): Room | undefined;
  /** The room is not needed. */
  release(room: Room): void;
  /**
   * Writes an object; it can be found under its name only when all of it is on disk.
   *
   * @param isStill Asked last of all: whether the object is still to be written.
   * @throws What went wrong; nothing is left of it then.
   */
  write(key: string, room: Room, encoded: Encoded, isStill: () => boolean): Promise<void>;
  /** Waits until what was written would be found after a crash. The object may be gone by then. */
  settle(key: string): Promise<void>;
  /** Opens an object; `undefined` where there is none that may be read. Its bytes stay until it is closed. */
  open(key: string): StoredBytes | undefined;
  remove(key: string): void;
  /** Everything that lies there. */
  list(): Iterable<Lying>;
  /** Records what lies there, in the order of its last use. */
  record(objects: Iterable<Recorded>): void;
  /** What is set aside for objects, where that is more than what they take up. */
  readonly space: BinsUse | undefined;
  close(): void;
}
