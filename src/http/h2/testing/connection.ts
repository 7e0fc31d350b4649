/**
 * What the tests of this folder share: a gateway that is one function, a body in pieces, and from files
 * of their own a stream in memory, frames, and a peer that speaks in single ones.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Body, BytesBody } from "../../body.ts";
import { type Handler, HttpExchange } from "../../exchange.ts";
import type { ConnectionFacts } from "../../../net/connection_facts.ts";
import { Fields } from "../../fields.ts";
import { OpenConnections, type ServerOptions } from "../../server.ts";
import { Clock } from "../../../net/clock.ts";
import { memoryPair, type MemoryStream } from "./memory_stream.ts";
import { RawPeer } from "./raw_peer.ts";
import { errorName } from "../wire/errors.ts";
import { FrameType, readUint32 } from "../wire/frames.ts";
import { serveHttp2 } from "../server.ts";
import { get, type Pair, valueOf } from "./frames.ts";

export { memoryPair, MemoryStream, settle } from "./memory_stream.ts";
export { type Answer, type Frame, RawPeer } from "./raw_peer.ts";
export * from "./frames.ts";

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

  resume(): void {}

  fail(_exchange: HttpExchange, reason: unknown): void {
    throw reason;
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

/** The connection ends with ENHANCE_YOUR_CALM, and everything that was begun is finished. */
export async function calmed({ peer, handler, done }: Served): Promise<void> {
  const { payload } = await peer.until(FrameType.GOAWAY);
  assert.equal(errorName(readUint32(payload, 4)), "ENHANCE_YOUR_CALM");
  await peer.untilEnd();
  peer.close();
  await done;
  assert.equal(handler.finished.length, handler.created.length);
}

/** The connection is open and answers a request on `streamId`, which is its last one. */
export async function stillServes({ peer, done }: Served, streamId: number): Promise<void> {
  await peer.send(peer.headers(streamId, get("/after")));
  assert.equal(valueOf((await peer.answer(streamId)).heads[0], ":status"), "200");
  peer.close();
  await done;
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
