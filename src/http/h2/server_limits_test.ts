/** Windows, turns, and the limits of heads and streams. */
import assert from "node:assert/strict";
import {
  answer,
  frame,
  get,
  serve,
  setting,
  settle,
  valueOf,
  windowUpdate,
} from "./testing/connection.ts";
import { ErrorCode } from "./wire/errors.ts";
import { FrameType } from "./wire/frames.ts";

Deno.test("a body goes no further than the windows of stream and connection", async () => {
  const { peer, far, done } = serve((x) => answer(x, 200, new Uint8Array(200_000)));
  await peer.greet(setting(4, 1000));
  await peer.send(peer.headers(1, get()));
  const first = await peer.until(FrameType.DATA, 1);
  assert.equal(first.payload.length, 1000);
  const before = far.received;
  await settle();
  assert.equal(far.received, before);
  await peer.send(windowUpdate(1, 500));
  assert.equal((await peer.until(FrameType.DATA, 1)).payload.length, 500);
  // The connection's window is the default of 65,535 octets, of which 1,500 are used.
  await peer.send(windowUpdate(1, 190_000));
  let total = 1500;
  while (total < 65_535) total += (await peer.until(FrameType.DATA, 1)).payload.length;
  assert.equal(total, 65_535);
  await peer.send(windowUpdate(0, 200_000));
  while (total < 191_500) total += (await peer.until(FrameType.DATA, 1)).payload.length;
  assert.equal(total, 191_500);
  peer.close();
  await done;
});

Deno.test("a changed initial window changes open streams, below zero as well", async () => {
  const { peer, far, done } = serve((x) => answer(x, 200, new Uint8Array(5000)));
  await peer.greet(setting(4, 1000));
  await peer.send(peer.headers(1, get()));
  await peer.until(FrameType.DATA, 1);
  await peer.send(frame(FrameType.SETTINGS, 0, 0, setting(4, 0)));
  await peer.until(FrameType.SETTINGS);
  await peer.send(windowUpdate(1, 600), frame(FrameType.PING, 0, 0, new Uint8Array(8)));
  await peer.until(FrameType.PING);
  assert.equal(peer.frames.filter((each) => each.type === FrameType.DATA).length, 1);
  await peer.send(frame(FrameType.SETTINGS, 0, 0, setting(4, 1400)));
  assert.equal((await peer.until(FrameType.DATA, 1)).payload.length, 1000);
  assert.ok(far.received > 0);
  peer.close();
  await done;
});

Deno.test("streams take turns: a short answer does not wait for a long one", async () => {
  const { peer, done } = serve((x) =>
    answer(x, 200, new Uint8Array(x.path === "/long" ? 60_000 : 10))
  );
  await peer.greet();
  await peer.send(peer.headers(1, get("/long")), peer.headers(3, get("/short")));
  const order: number[] = [];
  while (order.length < 3) order.push((await peer.until(FrameType.DATA)).streamId);
  assert.deepEqual(order, [1, 3, 1]);
  peer.close();
  await done;
});

// --- limits ------------------------------------------------------------------------------------

const LIMITS = { maxHeadBytes: 2048, maxUriBytes: 512, maxFields: 8 };

async function statusOf(
  pairs: readonly (readonly [string, string])[],
): Promise<string | undefined> {
  const { peer, handler, done } = serve(undefined, { limits: LIMITS });
  await peer.greet();
  await peer.send(peer.headers(1, pairs));
  const { heads: [head] } = await peer.answer(1);
  peer.close();
  await done;
  assert.equal(handler.finished.length, 1);
  return valueOf(head, ":status");
}

Deno.test("a target that is too long is answered with 414", async () => {
  assert.equal(await statusOf(get("/" + "a".repeat(511))), "200");
  assert.equal(await statusOf(get("/" + "a".repeat(512))), "414");
  assert.equal(await statusOf(get("/" + "a".repeat(3000))), "414");
});

Deno.test("too many fields are answered with 431; all crumbs of a cookie are one", async () => {
  const crumbs = (count: number) =>
    Array.from({ length: count }, (_, i) => ["cookie", `c${i}=1`] as const);
  const fields = (count: number) =>
    Array.from({ length: count }, (_, i) => [`x-${i}`, "1"] as const);
  assert.equal(await statusOf([...get(), ...fields(7)]), "200");
  assert.equal(await statusOf([...get(), ...fields(8)]), "431");
  assert.equal(await statusOf([...get(), ...fields(6), ...crumbs(100)]), "200");
  assert.equal(await statusOf([...get(), ...fields(7), ...crumbs(2)]), "431");
});

Deno.test("a head that is too large is answered with 431", async () => {
  assert.equal(await statusOf([...get(), ["x-a", "v".repeat(1700)]]), "200");
  assert.equal(await statusOf([...get(), ["x-a", "v".repeat(2020)]]), "431");
});

Deno.test("cookie crumbs become one line, at the place of the first", async () => {
  const { peer, handler, done } = serve();
  await peer.greet();
  await peer.send(peer.headers(1, [
    ...get(),
    ["cookie", "a=1"],
    ["x-between", "1"],
    ["cookie", "b=2"],
    ["cookie", "c=3; d=4"],
  ]));
  await peer.answer(1);
  const { names, values } = handler.created[0].request;
  assert.deepEqual(names, ["cookie", "x-between", "host"]);
  assert.equal(values[0], "a=1; b=2; c=3; d=4");
  peer.close();
  await done;
});

Deno.test("the 33rd stream at a time is refused, and may come again", async () => {
  const waiting: (() => void)[] = [];
  const { peer, done } = serve(async (x) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    answer(x, 200);
  });
  await peer.greet();
  for (let i = 0; i < 33; i++) await peer.send(peer.headers(2 * i + 1, get()));
  assert.equal((await peer.answer(65)).reset, ErrorCode.REFUSED_STREAM);
  for (const resume of waiting) resume();
  await peer.answer(1);
  await peer.send(peer.headers(67, get()));
  await settle();
  waiting.at(-1)!();
  assert.equal(valueOf((await peer.answer(67)).heads[0], ":status"), "200");
  peer.close();
  await done;
});
