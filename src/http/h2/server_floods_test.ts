/** What a client may do at most that costs work and brings nothing. */
import assert from "node:assert/strict";
import {
  answer,
  calmed,
  concat,
  data,
  frame,
  get,
  post,
  reset,
  serve,
  type Served,
  setting,
  settle,
  stillServes,
  valueOf,
  windowUpdate,
} from "./testing/connection.ts";
import { ErrorCode } from "./wire/errors.ts";
import { Flag, FrameType } from "./wire/frames.ts";

const repeat = (count: number, bytes: Uint8Array) =>
  concat(Array.from({ length: count }, () => bytes));

/** One kind of frame that brings nothing: a few are fine, thousands are not. */
function flood(name: string, one: Uint8Array, needsStream = false): void {
  Deno.test(`flood of ${name}`, async () => {
    const few = serve((x) => answer(x, 200));
    await few.peer.greet();
    if (needsStream) await few.peer.send(few.peer.headers(1, post(), false));
    await few.peer.send(repeat(50, one));
    await stillServes(few, 3);

    const many = serve((x) => answer(x, 200));
    await many.peer.greet();
    if (needsStream) await many.peer.send(many.peer.headers(1, post(), false));
    await many.peer.send(repeat(2000, one));
    await calmed(many);
  });
}

flood("PING", frame(FrameType.PING, 0, 0, new Uint8Array(8)));
flood("empty SETTINGS", frame(FrameType.SETTINGS, 0, 0));
flood("SETTINGS", frame(FrameType.SETTINGS, 0, 0, setting(4, 65_535)));
flood("PRIORITY", frame(FrameType.PRIORITY, 0, 9, [0, 0, 0, 3, 16]));
flood("frames of an unknown type", frame(0xfa, 0, 0));

Deno.test("flood of empty DATA", async () => {
  const served = serve((x) =>
    x.method === "POST" ? new Promise((resolve) => x.onAbort = resolve) : answer(x, 200)
  );
  const { peer } = served;
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  await peer.send(repeat(50, data(1, new Uint8Array(0))));
  await peer.send(peer.headers(3, get()));
  assert.equal(valueOf((await peer.answer(3)).heads[0], ":status"), "200");
  await peer.send(repeat(2000, data(1, new Uint8Array(0))));
  await calmed(served);
});

Deno.test("useful frames give back what useless ones took", async () => {
  const served = serve((x) => answer(x, 200));
  const { peer } = served;
  await peer.greet();
  for (let i = 0; i < 500; i++) {
    await peer.send(
      repeat(4, frame(FrameType.PING, 0, 0, new Uint8Array(8))),
      peer.headers(2 * i + 1, get()),
    );
    await peer.answer(2 * i + 1);
  }
  await stillServes(served, 2001);
});

Deno.test("a PING now and then is fine for ever", async () => {
  const served = serve((x) => answer(x, 200), { headTimeoutMs: 1e9 });
  const { peer, clock } = served;
  await peer.greet();
  for (let i = 0; i < 3000; i++) {
    await peer.send(frame(FrameType.PING, 0, 0, new Uint8Array(8)));
    await settle();
    clock.tick(1000 + 50 * i);
  }
  await stillServes(served, 1);
});

Deno.test("flood of empty DATA after the end of a stream", async () => {
  const served = serve((x) => answer(x, 200));
  const { peer } = served;
  await peer.greet();
  await peer.send(peer.headers(1, post(), false), windowUpdate(1, 0));
  await peer.until(FrameType.RST_STREAM, 1);
  await peer.send(repeat(2000, data(1, new Uint8Array(0))));
  await calmed(served);
});

Deno.test("a client that asks for answers and reads none is cut off, long before a write times out", async () => {
  const { peer, far, clock, done } = serve((x) => answer(x, 200));
  await peer.greet();
  await settle();
  far.capacity = 1;
  const pings = repeat(900, frame(FrameType.PING, 0, 0, new Uint8Array(8)));
  const began = clock.now;
  for (let i = 0; i < 3; i++) {
    await peer.send(pings).catch(() => {});
    await settle();
    clock.tick(clock.now + 9000);
  }
  assert.ok(clock.now - began < 30_000);
  await done;
});

Deno.test("a client that goes on sending behind GOAWAY is read for a while and no longer", async () => {
  const { peer, done } = serve();
  await peer.greet();
  await peer.send(frame(FrameType.PING, 0, 1, new Uint8Array(8)));
  await peer.until(FrameType.GOAWAY);
  for (let i = 0; i < 80; i++) await peer.send(new Uint8Array(16_384)).catch(() => {});
  await done;
});

// --- field blocks ------------------------------------------------------------------------------

Deno.test("CONTINUATION flood: a block of many full frames", async () => {
  const served = serve();
  const { peer } = served;
  await peer.greet();
  await peer.send(frame(FrameType.HEADERS, 0, 1, peer.block(get())));
  for (let i = 0; i < 6; i++) {
    await peer.send(frame(FrameType.CONTINUATION, 0, 1, new Uint8Array(16_384))).catch(() => {});
  }
  await calmed(served);
});

Deno.test("CONTINUATION flood: a block of many empty frames", async () => {
  const served = serve();
  const { peer } = served;
  await peer.greet();
  await peer.send(frame(FrameType.HEADERS, 0, 1));
  await peer.send(repeat(40, frame(FrameType.CONTINUATION, 0, 1)));
  await calmed(served);
});

Deno.test("HPACK bomb: references to a large entry cost a 431 and no memory", async () => {
  const served = serve((x) => answer(x, 200));
  const { peer, handler } = served;
  await peer.greet();
  const large = new TextEncoder().encode("v".repeat(3900));
  const first = concat([
    peer.block(get()),
    // Literal with incremental indexing, name `x`, value of 3,900 octets.
    Uint8Array.of(0x40, 1, 0x78, 0x7f, 0xbd, 0x1d),
    large,
  ]);
  const flags = Flag.END_HEADERS | Flag.END_STREAM;
  await peer.send(frame(FrameType.HEADERS, flags, 1, first));
  assert.equal(valueOf((await peer.answer(1)).heads[0], ":status"), "200");
  const bomb = concat([Uint8Array.of(0x82, 0x86, 0x84), new Uint8Array(16_000).fill(0xbe)]);
  await peer.send(frame(FrameType.HEADERS, flags, 3, bomb));
  assert.equal(valueOf((await peer.answer(3)).heads[0], ":status"), "431");
  // 16,000 * 3,900 octets were asked for; what is kept ends with the limit of 64 KiB.
  assert.ok(handler.created[1].request.size < 20);
  await stillServes(served, 5);
});

Deno.test("empty field blocks are malformed requests, and too many of them a flood", async () => {
  const served = serve();
  const { peer } = served;
  await peer.greet();
  const flags = Flag.END_HEADERS | Flag.END_STREAM;
  const heads = Array.from({ length: 2000 }, (_, i) => frame(FrameType.HEADERS, flags, 2 * i + 1));
  await peer.send(heads[0]);
  assert.equal((await peer.answer(1)).reset, ErrorCode.PROTOCOL_ERROR);
  await peer.send(concat(heads.slice(1)));
  await calmed(served);
});

Deno.test("a flood of streams beyond the limit is one", async () => {
  const served = serve((x) => new Promise((resolve) => x.onAbort = resolve));
  const { peer } = served;
  await peer.greet();
  for (let i = 0; i < 2000; i++) {
    await peer.send(peer.headers(2 * i + 1, get())).catch(() => {});
  }
  await calmed(served);
});

// --- rapid reset -------------------------------------------------------------------------------

/** A request and its reset, in one read. */
const opensAndResets = ({ peer }: Served, streamId: number) =>
  concat([peer.headers(streamId, get()), reset(streamId, ErrorCode.CANCEL)]);

Deno.test("rapid reset: eight streams that are reset as soon as they are opened are borne", async () => {
  const served = serve((x) => answer(x, 200));
  await served.peer.greet();
  for (const first of [1, 101, 201]) {
    const pairs = Array.from({ length: 8 }, (_, i) => opensAndResets(served, first + 2 * i));
    await served.peer.send(concat(pairs));
    await settle();
  }
  await stillServes(served, 301);
});

Deno.test("rapid reset: the ninth in one read is too many", async () => {
  const served = serve((x) => answer(x, 200));
  await served.peer.greet();
  const pairs = Array.from({ length: 9 }, (_, i) => opensAndResets(served, 2 * i + 1));
  await served.peer.send(concat(pairs));
  await calmed(served);
});

Deno.test("rapid reset, one read after another, is bounded by a rate", async () => {
  const served = serve((x) => new Promise((resolve) => x.onAbort = resolve));
  const { peer, handler } = served;
  await peer.greet();
  let sent = 0;
  for (; sent < 400 && !peer.ended; sent++) {
    await peer.send(peer.headers(2 * sent + 1, get())).catch(() => {});
    await settle();
    await peer.send(reset(2 * sent + 1, ErrorCode.CANCEL)).catch(() => {});
    await settle();
    if (served.stream.closed) break;
  }
  await calmed(served);
  assert.ok(handler.created.length <= 129, `${handler.created.length}`);
});

Deno.test("leaving a page, all streams at a time, now and then, is no attack", async () => {
  const served = serve((x) =>
    x.path === "/after" ? answer(x, 200) : new Promise((resolve) => x.onAbort = resolve)
  );
  const { peer, clock } = served;
  await peer.greet();
  let id = 1;
  for (let page = 0; page < 20; page++) {
    const ids = Array.from({ length: 30 }, () => (id += 2) - 2);
    await peer.send(concat(ids.map((each) => peer.headers(each, get()))));
    await settle();
    await peer.send(concat(ids.map((each) => reset(each, ErrorCode.CANCEL))));
    await settle();
    clock.tick(clock.now + 1000);
  }
  await stillServes(served, id);
});

Deno.test("resets that the client provokes do not free its streams", async () => {
  // A window increment of 0 makes the server reset the stream while its handler goes on.
  let running = 0;
  let most = 0;
  const resume: (() => void)[] = [];
  const served = serve(async (x) => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => resume.push(resolve));
    running--;
    answer(x, 200);
  });
  const { peer, done } = served;
  await peer.greet();
  for (let i = 0; i < 200; i++) {
    await peer.send(peer.headers(2 * i + 1, get()), windowUpdate(2 * i + 1, 0)).catch(() => {});
    await settle();
  }
  assert.equal(most, 32);
  for (const each of resume) each();
  peer.close();
  await done;
});
