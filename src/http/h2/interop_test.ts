/** Our client and our server with each other, in memory and over real sockets. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { answer, FACTS, memoryPair, PiecesBody, TestHandler } from "./testing/connection.ts";
import { type Body, BytesBody, readAll } from "../body.ts";
import type { ClientRequest } from "../client.ts";
import type { HttpExchange } from "../exchange.ts";
import { Fields } from "../fields.ts";
import { OpenConnections } from "../server.ts";
import { Clock } from "../../net/clock.ts";
import type { Duplex } from "../../net/duplex.ts";
import { Http2Client } from "./client.ts";
import { serveHttp2 } from "./server.ts";

const TIMEOUTS = { readMs: 0, sendMs: 0, idleMs: 0 };

interface Pair {
  readonly client: Http2Client;
  readonly handler: TestHandler;
  end(): Promise<void>;
}

function pair(near: Duplex, far: Duplex, handle: (x: HttpExchange) => void | Promise<void>): Pair {
  const clock = new Clock();
  clock.tick(1000);
  const handler = new TestHandler(handle);
  const served = serveHttp2(near, FACTS, handler, {
    limits: { maxHeadBytes: 65_536, maxUriBytes: 8192, maxFields: 100 },
    clock,
    open: new OpenConnections(),
    headTimeoutMs: 10_000,
  });
  const client = new Http2Client(far, {
    clock,
    timeouts: TIMEOUTS,
    maxStreams: 32,
    pingIntervalMs: 0,
  });
  const closed = new Promise<void>((resolve) => client.onClosed = resolve);
  const end = async () => {
    client.drain();
    await closed;
    await served;
  };
  return { client, handler, end };
}

function get(target: string, more: Partial<ClientRequest> = {}): ClientRequest {
  return {
    method: "GET",
    target,
    scheme: "http",
    authority: "test",
    fields: new Fields(),
    body: undefined,
    upgrade: undefined,
    ...more,
  };
}

/** How a body is made: all at once or in pieces, with or without a length and trailers. */
interface Shape {
  readonly bytes: number;
  readonly piece: number;
  readonly delayed: boolean;
  readonly hasLength: boolean;
  readonly trailer: string | undefined;
  readonly whole: boolean;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  bytes: fc.oneof(
    fc.constantFrom(0, 1, 1023, 1024, 1025, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537),
    fc.integer({ min: 0, max: 200_000 }),
  ),
  piece: fc.constantFrom(1000, 1024, 7777, 16_384, 65_536, 1e6),
  delayed: fc.boolean(),
  hasLength: fc.boolean(),
  trailer: fc.option(fc.constantFrom("0", "a b", "x".repeat(300)), { nil: undefined }),
  whole: fc.boolean(),
});

function bytesOf(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

function bodyOf({ bytes, piece, delayed, hasLength, trailer }: Shape): PiecesBody {
  const body = new PiecesBody(bytesOf(bytes), piece, delayed, hasLength ? bytes : undefined);
  if (trailer !== undefined) body.trailers = Fields.of(["x-trailer", trailer]);
  return body;
}

async function read(body: Body | undefined): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array(0);
  return await readAll(body, 1e7) ?? assert.fail("too long");
}

const exchangeShape = fc.record({ up: shape, down: shape, reads: fc.boolean() });

/** Sends one request a shape, all at a time, and checks what came of each on both sides. */
async function exchangeAll(
  { client }: Pair,
  shapes: readonly { up: Shape; down: Shape; reads: boolean }[],
): Promise<void> {
  await Promise.all(shapes.map(async ({ up, down, reads }, at) => {
    const response = await client.request(
      get(`/${at}`, { method: "POST", body: reads ? bodyOf(up) : undefined }),
    );
    assert.equal(response.status, 200);
    assert.deepEqual(await read(response.body), bytesOf(down.bytes));
    assert.equal(response.fields.get("x-read"), reads ? `${up.bytes}` : "0");
    assert.equal(response.fields.get("x-read-trailer"), reads ? up.trailer : undefined);
    const trailer = down.whole ? undefined : down.trailer;
    assert.equal(response.body?.trailers?.get("x-trailer"), trailer);
  }));
}

function gateway(shapes: readonly { down: Shape }[]) {
  return async (x: HttpExchange) => {
    const { down } = shapes[Number(x.path.slice(1))];
    const got = await read(x.requestBody);
    assert.deepEqual(got, bytesOf(got.length));
    const body = down.whole ? bytesOf(down.bytes) : bodyOf(down);
    answer(x, 200, body, ["x-read", `${got.length}`]);
    const trailer = x.requestBody?.trailers?.get("x-trailer");
    if (trailer !== undefined) x.response.append("x-read-trailer", trailer);
  };
}

Deno.test("bodies of every shape pass both ways, many at a time", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(exchangeShape, { minLength: 1, maxLength: 8 }),
      async (shapes) => {
        const [near, far] = memoryPair();
        const both = pair(near, far, gateway(shapes));
        await exchangeAll(both, shapes);
        await both.end();
        assert.equal(both.handler.finished.length, shapes.length);
        assert.ok(both.handler.finished.every((x) => !x.failed));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("bodies of every shape pass a stream that takes little at a time", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(exchangeShape, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 100, max: 5000 }),
      async (shapes, capacity) => {
        const [near, far] = memoryPair();
        near.capacity = far.capacity = capacity;
        const both = pair(near, far, gateway(shapes));
        await exchangeAll(both, shapes);
        await both.end();
      },
    ),
    { numRuns: 20 },
  );
});

Deno.test("bodies of every shape pass real sockets", async () => {
  const shapes = fc.sample(exchangeShape, 60);
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const accepting = listener.accept();
  const { port } = listener.addr as Deno.NetAddr;
  const far = await Deno.connect({ port, hostname: "127.0.0.1" });
  const both = pair(await accepting, far, gateway(shapes));
  for (let at = 0; at < shapes.length; at += 20) {
    const some = shapes.map((each, i) => ({ each, i })).slice(at, at + 20);
    await Promise.all(some.map(async ({ each: { up, down, reads }, i }) => {
      const response = await both.client.request(
        get(`/${i}`, { method: "POST", body: reads ? bodyOf(up) : undefined }),
      );
      assert.deepEqual(await read(response.body), bytesOf(down.bytes));
      assert.equal(response.fields.get("x-read"), reads ? `${up.bytes}` : "0");
    }));
  }
  await both.end();
  listener.close();
});

Deno.test("a gateway in the middle relays both directions at once, trailers included", async () => {
  // What gRPC does: the answer begins before the request has ended, and ends with trailers.
  const [originNear, originFar] = memoryPair();
  const [edgeNear, edgeFar] = memoryPair();
  const origin = pair(originNear, originFar, (x) => {
    answer(x, 200, new EchoBody(x.requestBody!), ["content-type", "application/grpc"]);
  });
  const edge = pair(edgeNear, edgeFar, async (x) => {
    const response = await origin.client.request(
      get(x.target, { method: x.method, body: x.requestBody }),
    );
    x.status = response.status;
    x.response = response.fields;
    x.responseBody = response.body;
  });
  const up = new TalkBody();
  const { body } = await edge.client.request(get("/echo", { method: "POST", body: up }));
  const into = new Uint8Array(100);
  for (const word of ["one", "two", "three"]) {
    up.say(word);
    const count = await body!.read(into);
    assert.equal(new TextDecoder().decode(into.subarray(0, count ?? 0)), word);
  }
  up.end();
  assert.equal(await body!.read(into), null);
  assert.equal(body?.trailers?.get("grpc-status"), "0");
  await edge.end();
  await origin.end();
});

Deno.test("an upstream that vanishes within a body resets the client's stream", async () => {
  const [originNear, originFar] = memoryPair();
  const [edgeNear, edgeFar] = memoryPair();
  const origin = pair(originNear, originFar, (x) => answer(x, 200, new EchoBody(new TalkBody())));
  const edge = pair(edgeNear, edgeFar, async (x) => {
    const response = await origin.client.request(get(x.target));
    x.status = response.status;
    x.responseBody = response.body;
  });
  const { body } = await edge.client.request(get("/"));
  const pending = Promise.resolve(body!.read(new Uint8Array(10)));
  originNear.close();
  await assert.rejects(pending);
  assert.equal(edge.handler.finished[0].failed, true);
  await edge.end();
});

/** Gives back what it reads, and a gRPC status. */
class EchoBody implements Body {
  readonly length = undefined;
  readonly trailers = Fields.of(["grpc-status", "0"]);
  constructor(readonly source: Body) {}
  read(into: Uint8Array) {
    return this.source.read(into);
  }
  cancel(): void {
    this.source.cancel();
  }
}

/** A body that is spoken word by word. */
class TalkBody implements Body {
  readonly length = undefined;
  readonly trailers = undefined;
  #said: (BytesBody | null)[] = [];
  #wake = () => {};

  say(word: string): void {
    this.#said.push(new BytesBody(new TextEncoder().encode(word)));
    this.#wake();
  }

  end(): void {
    this.#said.push(null);
    this.#wake();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#said.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    const next = this.#said.shift();
    return next === null || next === undefined ? null : next.read(into);
  }

  cancel(): void {
    this.end();
  }
}
