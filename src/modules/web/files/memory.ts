/**
 * What one worker remembers of the disk between requests: small files with their answers, and paths
 * that lead nowhere.
 *
 * @module
 */
import { MemorySource, type RangeSource } from "./ranges_body.ts";
import { Budget, Kept } from "./budget.ts";
import type { Content } from "../answer.ts";
import type { Representation } from "./representation.ts";
import type { MemoryConfig } from "../schema.ts";
import { isSettled } from "./unmoved.ts";

/** Most bytes of remembered absences in one worker. */
const ABSENCE_BYTES = 1024 * 1024;

/** Longest path that is remembered as leading nowhere, so that long random ones do not fill the bound. */
export const MAX_ABSENCE_KEY = 256;

/**
 * What an entry costs beside its bytes and its key: objects, fields, a place in a map. 50,000 files of one
 * byte took 3,330 bytes of resident memory each, as many absences 160.
 */
const OVERHEAD_BYTES = 3584;
const ABSENCE_OVERHEAD_BYTES = 256;

/**
 * What one worker may keep, and what it keeps, over all sites and snapshots it serves: while a reload drains
 * the old snapshot, both keep files within the same bound.
 */
export class Memory {
  readonly files = new Budget(0);
  readonly absences = new Budget(ABSENCE_BYTES);
  /** How long something remembered is believed. */
  revalidateMs = 0;
  #maxFileBytes = 0;
  /** In the order in which they came; the last is in force. */
  readonly #configs: MemoryConfig[] = [];

  /**
   * Puts a snapshot's bounds in force, until the returned function is called.
   *
   * @param threads How many workers share them.
   */
  use(config: MemoryConfig, threads: number): () => void {
    const share = { ...config, max_bytes: Math.floor(config.max_bytes / threads) };
    this.#configs.push(share);
    this.#apply();
    return () => {
      this.#configs.splice(this.#configs.indexOf(share), 1);
      this.#apply();
    };
  }

  #apply(): void {
    const config = this.#configs.at(-1);
    this.files.limit = config?.max_bytes ?? 0;
    this.#maxFileBytes = config?.max_file_bytes ?? 0;
    this.revalidateMs = (config?.revalidate_secs ?? 0) * 1000;
  }

  /** Whether a file of this size may be kept. */
  hasRoomFor(bytes: number): boolean {
    return bytes <= this.#maxFileBytes && bytes + OVERHEAD_BYTES <= this.files.limit;
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

  /** Whether a file that looks like `now` is, as far as can be seen, the one in memory. */
  isStill(now: Deno.FileInfo): boolean {
    const { info } = this;
    return !this.#isDoubtful && now.ino === info.ino && now.dev === info.dev &&
      now.size === info.size && now.mtime?.getTime() === info.mtime?.getTime() &&
      now.ctime?.getTime() === info.ctime?.getTime();
  }

  part(first: number, length: number): Uint8Array {
    return length === this.bytes.length ? this.bytes : this.bytes.subarray(first, first + length);
  }

  source(): RangeSource {
    return new MemorySource(this.bytes);
  }

  discard(): void {}
}
