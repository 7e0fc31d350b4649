import assert from "node:assert/strict";
import {
  concat,
  data,
  frame,
  memoryPair,
  type MemoryStream,
  PiecesBody,
  RawPeer,
  reset,
  setting,
  settle,
  uint32,
  valueOf,
  windowUpdate,
} from "./_testing.ts";
import { BodyError, BytesBody, readAll } from "../body.ts";
import { ClientError, type ClientErrorStage, type ClientRequest } from "../client.ts";
import { Fields } from "../fields.ts";
import { Clock } from "../../net/clock.ts";
import { Http2Client, type Http2ClientOptions } from "./client.ts";
import { ErrorCode } from "./errors.ts";
import { Flag, FrameType, readUint32 } from "./frames.ts";

interface Connected {
  readonly client: Http2Client;
  readonly peer: RawPeer;
  readonly clock: Clock;
  readonly stream: MemoryStream;
  readonly far: MemoryStream;
  readonly closed: Promise<void>;
}

/** A client and the raw peer it is connected to, which has said its SETTINGS. */
async function connect(
  options: Partial<Http2ClientOptions> = {},
  settings?: Uint8Array,
): Promise<Connected> {
  const [stream, far] = memoryPair();
  const clock = new Clock();
  clock.tick(1000);
  const client = new Http2Client(stream, {
    clock,
    timeouts: { readMs: 0, sendMs: 0, idleMs: 0 },
    maxStreams: 100,
    pingIntervalMs: 0,
    ...options,
  });
  const closed = new Promise<void>((resolve) => client.onClosed = resolve);
  const peer = new RawPeer(far);
  await peer.welcome(settings);
  await peer.until(FrameType.SETTINGS);
  await settle();
  return { client, peer, clock, stream, far, closed };
}

function request(more: Partial<ClientRequest> = {}): ClientRequest {
  return {
    method: "GET",
    target: "/a?b",
    scheme: "https",
    authority: "origin.test",
    fields: new Fields(),
    body: undefined,
    upgrade: undefined,
    ...more,
  };
}

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

async function fails(promise: Promise<unknown>, stage: ClientErrorStage): Promise<ClientError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof ClientError, `${error}`);
  assert.equal(error.stage, stage, error.message);
  return error;
}

async function end({ peer, client, closed }: Connected): Promise<void> {
  client.abort();
  peer.close();
  await closed;
}

Deno.test("a request is sent with its pseudo-header fields, and its answer comes back", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const fields = Fields.of(["accept", "*/*"], ["connection", "x"], ["host", "y"], ["te", "gzip"]);
  const response = client.request(request({ fields }));
  const head = await peer.until(FrameType.HEADERS, 1);
  assert.equal(head.flags, Flag.END_HEADERS | Flag.END_STREAM);
  assert.deepEqual(peer.fields(head), [
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", "origin.test"],
    [":path", "/a?b"],
    ["accept", "*/*"],
  ]);
  await peer.send(
    peer.headers(1, [[":status", "200"], ["x-a", "1"], ["content-length", "2"]], false),
    data(1, new TextEncoder().encode("hi"), true),
  );
  const { status, fields: received, body } = await response;
  assert.equal(status, 200);
  assert.deepEqual([...received], [["x-a", "1"]]);
  assert.equal(body?.length, 2);
  assert.equal(text(await readAll(body!, 100)), "hi");
  assert.equal(client.activeStreams, 0);
  await end(connected);
});

Deno.test("a request body is sent with its length and its trailers", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const body = new PiecesBody(new Uint8Array(20_000), 3000, true, 20_000);
  body.trailers = Fields.of(["x-sum", "1"]);
  const response = client.request(request({ method: "POST", body }));
  const sent = await peer.answer(1);
  assert.equal(valueOf(sent.heads[0], "content-length"), "20000");
  assert.equal(sent.body.length, 20_000);
  assert.deepEqual(sent.heads[1], [["x-sum", "1"]]);
  await peer.send(peer.headers(1, [[":status", "204"]]));
  assert.equal((await response).body, undefined);
  await end(connected);
});

Deno.test("a POST without a body says so; gRPC is told that trailers pass", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const post = client.request(request({ method: "POST" }));
  const plain = peer.fields(await peer.until(FrameType.HEADERS, 1));
  assert.equal(valueOf(plain, "content-length"), "0");
  const fields = Fields.of(["content-type", "application/grpc+proto"]);
  const call = client.request(
    request({ method: "POST", fields, body: new BytesBody(new Uint8Array(5)) }),
  );
  const grpc = peer.fields(await peer.until(FrameType.HEADERS, 3));
  assert.equal(valueOf(grpc, "te"), "trailers");
  await end(connected);
  await fails(post, "response");
  await fails(call, "response");
});

Deno.test("interim answers go their own way", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const interim: number[] = [];
  const response = client.request(request(), (status) => interim.push(status));
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(
    peer.headers(1, [[":status", "100"]], false),
    peer.headers(1, [[":status", "103"], ["link", "</a>"]], false),
    peer.headers(1, [[":status", "200"]]),
  );
  assert.equal((await response).status, 200);
  assert.deepEqual(interim, [100, 103]);
  await end(connected);
});

Deno.test("an answer's trailers are there behind its body", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(
    peer.headers(1, [[":status", "200"]], false),
    data(1, new Uint8Array(3)),
    peer.headers(1, [["grpc-status", "0"]]),
  );
  const { body } = await response;
  assert.equal((await readAll(body!, 10))?.length, 3);
  assert.equal(body?.trailers?.get("grpc-status"), "0");
  await end(connected);
});

Deno.test("an answer to HEAD keeps the length it speaks of, and has no body", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request({ method: "HEAD" }));
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"], ["content-length", "77"]]));
  const { fields, body } = await response;
  assert.equal(fields.get("content-length"), "77");
  assert.equal(body, undefined);
  await end(connected);
});

Deno.test("an answer to HEAD may end in a frame of its own, and may have no data", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const fields = [[":status", "200"], ["content-length", "77"]] as const;
  const first = client.request(request({ method: "HEAD" }));
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, fields, false), data(1, new Uint8Array(0), true));
  assert.equal((await first).body, undefined);
  await settle();
  assert.equal(client.activeStreams, 0);
  const second = client.request(request({ method: "HEAD" }));
  await peer.until(FrameType.HEADERS, 3);
  await peer.send(peer.headers(3, fields, false), data(3, new Uint8Array(77), true));
  assert.equal((await second).body, undefined);
  const { payload } = await peer.until(FrameType.RST_STREAM, 3);
  assert.equal(readUint32(payload, 0), ErrorCode.PROTOCOL_ERROR);
  await end(connected);
});

Deno.test("an answer's body is credited as it is read, and no more is accepted", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  const block = new Uint8Array(16_384);
  await peer.send(
    peer.headers(1, [[":status", "200"]], false),
    concat(Array.from({ length: 4 }, () => data(1, block))),
  );
  const { body } = await response;
  await settle();
  const into = new Uint8Array(40_000);
  assert.equal(await body!.read(into), 40_000);
  const { payload } = await peer.until(FrameType.WINDOW_UPDATE, 1);
  assert.equal(readUint32(payload, 0), 40_000);
  await peer.send(concat(Array.from({ length: 3 }, () => data(1, block))));
  const { payload: code } = await peer.until(FrameType.RST_STREAM, 1);
  assert.equal(readUint32(code, 0), ErrorCode.FLOW_CONTROL_ERROR);
  await assert.rejects(async () => await readAll(body!, 1e6), BodyError);
  await end(connected);
});

Deno.test("a complete answer to an incomplete request ends both, and the answer counts", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const body = new PiecesBody(new Uint8Array(1e6), 1000, true);
  const response = client.request(request({ method: "POST", body }));
  await peer.until(FrameType.DATA, 1);
  await peer.send(
    peer.headers(1, [[":status", "413"]], false),
    data(1, new Uint8Array(3), true),
    reset(1, ErrorCode.NO_ERROR),
  );
  const answered = await response;
  assert.equal(answered.status, 413);
  assert.equal((await readAll(answered.body!, 10))?.length, 3);
  assert.ok(body.cancelled);
  assert.equal(client.activeStreams, 0);
  await end(connected);
});

// --- what goes wrong ---------------------------------------------------------------------------

Deno.test("a refused stream was not processed", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(reset(1, ErrorCode.REFUSED_STREAM));
  await fails(response, "unprocessed");
  await end(connected);
});

Deno.test("a stream that is reset for another reason may have been processed", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(reset(1, ErrorCode.INTERNAL_ERROR));
  const error = await fails(response, "response");
  assert.match(error.message, /INTERNAL_ERROR/);
  await end(connected);
});

Deno.test("GOAWAY: streams above its number were not processed, those below go on", async () => {
  const connected = await connect();
  const { client, peer, closed } = connected;
  const first = client.request(request());
  const second = client.request(request());
  await peer.until(FrameType.HEADERS, 3);
  await peer.send(frame(FrameType.GOAWAY, 0, 0, concat([uint32(1), uint32(0)])));
  await fails(second, "unprocessed");
  assert.ok(client.closed);
  await fails(client.request(request()), "unprocessed");
  await peer.send(peer.headers(1, [[":status", "200"]]));
  assert.equal((await first).status, 200);
  await peer.untilEnd();
  peer.close();
  await closed;
});

Deno.test("a connection that ends in front of the first answer leaves the request in doubt", async () => {
  const { client, peer, closed } = await connect();
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  peer.close();
  await fails(response, "response");
  await closed;
});

Deno.test("a kept connection that ends without another word has not processed the request", async () => {
  const { client, peer, closed } = await connect();
  const first = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"]]));
  await first;
  const second = client.request(request());
  await peer.until(FrameType.HEADERS, 3);
  peer.close();
  await fails(second, "unprocessed");
  await closed;
});

Deno.test("a kept connection that says anything behind the request leaves it in doubt", async () => {
  const { client, peer, closed } = await connect();
  const first = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"]]));
  await first;
  const second = client.request(request());
  await peer.until(FrameType.HEADERS, 3);
  await peer.send(windowUpdate(0, 10));
  await settle();
  peer.close();
  await fails(second, "response");
  await closed;
});

Deno.test("a connection that ends within a body is an error, never its end", async () => {
  const { client, peer, closed } = await connect();
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"]], false), data(1, new Uint8Array(5)));
  const { body } = await response;
  assert.equal(await body!.read(new Uint8Array(10)), 5);
  const rest = Promise.resolve(body!.read(new Uint8Array(10)));
  peer.close();
  await assert.rejects(rest, (error) => error instanceof BodyError && error.status === 502);
  await closed;
});

Deno.test("a body that arrived whole is readable when the connection is gone", async () => {
  const { client, peer, closed } = await connect();
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"]], false), data(1, new Uint8Array(5), true));
  const { body } = await response;
  await settle();
  peer.close();
  await closed;
  assert.equal((await readAll(body!, 10))?.length, 5);
});

for (
  const [name, pairs, endStream] of [
    ["no status", [["x-a", "1"]], true],
    ["a status that is none", [[":status", "2000"]], true],
    ["two statuses", [[":status", "200"], [":status", "200"]], true],
    ["101", [[":status", "101"]], false],
    ["an interim answer at the end", [[":status", "103"]], true],
    ["a request's pseudo-header field", [[":status", "200"], [":path", "/"]], true],
    ["a field of the connection", [[":status", "200"], ["connection", "close"]], true],
    ["a line break", [[":status", "200"], ["x-a", "1\r\nx-b: 2"]], true],
    ["an upper-case name", [[":status", "200"], ["X-A", "1"]], true],
    ["a content-length without content", [[":status", "200"], ["content-length", "3"]], true],
    ["two different content-length", [
      [":status", "200"],
      ["content-length", "3"],
      ["content-length", "4"],
    ], false],
    ["too many fields", [
      [":status", "200"],
      ...Array.from({ length: 300 }, () => ["x-a", "1"] as const),
    ], true],
  ] as const
) {
  Deno.test(`an answer with ${name} is not usable, and the connection goes on`, async () => {
    const connected = await connect();
    const { client, peer } = connected;
    const response = client.request(request());
    await peer.until(FrameType.HEADERS, 1);
    await peer.send(peer.headers(1, pairs, endStream));
    await fails(response, "response");
    const { payload } = await peer.until(FrameType.RST_STREAM, 1);
    assert.equal(readUint32(payload, 0), ErrorCode.PROTOCOL_ERROR);
    const next = client.request(request());
    await peer.until(FrameType.HEADERS, 3);
    await peer.send(peer.headers(3, [[":status", "200"]]));
    assert.equal((await next).status, 200);
    await end(connected);
  });
}

Deno.test("too many interim answers are not usable", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  for (let i = 0; i < 17; i++) await peer.send(peer.headers(1, [[":status", "103"]], false));
  await fails(response, "response");
  await end(connected);
});

for (
  const [name, length, sent] of [["longer", 3, 4], ["shorter", 5, 4]] as const
) {
  Deno.test(`a body ${name} than its content-length is an error`, async () => {
    const connected = await connect();
    const { client, peer } = connected;
    const response = client.request(request());
    await peer.until(FrameType.HEADERS, 1);
    await peer.send(
      peer.headers(1, [[":status", "200"], ["content-length", `${length}`]], false),
      data(1, new Uint8Array(sent), true),
    );
    const { body } = await response;
    await assert.rejects(async () => await readAll(body!, 10), BodyError);
    await end(connected);
  });
}

Deno.test("an upstream that breaks a rule of the connection loses all its streams", async () => {
  const { client, peer, closed } = await connect();
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, 1, [0, 0, 0, 2]));
  await fails(response, "response");
  const { payload } = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(payload, 4), ErrorCode.PROTOCOL_ERROR);
  peer.close();
  await closed;
});

Deno.test("a request body that fails resets the stream and tells its own reason", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const body = new PiecesBody(new Uint8Array(10), 5, true);
  const fault = new BodyError(408, "too slow");
  const read = body.read.bind(body);
  let reads = 0;
  body.read = (into) => reads++ === 0 ? read(into) : Promise.reject(fault);
  const response = client.request(request({ method: "POST", body }));
  await assert.rejects(response, (error) => error === fault);
  const { payload } = await peer.until(FrameType.RST_STREAM, 1);
  assert.equal(readUint32(payload, 0), ErrorCode.CANCEL);
  assert.equal(body.cancelled, false);
  await end(connected);
});

Deno.test("an upgrade is not for HTTP/2", async () => {
  const connected = await connect();
  await fails(connected.client.request(request({ upgrade: "websocket" })), "connect");
  await end(connected);
});

// --- giving up ---------------------------------------------------------------------------------

Deno.test("a call that is cancelled is reset", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const call = client.start(request());
  await peer.until(FrameType.HEADERS, 1);
  call.cancel();
  await fails(call.response, "response");
  const { payload } = await peer.until(FrameType.RST_STREAM, 1);
  assert.equal(readUint32(payload, 0), ErrorCode.CANCEL);
  call.cancel();
  assert.equal(client.activeStreams, 0);
  await end(connected);
});

Deno.test("a call that is cancelled before it was sent leaves no trace", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const call = client.start(request());
  call.cancel();
  await fails(call.response, "response");
  const next = client.request(request());
  await peer.until(FrameType.HEADERS, 3);
  assert.ok(!peer.frames.some((each) => each.streamId === 1));
  await peer.send(peer.headers(3, [[":status", "200"]]));
  assert.equal((await next).status, 200);
  await end(connected);
});

Deno.test("a body that is cancelled resets its stream, and what is still on its way is dropped", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"]], false), data(1, new Uint8Array(5)));
  const { body } = await response;
  body!.cancel();
  const { payload } = await peer.until(FrameType.RST_STREAM, 1);
  assert.equal(readUint32(payload, 0), ErrorCode.CANCEL);
  await peer.send(data(1, new Uint8Array(5)), peer.headers(1, [["x-a", "1"]]));
  const next = client.request(request());
  await peer.until(FrameType.HEADERS, 3);
  await peer.send(peer.headers(3, [[":status", "200"]]));
  assert.equal((await next).status, 200);
  await end(connected);
});

// --- many at a time ----------------------------------------------------------------------------

Deno.test("the upstream's own limit of streams counts", async () => {
  const connected = await connect({ maxStreams: 5 }, setting(3, 2));
  const { client, peer } = connected;
  assert.equal(client.maxStreams, 2);
  const first = client.request(request());
  const second = client.request(request());
  assert.equal(client.isAvailable, false);
  assert.equal(client.closed, false);
  await fails(client.request(request()), "unprocessed");
  let freed = 0;
  client.onStreamEnded = () => freed++;
  await peer.until(FrameType.HEADERS, 3);
  await peer.send(peer.headers(3, [[":status", "200"]]));
  assert.equal((await second).status, 200);
  assert.equal(freed, 1);
  assert.ok(client.isAvailable);
  await end(connected);
  await fails(first, "response");
});

Deno.test("answers come back in any order", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const responses = Array.from(
    { length: 10 },
    (_, i) => client.request(request({ target: `/${i}` })),
  );
  await peer.until(FrameType.HEADERS, 19);
  for (let i = 9; i >= 0; i--) {
    await peer.send(peer.headers(2 * i + 1, [[":status", "200"], ["x-n", `${i}`]]));
  }
  const order = (await Promise.all(responses)).map(({ fields }) => fields.get("x-n"));
  assert.deepEqual(order, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  await end(connected);
});

Deno.test("a drained client ends with its last answer", async () => {
  const { client, peer, closed } = await connect();
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  client.drain();
  assert.ok(client.closed);
  await peer.send(peer.headers(1, [[":status", "200"]]));
  assert.equal((await response).status, 200);
  await peer.until(FrameType.GOAWAY);
  await peer.untilEnd();
  peer.close();
  await closed;
});

// --- time --------------------------------------------------------------------------------------

Deno.test("an upstream that does not answer in time loses the request, not the connection", async () => {
  const connected = await connect({ timeouts: { readMs: 5000, sendMs: 0, idleMs: 0 } });
  const { client, peer, clock } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  clock.tick(5900);
  await settle();
  clock.tick(6100);
  const error = await fails(response, "response");
  assert.match(error.message, /took too long/);
  await peer.until(FrameType.RST_STREAM, 1);
  assert.equal(client.closed, false);
  await end(connected);
});

Deno.test("a body that stalls is given up, one that nobody reads is not", async () => {
  const connected = await connect({ timeouts: { readMs: 5000, sendMs: 0, idleMs: 0 } });
  const { client, peer, clock } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"]], false), data(1, new Uint8Array(5)));
  const { body } = await response;
  clock.tick(60_000);
  assert.equal(await body!.read(new Uint8Array(10)), 5);
  const rest = Promise.resolve(body!.read(new Uint8Array(10)));
  clock.tick(65_100);
  await assert.rejects(rest, BodyError);
  await end(connected);
});

Deno.test("an upstream that does not open its window in time loses the request", async () => {
  const connected = await connect(
    { timeouts: { readMs: 0, sendMs: 5000, idleMs: 0 } },
    setting(4, 10),
  );
  const { client, peer, clock } = connected;
  const body = new BytesBody(new Uint8Array(100));
  const response = client.request(request({ method: "POST", body }));
  await peer.until(FrameType.DATA, 1);
  await settle();
  clock.tick(6100);
  await fails(response, "response");
  await end(connected);
});

Deno.test("an idle connection ends when its time is up", async () => {
  const { client, peer, clock, closed } = await connect({
    timeouts: { readMs: 0, sendMs: 0, idleMs: 5000 },
  });
  clock.tick(5900);
  assert.equal(client.closed, false);
  clock.tick(6100);
  assert.ok(client.closed);
  await peer.untilEnd();
  peer.close();
  await closed;
});

Deno.test("a silent upstream is asked for a sign of life, and given up without one", async () => {
  const { client, peer, clock, closed } = await connect({ pingIntervalMs: 5000 });
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  clock.tick(6100);
  const ping = await peer.until(FrameType.PING);
  await peer.send(frame(FrameType.PING, Flag.ACK, 0, ping.payload));
  await settle();
  clock.tick(9000);
  assert.equal(client.closed, false);
  clock.tick(12_000);
  await peer.until(FrameType.PING);
  clock.tick(17_100);
  await fails(response, "response");
  await closed;
});
