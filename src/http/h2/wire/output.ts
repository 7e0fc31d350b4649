/**
 * The sending side of a connection: everything that is to be sent gathers in one buffer, and one loop
 * writes it. All that a read brings about leaves in one write.
 *
 * Two kinds of octets come here. Heads and data are pulled by {@linkcode OutputSource.fill} when the
 * loop is ready for them, so they have a bound and wait with their streams. Control frames come when they
 * come; a peer that asks for more of them than it reads is cut off at {@linkcode MAX_WAITING_BYTES}.
 *
 * @module
 */
import { LARGE, LARGE_BYTES, SMALL, SMALL_BYTES } from "../../../net/buffers.ts";
import type { Clock } from "../../../net/clock.ts";
import type { Duplex } from "../../../net/duplex.ts";
import { fairStep } from "../../../net/fairness.ts";
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, writeFrameHeader } from "./frames.ts";

/**
 * Octets of one write: a source stops filling here. A head and a frame may pass it, which mostly fit into
 * the same large buffer. Larger writes gain nothing: TLS takes 64 KiB at a time.
 */
export const BATCH_BYTES = LARGE_BYTES - MAX_FRAME_BYTES - 1024;

/** Octets of control frames and interim heads that may wait after a write that does not end. */
export const MAX_WAITING_BYTES = 32 * 1024;

/** What an output is filled from. */
export interface OutputSource {
  /** Adds what is ready, until {@linkcode Output.isFull}. */
  fill(output: Output): void;
  /** All that was filled in before the latest write has been written. */
  onWritten(): void;
  /** The stream does not take any more. */
  onWriteFailed(): void;
  /** What the source itself threw. */
  onFault(fault: unknown): void;
}

/** Gathers frames and writes them. */
export class Output {
  /** What waits is `bytes[0, size)`. Ask {@linkcode reserve} before writing after it. */
  bytes: Uint8Array = NOTHING;
  size = 0;
  /** `Clock.now` at the latest progress of the write under way; 0 when there is none. */
  writingSince = 0;
  #writing = false;
  #ending = false;
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #source: OutputSource;

  constructor(stream: Duplex, clock: Clock, source: OutputSource) {
    this.#stream = stream;
    this.#clock = clock;
    this.#source = source;
  }

  get isFull(): boolean {
    return this.size >= BATCH_BYTES;
  }

  /** The peer does not read, and keeps asking. */
  get isOverrun(): boolean {
    return this.writingSince !== 0 && this.size > MAX_WAITING_BYTES;
  }

  /** Takes a buffer of the right size in advance, where it is known how much is about to come. */
  expect(count: number): void {
    if (this.size === 0) this.reserve(Math.min(count, LARGE_BYTES));
  }

  /** Makes room for `count` more octets; returns the place where they go. */
  reserve(count: number): number {
    if (this.bytes.length - this.size < count) this.#grow(this.size + count);
    return this.size;
  }

  /** Adds octets as they are. */
  raw(octets: Uint8Array): void {
    const at = this.reserve(octets.length);
    this.bytes.set(octets, at);
    this.size += octets.length;
  }

  /** Adds the header of a frame and room for its payload; returns the payload's place. */
  frame(length: number, type: number, flags: number, streamId: number): number {
    const at = this.reserve(FRAME_HEADER_BYTES + length);
    writeFrameHeader(this.bytes, at, length, type, flags, streamId);
    this.size = at + FRAME_HEADER_BYTES + length;
    return at + FRAME_HEADER_BYTES;
  }

  /** Writes what waits, and then what the source has, until neither has anything. */
  flush(): void {
    if (!this.#writing) this.#write();
  }

  /** Ends the stream's sending direction once everything has been written. */
  end(): void {
    this.#ending = true;
    this.flush();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      for (;;) {
        this.#source.fill(this);
        if (this.size === 0) break;
        const { bytes, size } = this;
        this.bytes = NOTHING;
        this.size = 0;
        this.writingSince = this.#clock.now;
        try {
          let written = await this.#stream.write(bytes.subarray(0, size));
          while (written < size) {
            this.writingSince = this.#clock.now;
            written += await this.#stream.write(bytes.subarray(written, size));
          }
        } catch {
          // The buffer is not given back: the runtime may still hold it.
          this.writingSince = 0;
          this.#source.onWriteFailed();
          return;
        }
        this.writingSince = 0;
        giveBack(bytes);
        this.#source.onWritten();
        const turn = fairStep();
        if (turn !== undefined) await turn;
      }
    } catch (fault) {
      this.#source.onFault(fault);
      return;
    }
    if (this.#ending) await this.#stream.closeWrite().catch(() => this.#source.onWriteFailed());
    this.#writing = false;
  }

  #grow(needed: number): void {
    const old = this.bytes;
    this.bytes = takeBuffer(needed);
    if (this.size > 0) this.bytes.set(old.subarray(0, this.size));
    giveBack(old);
  }
}

const NOTHING = new Uint8Array(0);

function takeBuffer(bytes: number): Uint8Array {
  if (bytes <= SMALL_BYTES) return SMALL.take();
  if (bytes <= LARGE_BYTES) return LARGE.take();
  // Larger only for a head of many kilobytes that comes at the end of a batch.
  return new Uint8Array(bytes * 2);
}

function giveBack(buffer: Uint8Array): void {
  if (buffer.length === SMALL_BYTES) SMALL.give(buffer);
  else if (buffer.length === LARGE_BYTES) LARGE.give(buffer);
}
