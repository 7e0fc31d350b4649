/** Time limits of a connection and its answers, and how it ends. */
import assert from "node:assert/strict";
import {
  answer,
  concat,
  frame,
  get,
  PiecesBody,
  reset,
  serve,
  setting,
  settle,
  windowUpdate,
} from "./testing/connection.ts";
import type { HttpExchange } from "../exchange.ts";
import { ErrorCode } from "./wire/errors.ts";
import { Flag, FrameType, PREFACE, readUint32 } from "./wire/frames.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("an idle connection gets GOAWAY and is closed", async () => {
  const { peer, clock, done } = serve();
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await peer.answer(1);
  clock.tick(10_900);
  clock.tick(11_100);
  const { payload } = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(payload, 0), 1);
  assert.equal(readUint32(payload, 4), ErrorCode.NO_ERROR);
  await peer.untilEnd();
  peer.close();
  await done;
});

Deno.test("pings do not keep an idle connection", async () => {
  const { peer, clock, done } = serve();
  await peer.greet();
  for (let now = 2000; now < 11_500; now += 1000) {
    await peer.send(frame(FrameType.PING, 0, 0, new Uint8Array(8)));
    clock.tick(now);
    await settle();
  }
  clock.tick(11_500);
  await peer.until(FrameType.GOAWAY);
  peer.close();
  await done;
});

Deno.test("a connection that says nothing is closed when its time is up", async () => {
  const { peer, clock, done } = serve();
  clock.tick(11_100);
  await peer.untilEnd();
  clock.tick(14_000);
  await done;
});

Deno.test("a field block that does not end in time ends the connection", async () => {
  const { peer, clock, handler, done } = serve((x) =>
    new Promise((resolve) => x.onAbort = resolve)
  );
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await peer.send(frame(FrameType.HEADERS, 0, 3, peer.block(get())));
  await settle();
  clock.tick(11_100);
  await done;
  assert.equal(handler.finished.length, 1);
  assert.ok(peer !== undefined);
});

Deno.test("a client that does not open its window is reset when the write's time is up", async () => {
  const { peer, clock, handler, done } = serve((x) => {
    x.writeTimeoutMs = 5000;
    answer(x, 200, new Uint8Array(100_000));
  });
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await settle();
  clock.tick(5900);
  assert.equal(handler.finished.length, 0);
  clock.tick(6100);
  assert.equal((await peer.answer(1)).reset, ErrorCode.CANCEL);
  assert.equal(handler.finished[0].failed, true);
  assert.match(
    handler.finished[0].failure,
    /nothing of it for 5 s .*downstream_write_timeout_secs/,
  );
  peer.close();
  await done;
});

Deno.test("a client that dribbles its window is reset when the answer's time is up", async () => {
  const { peer, clock, handler, done } = serve((x) => {
    x.writeTimeoutMs = 5000;
    x.responseTimeoutMs = 20_000;
    answer(x, 200, new Uint8Array(100_000));
  });
  await peer.greet(setting(4, 1));
  await peer.send(peer.headers(1, get()));
  await settle();
  for (let now = 2000; now <= 22_000; now += 1000) {
    await peer.send(windowUpdate(1, 1));
    await settle();
    clock.tick(now);
  }
  assert.equal((await peer.answer(1)).reset, ErrorCode.CANCEL);
  const cut = /after 20 s .*downstream_total_response_timeout_secs/;
  assert.match(handler.finished[0].failure, cut);
  peer.close();
  await done;
});

Deno.test("an answer may last as long as its client takes what there is", async () => {
  const { peer, clock, handler, done } = serve((x) => answer(x, 200, new Uint8Array(60)));
  await peer.greet(setting(4, 1));
  await peer.send(peer.headers(1, get()));
  await settle();
  for (let now = 20_000; now <= 600_000; now += 20_000) {
    clock.tick(now);
    await peer.send(windowUpdate(1, 2));
    await settle();
  }
  assert.equal((await peer.answer(1)).body.length, 60);
  assert.equal(handler.finished[0].failure, "");
  peer.close();
  await done;
});

Deno.test("a reader slower than the least rate is reset; a slow source is not", async () => {
  let release = () => {};
  const { peer, clock, handler, done } = serve((x) => {
    x.minSendRate = 1000;
    if (x.path === "/large") return answer(x, 200, new Uint8Array(100_000));
    const source = new PiecesBody(new Uint8Array(10), 10, true);
    const read = source.read.bind(source);
    source.read = (into) => new Promise((resolve) => release = () => resolve(read(into)));
    answer(x, 200, source);
  });
  await peer.greet(setting(4, 100));
  await peer.send(peer.headers(1, get("/large")), peer.headers(3, get("/slow")));
  await settle();
  for (let now = 1250; now < 60_000; now += 250) clock.tick(now);
  await settle();
  assert.deepEqual(handler.finished.map((x) => x.path), ["/large"]);
  release();
  await settle();
  release();
  await peer.until(FrameType.DATA, 3);
  peer.close();
  await done;
});

Deno.test("a client that does not read at all loses the connection when the write's time is up", async () => {
  const { peer, far, clock, handler, done } = serve((x) => {
    x.writeTimeoutMs = 5000;
    answer(x, 200, new Uint8Array(10_000));
  });
  await peer.greet();
  await settle();
  far.capacity = 1;
  await peer.send(peer.headers(1, get()));
  await settle();
  clock.tick(5900);
  assert.equal(handler.finished.length, 0);
  clock.tick(6100);
  await done;
  assert.equal(handler.finished[0].failed, true);
  assert.match(handler.finished[0].failure, /took nothing .*downstream_write_timeout_secs/);
});

Deno.test("a drained connection says GOAWAY twice, serves what is in flight, and ends", async () => {
  const waiting: (() => void)[] = [];
  const { peer, open, done } = serve(async (x) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    answer(x, 200, "late");
  });
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await settle();
  open.drain();
  const first = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(first.payload, 0), 0x7fff_ffff);
  const ping = await peer.until(FrameType.PING);
  // A request that crossed the first GOAWAY is still taken.
  await peer.send(peer.headers(3, get()), frame(FrameType.PING, Flag.ACK, 0, ping.payload));
  const second = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(second.payload, 0), 3);
  // One after the second is not.
  await peer.send(peer.headers(5, get()), frame(FrameType.PRIORITY, 0, 5, [0, 0, 0, 3, 1]));
  await settle();
  for (const resume of waiting) resume();
  assert.equal(text((await peer.answer(1)).body), "late");
  assert.equal(text((await peer.answer(3)).body), "late");
  await peer.untilEnd();
  assert.equal(waiting.length, 2);
  assert.ok(!peer.frames.some((each) => each.streamId === 5));
  peer.close();
  await done;
});

Deno.test("a drained client that does not answer the ping is given a second", async () => {
  const { peer, clock, open, done } = serve();
  await peer.greet();
  await peer.until(FrameType.SETTINGS);
  open.drain();
  clock.tick(2100);
  await peer.until(FrameType.GOAWAY);
  const second = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(second.payload, 0), 0);
  await peer.untilEnd();
  peer.close();
  await done;
});

Deno.test("abort ends the connection at once", async () => {
  const { peer, open, handler, done } = serve((x) => new Promise((resolve) => x.onAbort = resolve));
  await peer.greet();
  await peer.send(peer.headers(1, get()));
  await settle();
  open.abort();
  await done;
  assert.equal(handler.finished.length, 1);
  assert.match(handler.finished[0].failure, /the gateway had to end/);
  assert.equal(open.size, 0);
});

Deno.test("a preface that comes octet by octet is understood", async () => {
  const { peer, done } = serve((x) => answer(x, 200, "ok"));
  for (const octet of PREFACE) {
    await peer.send(Uint8Array.of(octet));
    await settle();
  }
  const rest = concat([frame(FrameType.SETTINGS, 0, 0), peer.headers(1, get())]);
  for (const octet of rest) await peer.send(Uint8Array.of(octet));
  assert.equal(text((await peer.answer(1)).body), "ok");
  peer.close();
  await done;
});

Deno.test("another protocol than HTTP/2 gets an error and is closed", async () => {
  const { peer, done } = serve();
  await peer.send(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: test\r\n\r\n"));
  const { payload } = await peer.until(FrameType.GOAWAY);
  assert.equal(readUint32(payload, 4), ErrorCode.PROTOCOL_ERROR);
  await peer.untilEnd();
  peer.close();
  await done;
});

Deno.test("exchanges that a client gave up are counted until their handler is done", async () => {
  const waiting: (() => void)[] = [];
  const handled: HttpExchange[] = [];
  const { peer, done } = serve(async (x) => {
    handled.push(x);
    await new Promise<void>((resolve) => waiting.push(resolve));
    answer(x, 200);
  });
  await peer.greet();
  for (let i = 0; i < 40; i++) {
    await peer.send(peer.headers(2 * i + 1, get()));
    await settle();
    if (i < 32) await peer.send(reset(2 * i + 1, ErrorCode.CANCEL));
    await settle();
  }
  assert.equal(handled.length, 32);
  assert.equal((await peer.answer(65)).reset, ErrorCode.REFUSED_STREAM);
  for (const resume of waiting) resume();
  peer.close();
  await done;
});
