/** What goes wrong with an upstream, and requests that are given up. */
import assert from "node:assert/strict";
import {
  concat,
  data,
  frame,
  memoryPair,
  PiecesBody,
  reset,
  settle,
  uint32,
  windowUpdate,
} from "./testing/connection.ts";
import { connect, type Connected, end, fails, request } from "./testing/client.ts";
import { BodyError, readAll } from "../body.ts";
import { Clock } from "../../net/clock.ts";
import { Http2Client } from "./client.ts";
import { ErrorCode, ResetBody } from "./wire/errors.ts";
import { Flag, FrameType, readUint32 } from "./wire/frames.ts";

Deno.test("a refused stream was not processed", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(reset(1, ErrorCode.REFUSED_STREAM));
  await fails(response, "refused");
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
  await fails(second, "refused");
  assert.ok(client.closed);
  await fails(client.request(request()), "unsent");
  await peer.send(peer.headers(1, [[":status", "200"]]));
  assert.equal((await first).status, 200);
  await peer.untilEnd();
  peer.close();
  await closed;
});

Deno.test("a connection that ends before the first answer leaves the request in doubt", async () => {
  const { client, peer, closed } = await connect();
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  peer.close();
  await fails(response, "response");
  await closed;
});

Deno.test("an upstream that answers in HTTP/1 is distinguished from one that breaks HTTP/2's rules", async () => {
  const [stream, far] = memoryPair();
  const client = new Http2Client(stream, {
    clock: new Clock(),
    timeouts: { readMs: 0, sendMs: 0, idleMs: 0 },
    maxStreams: 1,
    pingIntervalMs: 0,
  });
  const closed = new Promise<void>((resolve) => client.onClosed = resolve);
  const response = client.request(request());
  // In two pieces: the first says nothing yet.
  for (const piece of ["HTT", "P/1.1 400 Bad Request\r\n\r\n"]) {
    await far.write(new TextEncoder().encode(piece));
    await settle();
  }
  const error = await fails(response, "response");
  assert.match(error.message, /it does not speak HTTP\/2: it answers in HTTP\/1$/);
  client.abort();
  far.close();
  await closed;
});

Deno.test("a kept connection that ends without another word has not answered the request", async () => {
  const { client, peer, closed } = await connect();
  const first = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"]]));
  await first;
  const second = client.request(request());
  await peer.until(FrameType.HEADERS, 3);
  peer.close();
  await fails(second, "unanswered");
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
    ["a status that is invalid", [[":status", "2000"]], true],
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

for (
  const [name, frames, reason] of [
    [
      "resets its stream",
      () => [reset(1, ErrorCode.CANCEL)],
      "the upstream reset the stream: CANCEL",
    ],
    [
      "sends less of a body than it announced",
      () => [data(1, new Uint8Array(1), true)],
      "the upstream's body is not as long as its content-length",
    ],
    [
      "sends more of a body than it announced",
      () => [data(1, new Uint8Array(9), true)],
      "the upstream's body is not as long as its content-length",
    ],
    [
      "ends a body with trailers too early",
      (peer) => [peer.headers(1, [["x-a", "1"]])],
      "the upstream's trailers come before the end of its body",
    ],
    [
      "opens a stream's window by nothing",
      () => [windowUpdate(1, 0)],
      "the upstream broke a rule of HTTP/2: PROTOCOL_ERROR",
    ],
    [
      "opens a stream's window too far",
      () => [windowUpdate(1, 0x7fffffff)],
      "the upstream broke a rule of HTTP/2: FLOW_CONTROL_ERROR",
    ],
    [
      "sends malformed trailers",
      (peer) => [peer.headers(1, [[":status", "200"]])],
      "the upstream broke a rule of HTTP/2: PROTOCOL_ERROR",
    ],
  ] satisfies readonly [string, (peer: Connected["peer"]) => Uint8Array[], string][]
) {
  Deno.test(`an upstream that ${name} within an answer is named as the one at fault`, async () => {
    const connected = await connect();
    const { client, peer } = connected;
    const response = client.request(request());
    await peer.until(FrameType.HEADERS, 1);
    await peer.send(peer.headers(1, [[":status", "200"], ["content-length", "5"]], false));
    const { body } = await response;
    const read = Promise.resolve(body!.read(new Uint8Array(10)));
    await peer.send(...frames(peer));
    await assert.rejects(read, { name: "BodyError", message: reason, status: 502 });
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

Deno.test("an upstream that resets the stream within its answer is quoted with its code", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"]], false));
  const { body } = await response;
  await peer.send(reset(1, ErrorCode.ENHANCE_YOUR_CALM));
  const error = await Promise.resolve(body?.read(new Uint8Array(10))).catch((reason) => reason);
  assert.ok(error instanceof ResetBody);
  assert.equal(error.code, ErrorCode.ENHANCE_YOUR_CALM);
  assert.match(error.message, /the upstream reset the stream: ENHANCE_YOUR_CALM/);
  await end(connected);
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
