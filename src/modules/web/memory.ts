/**
 * What one worker remembers of the disk between requests: small files with their answers, and paths
 * that lead nowhere.
 *
 * @module
 */
import { Budget, Kept } from "./budget.ts";
import type { Content } from "./answer.ts";
import type { Representation } from "./representation.ts";
import type { MemoryConfig } from "./schema.ts";
import { isSettled } from "./unmoved.ts";

/** Most bytes of remembered absences in one worker. */
const ABSENCE_BYTES = 1024 * 1024;

/** Longest path that is remembered as leading nowhere, so that long random ones do not fill the bound. */
export const MAX_ABSENCE_KEY = 256;

/** What an entry costs beside its bytes and its key: objects, fields, a place in a map. Measured. */
const OVERHEAD_BYTES = 2048;
const ABSENCE_OVERHEAD_BYTES = 256;

/** The bounds of one worker, over all sites and snapshots it serves. */
export class Memory {
  readonly files = new Budget(0);
  readonly absences = new Budget(ABSENCE_BYTES);
  maxFileBytes = 0;
  /** How long something remembered is believed. */
  revalidateMs = 0;

  /** Takes this worker's share of the bounds. */
  configure(config: MemoryConfig, workers: number): void {
    this.files.limit = Math.floor(config.max_bytes / workers);
    this.maxFileBytes = config.max_file_bytes;
    this.revalidateMs = config.revalidate_secs * 1000;
  }

  /** Whether a file of this size may be kept. */
  hasRoomFor(bytes: number): boolean {
    return bytes <= this.maxFileBytes && bytes + OVERHEAD_BYTES <= this.files.limit;
  }
}

/** Since when, and up to which change of its tree, something remembered was right. */
export abstract class Remembered extends Kept {
  /** {@linkcode Clock.now} of the last look at the disk. */
  checkedAt = 0;
  /** {@linkcode TreeWatch.changes} at that time. */
  changes = 0;
}

/** A path that leads nowhere, and so does everything below it. */
export class Absence extends Remembered {
  constructor(home: Map<string, Absence>, key: string) {
    super(home, key, ABSENCE_OVERHEAD_BYTES + 2 * key.length);
  }
}

/** A file in memory. */
export class HotFile extends Remembered implements Content {
  /** It may have changed once more with the same times before its content was read. */
  readonly #isDoubtful: boolean;

  /**
   * @param info What the file was when it was opened.
   * @param readAt `Date.now()` before its content was read.
   */
  constructor(
    home: Map<string, HotFile>,
    key: string,
    readonly representation: Representation,
    readonly bytes: Uint8Array,
    readonly info: Deno.FileInfo,
    readAt: number,
  ) {
    super(home, key, OVERHEAD_BYTES + 2 * key.length + bytes.length);
    this.#isDoubtful = !isSettled(info, readAt);
  }

  /** Whether a file that looks like `now` is, as far as can be told, the one in memory. */
  isStill(now: Deno.FileInfo): boolean {
    const { info } = this;
    return !this.#isDoubtful && now.ino === info.ino && now.dev === info.dev &&
      now.size === info.size && now.mtime?.getTime() === info.mtime?.getTime() &&
      now.ctime?.getTime() === info.ctime?.getTime();
  }

  part(first: number, length: number): Uint8Array {
    return length === this.bytes.length ? this.bytes : this.bytes.subarray(first, first + length);
  }

  discard(): void {}
}
