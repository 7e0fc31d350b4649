/**
 * A peer that speaks in single frames, for tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Duplex } from "../../../net/duplex.ts";
import { plainClassifier } from "../hpack/testing/samples.ts";
import { Decoder, Encoder } from "../hpack/mod.ts";
import { Flag, FrameType, PREFACE, readUint32 } from "../wire/frames.ts";
import { concat, frame, type Pair } from "./frames.ts";

/** A frame as it came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** A peer that sends what a test gives it and keeps what it gets, and has no opinion on either. */
export class RawPeer {
  /** All frames that came, in order. */
  readonly frames: Frame[] = [];
  /** The other side has ended its direction. */
  ended = false;
  readonly encoder = new Encoder();
  readonly #decoder = new Decoder(plainClassifier);
  readonly #stream: Duplex;
  #buffer = new Uint8Array(0);
  #next = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  async send(...parts: Uint8Array[]): Promise<void> {
    const bytes = concat(parts);
    for (let at = 0; at < bytes.length;) at += await this.#stream.write(bytes.subarray(at));
  }

  /** A client's first words. */
  async greet(settings: Uint8Array = new Uint8Array(0)): Promise<void> {
    await this.send(PREFACE, frame(FrameType.SETTINGS, 0, 0, settings));
  }

  /** Encodes fields to one block. */
  block(pairs: readonly Pair[]): Uint8Array {
    const bound = Encoder.bound(pairs.map(([name]) => name), pairs.map(([, value]) => value));
    const into = new Uint8Array(bound);
    let at = this.encoder.begin(into, 0);
    for (const [name, value] of pairs) at = this.encoder.field(name, value, into, at);
    return into.slice(0, at);
  }

  headers(streamId: number, pairs: readonly Pair[], endStream = true): Uint8Array {
    const flags = Flag.END_HEADERS | (endStream ? Flag.END_STREAM : 0);
    return frame(FrameType.HEADERS, flags, streamId, this.block(pairs));
  }

  fields(received: Frame): Pair[] {
    const pairs: Pair[] = [];
    const { payload } = received;
    this.#decoder.decode(payload, 0, payload.length, {
      field: (name, value) => void pairs.push([name, value]),
    });
    return pairs;
  }

  /** A server's first words, after those of the client, which are checked. */
  async welcome(settings: Uint8Array = new Uint8Array(0)): Promise<void> {
    while (this.#buffer.length < PREFACE.length && await this.#read());
    assert.deepEqual(this.#buffer.subarray(0, PREFACE.length), PREFACE);
    this.#next = PREFACE.length;
    await this.send(frame(FrameType.SETTINGS, 0, 0, settings));
  }

  /** The next frame; `undefined` at the end of the stream. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const found = this.#take();
      if (found !== undefined) {
        this.frames.push(found);
        return found;
      }
      if (!await this.#read()) return undefined;
    }
  }

  async #read(): Promise<boolean> {
    const into = new Uint8Array(16_384);
    let count: number | null = null;
    try {
      count = await this.#stream.read(into);
    } catch {
      // Closed on the other side with bytes on their way.
    }
    this.ended = count === null;
    if (count === null) return false;
    this.#buffer = concat([this.#buffer.subarray(this.#next), into.subarray(0, count)]);
    this.#next = 0;
    return true;
  }

  /** Reads on to a frame of that type, and on that stream if one is given; fails at the end. */
  async until(type: number, streamId?: number): Promise<Frame> {
    for (;;) {
      const found = await this.next();
      if (found === undefined) {
        const seen = this.frames.map((each) => `${each.type}/${each.streamId}`).join(" ");
        throw new Error(`the stream ended before a frame of type ${type} came: ${seen}`);
      }
      if (found.type === type && (streamId === undefined || found.streamId === streamId)) {
        return found;
      }
    }
  }

  /** Reads to the end of the stream. */
  async untilEnd(): Promise<void> {
    while (await this.next() !== undefined);
  }

  /** A whole answer on a stream: its heads, and its body up to END_STREAM. */
  async answer(streamId: number): Promise<Answer> {
    const heads: Pair[][] = [];
    const parts: Uint8Array[] = [];
    for (;;) {
      const found = await this.next();
      if (found === undefined) throw new Error(`the stream ended within answer ${streamId}`);
      if (found.streamId !== streamId) {
        // Field blocks build on each other, so each is decoded in order.
        if (found.type === FrameType.HEADERS) this.fields(found);
        continue;
      }
      if (found.type === FrameType.RST_STREAM) {
        return { heads, body: concat(parts), reset: readUint32(found.payload, 0) };
      }
      if (found.type === FrameType.HEADERS) heads.push(this.fields(found));
      if (found.type === FrameType.DATA) parts.push(found.payload);
      const mayEnd = found.type === FrameType.HEADERS || found.type === FrameType.DATA;
      if (mayEnd && (found.flags & Flag.END_STREAM) !== 0) {
        return { heads, body: concat(parts), reset: undefined };
      }
    }
  }

  close(): void {
    this.#stream.close();
  }

  #take(): Frame | undefined {
    const at = this.#next;
    const buffer = this.#buffer;
    if (buffer.length - at < 9) return undefined;
    const length = buffer[at] << 16 | buffer[at + 1] << 8 | buffer[at + 2];
    if (buffer.length - at < 9 + length) return undefined;
    this.#next = at + 9 + length;
    return {
      type: buffer[at + 3],
      flags: buffer[at + 4],
      streamId: readUint32(buffer, at + 5),
      payload: buffer.slice(at + 9, this.#next),
    };
  }
}

/** What came on one stream. */
export interface Answer {
  readonly heads: readonly (readonly Pair[])[];
  readonly body: Uint8Array;
  /** Code of RST_STREAM, if the answer ended with one. */
  readonly reset: number | undefined;
}
