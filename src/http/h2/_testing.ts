/**
 * What the tests of this folder share: a stream in memory, a peer that speaks in single frames, and a
 * gateway that is one function.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Body, BytesBody } from "../body.ts";
import { type ConnectionFacts, type Handler, HttpExchange } from "../exchange.ts";
import { Fields } from "../fields.ts";
import { OpenConnections, type ServerOptions } from "../server.ts";
import { Clock } from "../../net/clock.ts";
import type { Duplex } from "../../net/duplex.ts";
import { plainClassifier } from "./hpack/_testing.ts";
import { Decoder, Encoder } from "./hpack/mod.ts";
import { Flag, FrameType, PREFACE, readUint32, writeFrameHeader, writeUint32 } from "./frames.ts";
import { serveHttp2 } from "./server.ts";

/** A field. */
export type Pair = readonly [name: string, value: string];

/** One end of a stream in memory. */
export class MemoryStream implements Duplex {
  /** Bytes that may wait for the other end to read them; writes beyond wait. */
  capacity = Infinity;
  closed = false;
  /** The other end; set by {@linkcode memoryPair}. */
  peer: MemoryStream | undefined;
  /** Bytes in all that the other end has written. */
  received = 0;
  /** Largest number of bytes in one write of the other end. */
  largestWrite = 0;
  #waiting: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #wake: (() => void)[] = [];

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.closed) throw new Error("the stream was closed");
      const first = this.#waiting[0];
      if (first !== undefined) {
        const count = Math.min(first.length, into.length);
        into.set(first.subarray(0, count));
        if (count === first.length) this.#waiting.shift();
        else this.#waiting[0] = first.subarray(count);
        this.#size -= count;
        this.#notify();
        return count;
      }
      if (this.#ended) return null;
      await this.#change();
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { peer } = this;
    if (peer === undefined) throw new Error("this end has no other end");
    for (;;) {
      if (this.closed || peer.closed) throw new Error("the stream was closed");
      const room = peer.capacity - peer.#size;
      if (room > 0) {
        const taken = bytes.slice(0, Math.min(room, bytes.length));
        peer.#waiting.push(taken);
        peer.#size += taken.length;
        peer.received += taken.length;
        peer.largestWrite = Math.max(peer.largestWrite, taken.length);
        peer.#notify();
        return taken.length;
      }
      await peer.#change();
    }
  }

  closeWrite(): Promise<void> {
    if (this.peer !== undefined) {
      this.peer.#ended = true;
      this.peer.#notify();
    }
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
    this.#notify();
    if (this.peer === undefined) return;
    this.peer.#ended = true;
    this.peer.#notify();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => void this.#wake.push(resolve));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

/** Both ends of a stream in memory. */
export function memoryPair(): [MemoryStream, MemoryStream] {
  const a = new MemoryStream();
  const b = new MemoryStream();
  a.peer = b;
  b.peer = a;
  return [a, b];
}

/** A frame as it came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** A peer that sends what it is told and keeps what it gets, and has no opinion on either. */
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

  /** A server's first words, behind those of the client, which are checked. */
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
        // Field blocks build on each other, so each is decoded in its turn.
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

/** Value of a field in a head. */
export function valueOf(head: readonly Pair[], name: string): string | undefined {
  return head.find(([each]) => each === name)?.[1];
}

/** A whole frame. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | readonly number[] = [],
): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  writeFrameHeader(bytes, 0, payload.length, type, flags, streamId);
  bytes.set(payload, 9);
  return bytes;
}

/** A DATA frame. */
export function data(streamId: number, payload: Uint8Array, endStream = false): Uint8Array {
  return frame(FrameType.DATA, endStream ? Flag.END_STREAM : 0, streamId, payload);
}

/** A WINDOW_UPDATE frame; stream 0 is the connection. */
export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frame(FrameType.WINDOW_UPDATE, 0, streamId, uint32(increment));
}

/** An RST_STREAM frame. */
export function reset(streamId: number, code: number): Uint8Array {
  return frame(FrameType.RST_STREAM, 0, streamId, uint32(code));
}

/** One setting as it stands in SETTINGS. */
export function setting(id: number, value: number): Uint8Array {
  return Uint8Array.of(0, id, ...uint32(value));
}

/** Four octets in network byte order. */
export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, value);
  return bytes;
}

/** All parts in one array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The pseudo-header fields of a GET. */
export function get(path = "/"): Pair[] {
  return [[":method", "GET"], [":scheme", "http"], [":path", path], [":authority", "test"]];
}

/** The fields of a POST to `/`. */
export function post(...more: Pair[]): Pair[] {
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "test"],
    ...more,
  ];
}

/** A cleartext connection from this machine. */
export const FACTS: ConnectionFacts = {
  peerAddress: "127.0.0.1",
  peerPort: 40_000,
  peerIsDirect: true,
  localAddress: "127.0.0.1",
  localPort: 80,
  listener: "127.0.0.1:80",
  tls: undefined,
};

/** A gateway that answers by one function, and counts. */
export class TestHandler implements Handler<HttpExchange> {
  readonly created: HttpExchange[] = [];
  readonly finished: HttpExchange[] = [];
  readonly refused: string[] = [];
  readonly #handle: (exchange: HttpExchange) => void | Promise<void>;

  constructor(handle: (exchange: HttpExchange) => void | Promise<void> = (x) => answer(x, 200)) {
    this.#handle = handle;
  }

  create(connection: ConnectionFacts): HttpExchange {
    const exchange = new HttpExchange(connection);
    this.created.push(exchange);
    return exchange;
  }

  handle(exchange: HttpExchange): void | Promise<void> {
    if (exchange.headFault === undefined) return this.#handle(exchange);
    this.refuse(exchange, exchange.headFault.status, exchange.headFault.reason);
  }

  refuse(exchange: HttpExchange, status: number, reason: string): void {
    this.refused.push(reason);
    answer(exchange, status);
  }

  finish(exchange: HttpExchange): void {
    if (this.finished.includes(exchange)) throw new Error("an exchange was finished twice");
    this.finished.push(exchange);
  }
}

/** Answers an exchange. */
export function answer(
  exchange: HttpExchange,
  status: number,
  body?: string | HttpExchange["responseBody"],
  ...fields: Pair[]
): void {
  exchange.status = status;
  exchange.response = Fields.of(...fields);
  exchange.responseBody = typeof body === "string" ? new TextEncoder().encode(body) : body;
}

/** A server on a stream in memory, and a raw peer at its other end. */
export interface Served {
  readonly peer: RawPeer;
  readonly handler: TestHandler;
  readonly clock: Clock;
  readonly open: OpenConnections;
  /** The server's end, and the peer's. */
  readonly stream: MemoryStream;
  readonly far: MemoryStream;
  /** Settles when the server has returned. */
  readonly done: Promise<void>;
}

/** Starts a server for one connection. Time moves only by `clock.tick`. */
export function serve(
  handle?: (exchange: HttpExchange) => void | Promise<void>,
  options: Partial<ServerOptions> = {},
): Served {
  const [near, far] = memoryPair();
  const clock = new Clock();
  clock.tick(1000);
  const handler = new TestHandler(handle);
  const open = new OpenConnections();
  const done = serveHttp2(near, FACTS, handler, {
    limits: { maxHeadBytes: 65_536, maxUriBytes: 8192, maxFields: 100 },
    clock,
    open,
    headTimeoutMs: 10_000,
    ...options,
  });
  return { peer: new RawPeer(far), handler, clock, open, stream: near, far, done };
}

/** A body that comes in pieces. */
export class PiecesBody implements Body {
  cancelled = false;
  trailers: Fields | undefined = undefined;
  readonly #source: BytesBody;
  readonly #pieceBytes: number;
  readonly #delayed: boolean;

  /**
   * @param delayed Whether each piece comes with a promise.
   * @param length What the body says of its length.
   */
  constructor(
    bytes: Uint8Array,
    pieceBytes: number,
    delayed: boolean,
    readonly length: number | undefined = undefined,
  ) {
    this.#source = new BytesBody(bytes);
    this.#pieceBytes = pieceBytes;
    this.#delayed = delayed;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    const count = this.#source.read(into.subarray(0, this.#pieceBytes));
    return this.#delayed ? Promise.resolve(count) : count;
  }

  cancel(): void {
    this.cancelled = true;
    this.#source.cancel();
  }
}

/** Lets everything that is ready happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
