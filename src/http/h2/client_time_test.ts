/** Time limits of a connection to an upstream. */
import assert from "node:assert/strict";
import { data, frame, setting, settle } from "./testing/connection.ts";
import { connect, end, fails, request } from "./testing/client.ts";
import { BodyError, BytesBody } from "../body.ts";
import { Flag, FrameType } from "./wire/frames.ts";

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

Deno.test("a body that stalls is cancelled, one that is not read is not", async () => {
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

for (const [method, status] of [["HEAD", "200"], ["GET", "204"], ["GET", "304"]]) {
  Deno.test(`${method} ${status} whose stream the upstream leaves open is given up in time`, async () => {
    const connected = await connect();
    const { client, peer, clock } = connected;
    const response = client.request(request({ method }));
    await peer.until(FrameType.HEADERS, 1);
    await peer.send(peer.headers(1, [[":status", status]], false));
    assert.equal((await response).body, undefined);
    let ended = 0;
    client.onStreamEnded = () => ended++;
    clock.tick(clock.now + 900);
    assert.equal(ended, 0);
    clock.tick(clock.now + 200);
    await peer.until(FrameType.RST_STREAM, 1);
    assert.equal(ended, 1);
    await end(connected);
  });
}

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
