/** Whatever a peer sends, the connection ends in order or goes on: no exception, no hang, no leak. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  answer,
  concat,
  frame,
  get,
  memoryPair,
  post,
  RawPeer,
  serve,
  type Served,
  settle,
} from "./testing/connection.ts";
import type { HttpExchange } from "../exchange.ts";
import { Fields } from "../fields.ts";
import { readAll } from "../body.ts";
import { Clock } from "../../net/clock.ts";
import { Http2Client } from "./client.ts";
import { PREFACE } from "./wire/frames.ts";
import { Encoder } from "./hpack/mod.ts";

const streamId = fc.constantFrom(0, 1, 1, 3, 3, 5, 7, 2, 0x7fff_ffff);
const flags = fc.oneof(fc.constantFrom(0, 1, 4, 5, 0x25, 8, 0xd), fc.integer({ min: 0, max: 255 }));
const payload = fc.oneof(
  fc.constantFrom([], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 8], [0x82, 0x86, 0x84]),
  fc.constantFrom(new Array(8).fill(0), [0, 0, 0, 3, 16], [0, 4, 0, 0, 0, 1], [0, 4, 0, 1, 0, 0]),
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 }),
);
const anyFrame = fc.tuple(fc.integer({ min: 0, max: 10 }), flags, streamId, payload).map(
  ([type, flag, id, bytes]) => frame(type, flag, id, bytes),
);

/** Heads that are right, so that the rest of a sequence has streams to act on. */
const goodHead = fc.tuple(fc.constantFrom(1, 3, 5, 7, 9), fc.boolean()).map(([id, ends]) => {
  const pairs = ends ? get() : post();
  const names = pairs.map(([name]) => name);
  const values = pairs.map(([, value]) => value);
  const block = new Uint8Array(Encoder.bound(names, values));
  const encoder = new Encoder();
  let at = 0;
  for (let i = 0; i < names.length; i++) at = encoder.field(names[i], values[i], block, at);
  return frame(1, ends ? 5 : 4, id, block.subarray(0, at));
});
const traffic = fc.array(fc.oneof({ weight: 3, arbitrary: anyFrame }, goodHead), { maxLength: 40 });

async function gateway(x: HttpExchange): Promise<void> {
  x.writeTimeoutMs = 1000;
  x.responseTimeoutMs = 5000;
  x.bodyTimeoutMs = 1000;
  const body = x.requestBody === undefined
    ? undefined
    : await readAll(x.requestBody, 1e6).catch(() => undefined);
  answer(x, 200, new Uint8Array(body?.length ?? 100));
}

/** Lets all time limits pass. */
async function outlive(served: Served): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await settle();
    served.clock.tick(served.clock.now + 1000);
  }
  await served.done;
  assert.equal(served.handler.finished.length, served.handler.created.length);
  assert.equal(served.open.size, 0);
}

Deno.test("a server bears any sequence of frames", async () => {
  await fc.assert(
    fc.asyncProperty(traffic, async (frames) => {
      const served = serve(gateway);
      await served.peer.greet();
      await served.peer.send(concat(frames)).catch(() => {});
      await outlive(served);
    }),
    { numRuns: 400 },
  );
});

Deno.test("a server bears any bytes behind the preface, in any pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
      fc.boolean(),
      async (pieces, hasPreface) => {
        const served = serve(gateway);
        if (hasPreface) await served.peer.send(PREFACE, frame(4, 0, 0));
        for (const piece of pieces) {
          await served.peer.send(piece).catch(() => {});
          await settle();
        }
        await outlive(served);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("a client bears any sequence of frames, and every request is settled", async () => {
  await fc.assert(
    fc.asyncProperty(traffic, async (frames) => {
      const [stream, far] = memoryPair();
      const clock = new Clock();
      clock.tick(1000);
      const client = new Http2Client(stream, {
        clock,
        timeouts: { readMs: 1000, sendMs: 1000, idleMs: 1000 },
        maxStreams: 10,
        pingIntervalMs: 0,
      });
      const closed = new Promise<void>((resolve) => client.onClosed = resolve);
      const peer = new RawPeer(far);
      await peer.welcome();
      const requests = Array.from({ length: 5 }, async () => {
        const response = await client.request({
          method: "GET",
          target: "/",
          scheme: "http",
          authority: "test",
          fields: new Fields(),
          body: undefined,
          upgrade: undefined,
        });
        if (response.body !== undefined) await readAll(response.body, 1e6);
      });
      const settled = Promise.allSettled(requests);
      await settle();
      await peer.send(concat(frames)).catch(() => {});
      for (let i = 0; i < 40; i++) {
        await settle();
        clock.tick(clock.now + 1000);
      }
      await settled;
      await closed;
    }),
    { numRuns: 400 },
  );
});
