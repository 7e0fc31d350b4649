/**
 * Where log lines end: the keeper empties the rings of all threads into one file descriptor. One write
 * is under way at a time and never waited for by anything else, so a pipe that is not read and a disk that is
 * full stop the writing and nothing more. Lines then wait in their rings; what no longer fits is dropped
 * there, counted, and reported once writing works again.
 *
 * @module
 */
import { type LogFormat, logLine, type LogThreshold, passes } from "./lines.ts";
import type { RingReader } from "../../zones/ring.ts";
import { within } from "../within.ts";

/** What lines are written to: standard error, standard output or an opened file. */
export interface LogTargetStream {
  /** Whether what is in it already ends in the middle of a line. */
  readonly endsMidLine?: boolean;
  /** Writes some of `bytes`, at least one; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** How many bytes are in it; a pipe or a terminal cannot say. */
  size?(): Promise<number>;
}

/** How the sink's own records look. */
export interface SinkSettings {
  readonly level: LogThreshold;
  readonly format: LogFormat;
}

/** A line that a failing write has cut in two. */
interface Torn {
  /** All of it, with its line end. */
  readonly line: Uint8Array;
  /** How many of its bytes are written. */
  readonly written: number;
  /** Size of the target when the write failed, where that can be known. */
  readonly targetBytes: number | undefined;
}

const LF = 10;
/** Rings of workers that have ended and wait to be emptied; while writing fails, older ones are dropped. */
const MAX_ENDED = 32;
const encoder = new TextEncoder();

/** A line that an earlier process has begun: of its rest only the end can be written. */
const UNENDED: Torn = { line: encoder.encode("?\n"), written: 1, targetBytes: undefined };

/** Empties rings into a stream. */
export class LogSink {
  readonly #target: LogTargetStream;
  readonly #settings: SinkSettings;
  #readers: RingReader[] = [];
  /** Whose bytes are being written; its reader must be left alone meanwhile. */
  #written: RingReader | undefined;
  #running: Promise<void> | undefined;
  /** Goes before everything else, so that nothing is between its two parts. */
  #torn: Torn | undefined;
  /** Lines that were dropped and not reported yet. */
  #lost = 0;
  /** The last attempt to empty the rings ended with a write that failed. */
  #isStuck = false;
  /** That writing fails has been reported, and nothing has been caught up with since. */
  #isReported = false;

  /**
   * @param onBroken Called once when writing begins to fail (a full disk, a closed pipe), and not again
   * before everything that had waited was written.
   */
  constructor(
    target: LogTargetStream,
    settings: SinkSettings,
    readonly onBroken: (reason: string) => void,
  ) {
    this.#target = target;
    this.#settings = settings;
    if (target.endsMidLine === true) this.#torn = UNENDED;
  }

  /** Whether a write is under way. */
  get isWriting(): boolean {
    return this.#running !== undefined;
  }

  /** How many rings are read. */
  get rings(): number {
    return this.#readers.length;
  }

  /**
   * Takes a thread's ring on, until its reader has ended and is empty.
   *
   * @param isLast It is emptied after all others: the last words of the process come last.
   */
  add(reader: RingReader, isLast = false): void {
    if (isLast) this.#readers.push(reader);
    else this.#readers.splice(-1, 0, reader);
    const ended = this.#readers.filter((reader) => reader.ended && reader !== this.#written);
    while (ended.length > MAX_ENDED) this.#lost += this.#drop(ended.shift()!);
  }

  /** Begins to write what waits, unless that is going on already. After a failure it is the next attempt. */
  pump(): void {
    this.#running ??= this.#empty().finally(() => this.#running = undefined);
  }

  /**
   * Writes what waits, for at most `limitMs`.
   *
   * @returns Whether everything was written in that time.
   */
  async flush(limitMs: number): Promise<boolean> {
    // A pump that is under way may have passed a ring that got a line since.
    const ended = (this.#running ?? Promise.resolve()).then(() => {
      this.pump();
      return this.#running;
    });
    return await within(limitMs, ended) && !this.#isStuck;
  }

  /**
   * Gives up what waits. Not while a write is under way.
   *
   * @returns How many lines are lost, those that were dropped before included.
   */
  abandon(): number {
    let lost = this.#lost + (this.#torn === undefined ? 0 : 1);
    this.#torn = undefined;
    this.#lost = 0;
    for (const reader of this.#readers) lost += this.#drop(reader);
    return lost;
  }

  /** Gives a ring up; returns how many lines were in it or had been dropped. */
  #drop(reader: RingReader): number {
    this.#readers = this.#readers.filter((other) => other !== reader);
    reader.end();
    let lost = reader.takeLost();
    for (let bytes = reader.peek(); bytes !== undefined; bytes = reader.peek()) {
      lost += lineCount(bytes);
      reader.release(bytes.length);
    }
    return lost;
  }

  async #empty(): Promise<void> {
    this.#isStuck = false;
    await this.#mend();
    for (let found = true; found && !this.#isStuck;) {
      found = false;
      for (const reader of this.#readers) {
        // Before the look: what is said between the two is written by the next one.
        const { ended } = reader;
        const bytes = reader.peek();
        if (bytes === undefined) {
          if (ended) this.#lost += this.#drop(reader);
          continue;
        }
        found = true;
        this.#written = reader;
        reader.release(await this.#write(bytes));
        this.#written = undefined;
        if (this.#isStuck) return;
      }
      await this.#reportLost();
    }
    if (!this.#isStuck) this.#isReported = false;
  }

  /** Writes the rest of a torn line; all of it, where the target was emptied after its first part. */
  async #mend(): Promise<void> {
    const torn = this.#torn;
    if (torn === undefined) return;
    this.#torn = undefined;
    const size = await this.#targetBytes();
    const wasEmptied = size !== undefined && torn.targetBytes !== undefined &&
      size < torn.targetBytes;
    await this.#write(torn.line, wasEmptied ? 0 : torn.written);
    if (this.#isStuck) this.#torn ??= { line: torn.line, written: 0, targetBytes: undefined };
  }

  async #reportLost(): Promise<void> {
    for (const reader of this.#readers) this.#lost += reader.takeLost();
    const lost = this.#lost;
    if (lost === 0) return;
    if (!passes(this.#settings.level, "warn")) {
      this.#lost = 0;
      return;
    }
    const message = `${lost} log lines were lost: they could not be written in time`;
    const { format } = this.#settings;
    const line = encoder.encode(logLine(format, Date.now(), "warn", "fluxheim", message));
    if (await this.#write(line) > 0) this.#lost -= lost;
  }

  /**
   * Writes whole lines.
   *
   * @param from How many of the bytes are there already.
   * @returns How many bytes are done with: written, or of a line that was begun and waits for its rest. The
   * others have to come again.
   */
  async #write(lines: Uint8Array, from = 0): Promise<number> {
    let at = from;
    try {
      while (at < lines.length) at += await this.#target.write(lines.subarray(at));
      return at;
    } catch (error) {
      this.#isStuck = true;
      const done = await this.#keepTorn(lines, at);
      this.#report(error);
      return done;
    }
  }

  #report(error: unknown): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.onBroken(error instanceof Error ? error.message : String(error));
  }

  /** Keeps the line that is cut at `at`, if one is; returns where the lines begin that are still whole. */
  async #keepTorn(lines: Uint8Array, at: number): Promise<number> {
    if (at === 0 || lines[at - 1] === LF) return at;
    const start = lines.lastIndexOf(LF, at - 1) + 1;
    const end = lines.indexOf(LF, at) + 1;
    const targetBytes = await this.#targetBytes();
    // Copied, because the ring's memory is filled again.
    this.#torn = { line: lines.slice(start, end), written: at - start, targetBytes };
    return end;
  }

  async #targetBytes(): Promise<number | undefined> {
    try {
      return await this.#target.size?.();
    } catch {
      return undefined;
    }
  }
}

function lineCount(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}
