/**
 * Resets that a client brings about by its own fault count as its own: CVE-2025-8671, "MadeYouReset", is
 * rapid reset without an RST_STREAM of the client's.
 */
import assert from "node:assert/strict";
import {
  answer,
  calmed,
  concat,
  data,
  frame,
  get,
  post,
  type RawPeer,
  serve,
  settle,
  valueOf,
  windowUpdate,
} from "./testing/connection.ts";
import { Flag, FrameType } from "./wire/frames.ts";

/** Requests, each with what makes the server reset it. */
type Provoke = (peer: RawPeer, streamId: number) => Uint8Array[];

const KINDS: Readonly<Record<string, Provoke>> = {
  "a window increment of 0": (peer, id) => [peer.headers(id, get()), windowUpdate(id, 0)],
  "a window that overflows": (peer, id) => [
    peer.headers(id, get()),
    windowUpdate(id, 0x7fff_ffff),
  ],
  "DATA after END_STREAM": (peer, id) => [peer.headers(id, get()), data(id, new Uint8Array(1))],
  "HEADERS after END_STREAM": (peer, id) => [
    peer.headers(id, get()),
    peer.headers(id, [["x-late", "1"]]),
  ],
  "a stream that depends on itself": (peer, id) => [
    peer.headers(id, get()),
    frame(FrameType.PRIORITY, 0, id, [0, 0, id >> 8, id & 0xff, 16]),
  ],
  "HEADERS that depend on themselves": (peer, id) => [
    frame(
      FrameType.HEADERS,
      Flag.END_HEADERS | Flag.END_STREAM | Flag.PRIORITY,
      id,
      concat([Uint8Array.of(0, 0, id >> 8, id & 0xff, 16), peer.block(get())]),
    ),
  ],
  "PRIORITY of a wrong length": (peer, id) => [
    peer.headers(id, get()),
    frame(FrameType.PRIORITY, 0, id, [0]),
  ],
  "a body longer than its content-length": (peer, id) => [
    peer.headers(id, post(["content-length", "1"]), false),
    data(id, new Uint8Array(2)),
  ],
  "a body shorter than its content-length": (peer, id) => [
    peer.headers(id, post(["content-length", "9"]), false),
    data(id, new Uint8Array(2), true),
  ],
  "trailers with a pseudo-header field": (peer, id) => [
    peer.headers(id, post(), false),
    peer.headers(id, [[":path", "/"]]),
  ],
  "trailers without END_STREAM": (peer, id) => [
    peer.headers(id, post(), false),
    peer.headers(id, [["x-trailer", "1"]], false),
  ],
};

for (const [kind, provoke] of Object.entries(KINDS)) {
  Deno.test(`resets provoked by ${kind} count as the client's own`, async () => {
    const served = serve((x) => new Promise((resolve) => x.onAbort = resolve));
    const { peer, handler } = served;
    await peer.greet();
    for (let i = 0; i < 400 && !served.stream.closed; i++) {
      const [first, ...rest] = provoke(peer, 2 * i + 1);
      await peer.send(first).catch(() => {});
      await settle();
      await peer.send(...rest).catch(() => {});
      await settle();
    }
    await calmed(served);
    assert.ok(handler.created.length <= 129, `${handler.created.length}`);
  });

  Deno.test(`a reset provoked by ${kind} now and then is borne`, async () => {
    const served = serve((x) =>
      x.path === "/after" ? answer(x, 200) : new Promise((resolve) => x.onAbort = resolve)
    );
    const { peer, clock, done } = served;
    await peer.greet();
    for (let i = 0; i < 300; i++) {
      await peer.send(...provoke(peer, 2 * i + 1));
      await settle();
      clock.tick(clock.now + 1000);
    }
    await peer.send(peer.headers(601, get("/after")));
    assert.equal(valueOf((await peer.answer(601)).heads[0], ":status"), "200");
    peer.close();
    await done;
  });
}

Deno.test("what many provoked resets in one read begin is bounded", async () => {
  const served = serve((x) => new Promise((resolve) => x.onAbort = resolve));
  const { peer, handler } = served;
  await peer.greet();
  const all = Array.from(
    { length: 200 },
    (_, i) => KINDS["a window increment of 0"](peer, 2 * i + 1),
  );
  await peer.send(concat(all.flat()));
  await calmed(served);
  assert.ok(handler.created.length <= 9, `${handler.created.length}`);
});

Deno.test("answers do not pay for resets", async () => {
  const served = serve((x) =>
    x.path === "/" ? new Promise((resolve) => x.onAbort = resolve) : answer(x, 200)
  );
  const { peer, handler } = served;
  await peer.greet();
  for (let i = 0; i < 1000 && !served.stream.closed; i++) {
    const id = 4 * i + 1;
    await peer.send(peer.headers(id, get()), peer.headers(id + 2, get("/quick"))).catch(() => {});
    await settle();
    await peer.send(windowUpdate(id, 0)).catch(() => {});
    await settle();
  }
  await calmed(served);
  assert.ok(handler.created.length <= 600, `${handler.created.length}`);
});
