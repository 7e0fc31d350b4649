/**
 * Where log lines end: the keeper empties the rings of all threads into one file descriptor. One write
 * is under way at a time and never waited for by anything else, so a pipe nobody reads stops the
 * writing and nothing more; what then no longer fits a ring is dropped there, counted and told once
 * writing works again.
 *
 * @module
 */
import { type LogFormat, logLine, type LogThreshold, passes } from "./log_lines.ts";
import type { LogRingReader } from "./log_ring.ts";

/** What lines are written to: standard error, standard output or an opened file. */
export interface LogTargetStream {
  /** Writes some of `bytes`, at least one; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** How the sink's own records look. */
export interface SinkSettings {
  readonly level: LogThreshold;
  readonly format: LogFormat;
}

const encoder = new TextEncoder();

/** Empties rings into a stream. */
export class LogSink {
  readonly #target: LogTargetStream;
  readonly #settings: SinkSettings;
  readonly #readers: LogRingReader[] = [];
  #running: Promise<void> | undefined;
  #broken = false;

  /**
   * @param onBroken Told once when writing begins to fail (a full disk, a closed pipe), and not again
   * before it worked in between. Lines are lost meanwhile.
   */
  constructor(
    target: LogTargetStream,
    settings: SinkSettings,
    readonly onBroken: (reason: string) => void,
  ) {
    this.#target = target;
    this.#settings = settings;
  }

  /** Takes a thread's ring on. */
  add(reader: LogRingReader): void {
    this.#readers.push(reader);
  }

  /** Begins to write what waits, unless that is going on already. */
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
    const written = (this.#running ?? Promise.resolve()).then(() => {
      this.pump();
      return this.#running;
    }).then(() => true);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), limitMs);
    });
    try {
      return await Promise.race([written, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #empty(): Promise<void> {
    for (let found = true; found;) {
      found = false;
      for (const reader of this.#readers) {
        const bytes = reader.peek();
        if (bytes === undefined) continue;
        found = true;
        await this.#write(bytes);
        reader.release(bytes.length);
      }
      await this.#tellLost();
    }
  }

  async #tellLost(): Promise<void> {
    let lost = 0;
    for (const reader of this.#readers) lost += reader.takeLost();
    if (lost === 0 || !passes(this.#settings.level, "warn")) return;
    const message = `${lost} log lines were lost: they came faster than they could be written`;
    const { format } = this.#settings;
    await this.#write(encoder.encode(logLine(format, Date.now(), "warn", "fluxheim", message)));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.#target.write(bytes.subarray(at));
      this.#broken = false;
    } catch (error) {
      if (this.#broken) return;
      this.#broken = true;
      this.onBroken(error instanceof Error ? error.message : String(error));
    }
  }
}
