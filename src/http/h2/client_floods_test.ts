/** Frames of an upstream that bring nothing: they end its connection, and an answer in small pieces does not. */
import assert from "node:assert/strict";
import {
  concat,
  data,
  frame,
  type RawPeer,
  reset,
  setting,
  settle,
  uint32,
  windowUpdate,
} from "./testing/connection.ts";
import { connect, end, request } from "./testing/client.ts";
import { ErrorCode } from "./wire/errors.ts";
import { Flag, FrameType, readUint32 } from "./wire/frames.ts";

/** What an upstream sends again and again; stream 1 is open, stream 3 is over. */
const FLOODS: Readonly<Record<string, (peer: RawPeer, i: number) => Uint8Array>> = {
  "PING": () => frame(FrameType.PING, 0, 0, new Uint8Array(8)),
  "answers to PINGs that were not sent": () =>
    frame(FrameType.PING, Flag.ACK, 0, new Uint8Array(8)),
  "SETTINGS": (_, i) => frame(FrameType.SETTINGS, 0, 0, setting(4, 60_000 + i)),
  "acknowledgements of SETTINGS that were not sent": () => frame(FrameType.SETTINGS, Flag.ACK, 0),
  "single octets of window": () => windowUpdate(0, 1),
  "GOAWAY": () => frame(FrameType.GOAWAY, 0, 0, concat([uint32(1), uint32(0)])),
  "PRIORITY": () => frame(FrameType.PRIORITY, 0, 1, [0, 0, 0, 0, 1]),
  "frames of an unknown type": () => frame(0xfa, 0, 0),
  "empty DATA": () => data(1, new Uint8Array(0)),
  "heads of a stream that is over": (peer) => peer.headers(3, [[":status", "200"]]),
  "resets of a stream that is over": () => reset(3, ErrorCode.CANCEL),
};

for (const [kind, one] of Object.entries(FLOODS)) {
  Deno.test(`an upstream's flood of ${kind} ends its connection`, async () => {
    const { client, peer, stream, closed } = await connect();
    const response = client.request(request());
    response.catch(() => {});
    const cancelled = client.start(request());
    cancelled.response.catch(() => {});
    await peer.until(FrameType.HEADERS, 3);
    cancelled.cancel();
    await peer.send(peer.headers(1, [[":status", "200"]], false));
    const body = (await response).body;
    for (let i = 0; i < 10_000 && !stream.closed; i++) {
      await peer.send(one(peer, i)).catch(() => {});
      if (i % 16 === 0) await settle();
    }
    const { payload } = await peer.until(FrameType.GOAWAY);
    assert.equal(readUint32(payload, 4), ErrorCode.ENHANCE_YOUR_CALM);
    await assert.rejects(async () => await body?.read(new Uint8Array(10)));
    await peer.untilEnd();
    peer.close();
    await closed;
  });
}

Deno.test("an answer that is written octet by octet arrives, however long it is", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const response = client.request(request());
  await peer.until(FrameType.HEADERS, 1);
  await peer.send(peer.headers(1, [[":status", "200"]], false));
  const { body } = await response;
  const into = new Uint8Array(100);
  let total = 0;
  for (let i = 0; i < 100; i++) {
    await peer.send(concat(Array.from({ length: 50 }, () => data(1, new Uint8Array(1)))));
    for (const until = total + 50; total < until;) total += await body?.read(into) ?? 0;
  }
  assert.equal(total, 5000);
  await end(connected);
});

Deno.test("an upstream may credit every octet of an upload that comes in small pieces", async () => {
  const connected = await connect();
  const { client, peer } = connected;
  const piece = new Uint8Array(10);
  let give: ((count: number) => void) | undefined;
  const body = {
    length: undefined,
    trailers: undefined,
    read: () => new Promise<number>((resolve) => give = resolve),
    cancel() {},
  };
  const response = client.request(request({ method: "POST", body }));
  await peer.until(FrameType.HEADERS, 1);
  for (let i = 0; i < 3000; i++) {
    while (give === undefined) await settle();
    const next = give;
    give = undefined;
    next(piece.length);
    await peer.until(FrameType.DATA, 1);
    await peer.send(windowUpdate(1, 10), windowUpdate(0, 10));
  }
  await peer.send(peer.headers(1, [[":status", "200"]]));
  assert.equal((await response).status, 200);
  await end(connected);
});
