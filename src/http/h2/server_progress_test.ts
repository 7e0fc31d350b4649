/**
 * Work without progress: floods of frames that each bring next to nothing end the connection, and those
 * that look like them but get something done go on for ever.
 */
import assert from "node:assert/strict";
import { readAll } from "../body.ts";
import type { HttpExchange } from "../exchange.ts";
import {
  answer,
  calmed,
  concat,
  data,
  frame,
  get,
  type Pair,
  PiecesBody,
  post,
  type RawPeer,
  serve,
  type Served,
  setting,
  settle,
  stillServes,
  windowUpdate,
} from "./testing/connection.ts";
import { ErrorCode } from "./wire/errors.ts";
import { Flag, FrameType } from "./wire/frames.ts";

const repeat = (count: number, bytes: Uint8Array) =>
  concat(Array.from({ length: count }, () => bytes));

const PING = frame(FrameType.PING, 0, 0, new Uint8Array(8));

/** Sends `one` of each number until the connection ends, and no more often than `most`. */
async function flood(
  served: Served,
  most: number,
  one: (i: number) => Uint8Array,
): Promise<void> {
  for (let i = 0; i < most && !served.stream.closed; i++) {
    await served.peer.send(one(i)).catch(() => {});
    if (i % 16 === 0) await settle();
  }
  await settle();
}

// --- floods ------------------------------------------------------------------------------------

const NOTHING_ASKED: Readonly<Record<string, Uint8Array>> = {
  "answers to PINGs that were not sent": frame(FrameType.PING, Flag.ACK, 0, new Uint8Array(8)),
  "acknowledgements of SETTINGS that were not sent": frame(FrameType.SETTINGS, Flag.ACK, 0),
  "single octets of window for the connection": windowUpdate(0, 1),
};

for (const [kind, one] of Object.entries(NOTHING_ASKED)) {
  Deno.test(`flood of ${kind}`, async () => {
    const few = serve();
    await few.peer.greet();
    await few.peer.send(repeat(50, one));
    await stillServes(few, 1);

    const many = serve();
    await many.peer.greet();
    await flood(many, 3000, () => one);
    await calmed(many);
  });
}

Deno.test("flood of GOAWAY while a stream is open", async () => {
  const served = serve((x) => new Promise((resolve) => x.onAbort = resolve));
  await served.peer.greet();
  await served.peer.send(served.peer.headers(1, get()));
  await flood(served, 3000, () => frame(FrameType.GOAWAY, 0, 0, new Uint8Array(8)));
  await calmed(served);
});

Deno.test("a window that is opened by single octets ends the connection", async () => {
  const served = serve((x) => answer(x, 200, new Uint8Array(100_000)));
  const { peer } = served;
  await peer.greet(setting(4, 0));
  await peer.send(peer.headers(1, get()));
  await flood(served, 3000, () => windowUpdate(1, 1));
  await calmed(served);
});

Deno.test("an initial window that goes up by single octets ends the connection", async () => {
  const served = serve((x) => answer(x, 200, new Uint8Array(100_000)));
  const { peer } = served;
  await peer.greet(setting(4, 0));
  for (let i = 0; i < 32; i++) await peer.send(peer.headers(2 * i + 1, get()));
  await flood(served, 1000, (i) => frame(FrameType.SETTINGS, 0, 0, setting(4, i + 1)));
  await calmed(served);
});

/** Reads a body to its end, and answers then. */
async function reads(x: HttpExchange): Promise<void> {
  if (x.requestBody !== undefined) await readAll(x.requestBody, 1e8).catch(() => {});
  answer(x, 200);
}

Deno.test("flood of DATA of one octet, which is read", async () => {
  const served = serve(reads);
  const { peer } = served;
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  await flood(served, 3000, () => data(1, new Uint8Array(1)));
  await calmed(served);
});

Deno.test("DATA of one octet does not pay for PINGs", async () => {
  const served = serve(reads);
  const { peer } = served;
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  await flood(served, 3000, () => concat([data(1, new Uint8Array(1)), PING]));
  await calmed(served);
});

Deno.test("DATA that is never read does not pay for resets", async () => {
  const served = serve((x) => new Promise((resolve) => x.onAbort = resolve));
  const { peer, handler } = served;
  await peer.greet();
  for (let i = 0; i < 300 && !served.stream.closed; i++) {
    const id = 2 * i + 1;
    await peer.send(peer.headers(id, post(), false), repeat(4, data(id, new Uint8Array(16_000))))
      .catch(() => {});
    await settle();
    await peer.send(windowUpdate(id, 0)).catch(() => {});
    await settle();
  }
  await calmed(served);
  assert.ok(handler.created.length <= 129, `${handler.created.length}`);
});

Deno.test("flood of DATA after our reset", async () => {
  const served = serve();
  const { peer } = served;
  await peer.greet();
  await peer.send(peer.headers(1, post(), false), windowUpdate(1, 0));
  await peer.until(FrameType.RST_STREAM, 1);
  await flood(served, 20_000, () => data(1, new Uint8Array(9)));
  await calmed(served);
});

/** Heads that are refused before routing, each answered or reset. */
const REFUSED: Readonly<Record<string, readonly Pair[]>> = {
  431: [...get(), ...Array.from({ length: 101 }, (_, i): Pair => [`x-${i}`, ""])],
  414: get("/" + "a".repeat(9000)),
  400: [...get(), ["content-length", "one"]],
  "a reset": [...get(), ["connection", "close"]],
};

for (const [how, pairs] of Object.entries(REFUSED)) {
  Deno.test(`flood of heads that are refused with ${how}`, async () => {
    const served = serve();
    const { peer, handler } = served;
    await peer.greet();
    await flood(served, 400, (i) => peer.headers(2 * i + 1, pairs));
    await calmed(served);
    assert.ok(handler.created.length <= 129, `${handler.created.length}`);
  });
}

/** A block of that many octets, each of which stands for a field. */
function dense(peer: RawPeer, octets: number): Uint8Array {
  return concat([peer.block(get()), new Uint8Array(octets).fill(0x90)]);
}

Deno.test("a block that is decoded in vain costs by its size", async () => {
  const served = serve();
  const { peer, handler } = served;
  await peer.greet();
  const flags = Flag.END_HEADERS | Flag.END_STREAM;
  await flood(served, 100, (i) => frame(FrameType.HEADERS, flags, 2 * i + 1, dense(peer, 16_000)));
  await calmed(served);
  assert.ok(handler.created.length <= 16, `${handler.created.length}`);
});

Deno.test("streams beyond the limit cost by the size of their heads", async () => {
  const served = serve((x) => new Promise((resolve) => x.onAbort = resolve));
  const { peer } = served;
  await peer.greet();
  for (let i = 0; i < 32; i++) await peer.send(peer.headers(2 * i + 1, get()));
  await settle();
  const flags = Flag.END_HEADERS | Flag.END_STREAM;
  await flood(served, 30, (i) => frame(FrameType.HEADERS, flags, 2 * i + 65, dense(peer, 16_000)));
  await calmed(served);
});

Deno.test("requests whose heads come in slivers end the connection, answered or not", async () => {
  const served = serve();
  const { peer, handler } = served;
  await peer.greet();
  await flood(served, 200, (i) => {
    const id = 2 * i + 1;
    return concat([
      frame(FrameType.HEADERS, Flag.END_STREAM, id, peer.block(get())),
      repeat(29, frame(FrameType.CONTINUATION, 0, id)),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, id),
    ]);
  });
  await calmed(served);
  assert.ok(handler.created.length < 100, `${handler.created.length}`);
});

Deno.test("a block of table sizes is no valid one", async () => {
  const served = serve();
  const { peer } = served;
  await peer.greet();
  const block = concat([new Uint8Array(5000).fill(0x20), peer.block(get())]);
  await peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1, block));
  const { payload } = await peer.until(FrameType.GOAWAY);
  assert.equal(payload[7], ErrorCode.COMPRESSION_ERROR);
  await peer.untilEnd();
  peer.close();
  await served.done;
});

// --- use that looks like it --------------------------------------------------------------------

/** Sends every piece back as it comes, as a call of gRPC in both directions does. */
function echoes(x: HttpExchange): void {
  if (x.requestBody === undefined) return answer(x, 200);
  answer(x, 200, x.requestBody);
}

Deno.test("a call of many small messages, each credited and measured, goes on for ever", async () => {
  const served = serve(echoes);
  const { peer } = served;
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  await peer.until(FrameType.HEADERS, 1);
  const message = new Uint8Array(5);
  for (let i = 0; i < 5000; i++) {
    await peer.send(data(1, message));
    await peer.until(FrameType.DATA, 1);
    await peer.send(windowUpdate(1, 5), windowUpdate(0, 5), PING);
  }
  await stillServes(served, 3);
});

Deno.test("an upload of many small messages goes on for ever", async () => {
  const served = serve(reads);
  const { peer } = served;
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  for (let i = 0; i < 300; i++) {
    await peer.send(repeat(100, data(1, new Uint8Array(5))));
    await settle();
  }
  await stillServes(served, 3);
});

Deno.test("a client with a small window takes a large answer", async () => {
  const served = serve((x) => answer(x, 200, new Uint8Array(x.path === "/after" ? 0 : 500_000)));
  const { peer } = served;
  await peer.greet(setting(4, 192));
  await peer.send(peer.headers(1, get()));
  for (let left = 500_000; left > 0;) {
    const { payload } = await peer.until(FrameType.DATA, 1);
    left -= payload.length;
    await peer.send(windowUpdate(0, payload.length), windowUpdate(1, payload.length));
  }
  await stillServes(served, 3);
});

Deno.test("an upload that is answered early may be sent to its end", async () => {
  const served = serve((x) => answer(x, x.path === "/after" ? 200 : 413));
  const { peer } = served;
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  await peer.until(FrameType.HEADERS, 1);
  for (let i = 0; i < 2000; i++) {
    await peer.send(data(1, new Uint8Array(16_384)));
    await settle();
  }
  await stillServes(served, 3);
});

Deno.test("small messages that cross our reset are dropped, a window full of them", async () => {
  const served = serve((x) => answer(x, x.path === "/after" ? 200 : 101));
  const { peer } = served;
  await peer.greet();
  await peer.send(peer.headers(1, post(), false));
  await peer.until(FrameType.RST_STREAM, 1);
  await peer.send(repeat(6500, data(1, new Uint8Array(10))));
  await stillServes(served, 3);
});

Deno.test("a hundred requests before our SETTINGS are known cost a refusal each, and no more", async () => {
  const served = serve((x) => x.path === "/after" ? answer(x, 200) : reads(x));
  const { peer } = served;
  await peer.greet();
  for (let round = 0; round < 50; round++) {
    const ids = Array.from({ length: 100 }, (_, i) => 2 * (100 * round + i) + 1);
    await peer.send(
      concat(ids.map((id) => peer.headers(id, post(["content-length", "1"]), false))),
    );
    await settle();
    await peer.send(concat(ids.slice(0, 32).map((id) => data(id, new Uint8Array(1), true))));
    await settle();
  }
  await stillServes(served, 20_001);
});

Deno.test("an event stream of hours goes on, with a PING every ten seconds", async () => {
  const served = serve((x) => {
    if (x.path === "/after") return answer(x, 200);
    answer(x, 200, new PiecesBody(new Uint8Array(10_010), 10, true));
    x.writeTimeoutMs = x.responseTimeoutMs = 1e9;
  });
  const { peer, clock } = served;
  await peer.greet(setting(4, 0));
  await peer.send(peer.headers(1, get()));
  await peer.until(FrameType.HEADERS, 1);
  for (let i = 0; i < 1000; i++) {
    await peer.send(windowUpdate(1, 10), windowUpdate(0, 10));
    await peer.until(FrameType.DATA, 1);
    await peer.send(PING);
    clock.tick(clock.now + 10_000);
  }
  await stillServes(served, 3);
});
