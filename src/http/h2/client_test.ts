/** Requests to an upstream and their answers. */
import assert from "node:assert/strict";
import { concat, data, PiecesBody, reset, setting, settle, valueOf } from "./testing/connection.ts";
import { connect, end, fails, request } from "./testing/client.ts";
import { BodyError, BytesBody, readAll } from "../body.ts";
import { Fields } from "../fields.ts";
import { ErrorCode } from "./wire/errors.ts";
import { Flag, FrameType, readUint32 } from "./wire/frames.ts";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

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

Deno.test("a POST without a body says so; gRPC learns that trailers pass", async () => {
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

Deno.test("interim answers are left out", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(
    peer.headers(1, [[":status", "100"]], false),
    peer.headers(1, [[":status", "103"], ["link", "</a>"]], false),
    peer.headers(1, [[":status", "200"]]),
  );
  const { status, fields } = await response;
  assert.equal(status, 200);
  assert.equal(fields.has("link"), false);
  await end(connected);
});

Deno.test("an answer's trailers are there after its body", async () => {
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

Deno.test("the upstream's own limit of streams counts", async () => {
  const connected = await connect({ maxStreams: 5 }, setting(3, 2));
  const { client, peer } = connected;
  assert.equal(client.maxStreams, 2);
  const first = client.request(request());
  const second = client.request(request());
  assert.equal(client.isAvailable, false);
  assert.equal(client.closed, false);
  await fails(client.request(request()), "unsent");
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

Deno.test("requests that are made together leave in one write, and sixteen of them at once", async () => {
  const connected = await connect();
  const { client, peer, far } = connected;
  const before = far.received;
  const answers = Array.from({ length: 15 }, () => client.request(request()));
  assert.equal(far.received, before);
  answers.push(client.request(request()));
  assert.ok(far.received > before);
  const written = far.received;
  answers.push(client.request(request()));
  assert.equal(far.received, written);
  for (let id = 1; id <= 33; id += 2) {
    await peer.until(FrameType.HEADERS, id);
    await peer.send(peer.headers(id, [[":status", "204"]], true));
  }
  for (const { status } of await Promise.all(answers)) assert.equal(status, 204);
  await end(connected);
});
