import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { Clock } from "./clock.ts";
import type { Duplex } from "./duplex.ts";
import { Relay, relay } from "./relay.ts";
import { turn, until } from "./testing/until.ts";

/** Both ends of one TCP connection. */
async function pair(): Promise<[near: Deno.TcpConn, far: Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const connecting = Deno.connect({ hostname: "127.0.0.1", port });
  const near = await listener.accept();
  return [near, await connecting];
}

/** A tunnel between two peers. */
async function tunnel(idleMs = 0) {
  const clock = new Clock();
  const [nearFirst, first] = await pair();
  const [nearSecond, second] = await pair();
  const result = relay(nearFirst, nearSecond, clock, idleMs);
  return { clock, first, second, result };
}

async function readAll(stream: Duplex): Promise<number> {
  const buffer = new Uint8Array(65_536);
  let size = 0;
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    for (let i = 0; i < count; i++) assert.equal(buffer[i], (size + i) % 251);
    size += count;
  }
  return size;
}

async function writeMany(stream: Duplex, sizes: readonly number[]): Promise<number> {
  let size = 0;
  for (const length of sizes) {
    const bytes = Uint8Array.from({ length }, (_, i) => (size + i) % 251);
    for (let at = 0; at < length;) at += await stream.write(bytes.subarray(at));
    size += length;
  }
  return size;
}

Deno.test("bytes go both ways unchanged, little and much of them, and are counted", async () => {
  const { first, second, result } = await tunnel();
  const sizes = [1, 1023, 1024, 1025, 200_000, 3, 70_000, 1];
  const [sent, back, got, gotBack] = await Promise.all([
    writeMany(first, sizes).then(async (size) => (await first.closeWrite(), size)),
    writeMany(second, [5, 100_000]).then(async (size) => (await second.closeWrite(), size)),
    readAll(second),
    readAll(first),
  ]);
  assert.equal(got, sent);
  assert.equal(gotBack, back);
  assert.deepEqual(await result, {
    forward: sent,
    backward: back,
    end: "complete",
    error: undefined,
    broken: undefined,
  });
  first.close();
  second.close();
});

Deno.test("the end of one side is passed on, and the other side goes on", async () => {
  const { first, second, result } = await tunnel();
  await first.closeWrite();
  assert.equal(await second.read(new Uint8Array(1)), null);
  await second.write(new TextEncoder().encode("late"));
  const buffer = new Uint8Array(16);
  assert.equal(await first.read(buffer), 4);
  second.close();
  assert.equal((await result).end, "complete");
  first.close();
});

Deno.test("a side that closes both ways ends the tunnel in good order", async () => {
  const { first, second, result } = await tunnel();
  await second.write(new Uint8Array(10));
  await first.read(new Uint8Array(16));
  first.close();
  assert.equal(await second.read(new Uint8Array(1)), null);
  second.close();
  assert.deepEqual(await result, {
    forward: 0,
    backward: 10,
    end: "complete",
    error: undefined,
    broken: undefined,
  });
});

Deno.test("silence in both directions ends it; a word in one is enough to go on", async () => {
  const { clock, first, second, result } = await tunnel(1000);
  const start = clock.now;
  clock.tick(start + 900);
  await second.write(new Uint8Array(1));
  await first.read(new Uint8Array(1));
  clock.tick(start + 1800);
  await first.write(new Uint8Array(1));
  assert.equal(await second.read(new Uint8Array(1)), 1);
  clock.tick(start + 2900);
  assert.equal((await result).end, "idle");
  first.close();
  second.close();
});

Deno.test("a lost connection ends both sides", async () => {
  const { clock, first, second, result } = await tunnel();
  await first.write(new Uint8Array(200_000));
  // What is still on its way to it is answered with a reset.
  second.close();
  await first.write(new Uint8Array(1)).catch(() => {});
  // The other one sees an end, its own or that of its connection; what it sends until it has gone is dropped.
  await first.read(new Uint8Array(1)).catch(() => {});
  first.close();
  assert.equal((await result).end, "error");
  assert.equal(clock.watched, 0);
});

Deno.test("the end of an answer arrives although its sender has gone and the other one still sends", async () => {
  const limits = { idleMs: 0, totalMs: 0, maxBytes: Infinity, acceptsTruncation: false };
  const [nearFirst, first] = await pair();
  const [nearSecond, second] = await pair();
  const tunnel = new Relay(nearFirst, nearSecond, new Clock(), limits);
  const result = tunnel.run();
  const size = 200_000;
  await writeMany(second, [size]);
  await second.closeWrite();
  await until("all of it is on its way", () => tunnel.backward === size);
  await first.write(new Uint8Array(1000));
  await until("the input is there", () => tunnel.forward === 1000);
  // With unread input: what is sent to it from now on is answered with a reset.
  second.close();
  for (let i = 0; i < 100; i++) {
    await first.write(new Uint8Array(1000));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(await readAll(first), size);
  first.close();
  assert.equal((await result).end, "error");
});

Deno.test("a bound on bytes is for each direction, and may be reached", async () => {
  const limits = { idleMs: 0, totalMs: 0, maxBytes: 10, acceptsTruncation: false };
  for (const [bytes, end] of [[10, "complete"], [11, "bytes"]] as const) {
    const [nearFirst, first] = await pair();
    const [nearSecond, second] = await pair();
    const result = new Relay(nearFirst, nearSecond, new Clock(), limits).run();
    await writeMany(first, [bytes]);
    await first.closeWrite();
    const got = await readAll(second);
    assert.equal(got, end === "complete" ? 10 : 0);
    second.close();
    assert.equal((await result).end, end);
    first.close();
  }
});

Deno.test("its lifetime ends it however much it moves", async () => {
  const limits = { idleMs: 5_000, totalMs: 10_000, maxBytes: Infinity, acceptsTruncation: false };
  const clock = new Clock();
  const [nearFirst, first] = await pair();
  const [nearSecond, second] = await pair();
  const result = new Relay(nearFirst, nearSecond, clock, limits).run();
  const start = clock.now;
  for (const after of [4_000, 8_000]) {
    clock.tick(start + after);
    await first.write(new Uint8Array(1));
    await second.read(new Uint8Array(1));
  }
  clock.tick(start + 10_000);
  assert.equal((await result).end, "total");
  first.close();
  second.close();
});

/** A peer that can reset its connection, which the runtime's own connections cannot. */
async function resetting(): Promise<{ near: Deno.TcpConn; far: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const near = await Deno.connect({ hostname: "127.0.0.1", port: address.port });
  const far = await accepted;
  far.on("error", () => {});
  server.close();
  return { near, far };
}

for (const gone of ["first", "second"] as const) {
  Deno.test(`a ${gone} side that resets after its end is noticed while the other one is silent`, async () => {
    const clock = new Clock();
    const [nearOther, other] = await pair();
    const { near, far } = await resetting();
    const sides: [Duplex, Duplex] = gone === "first" ? [near, nearOther] : [nearOther, near];
    const result = relay(...sides, clock, 3_600_000);
    far.end();
    assert.equal(await other.read(new Uint8Array(1)), null);
    far.resetAndDestroy();
    // Well before the idle limit, what with the time that the rest of an answer has.
    let now = clock.now;
    const end = clock.now + 60_000;
    let isOver = false;
    void result.then(() => isOver = true);
    await until("the relay has ended", () => {
      if (now < end) clock.tick(now += 1_000);
      return isOver;
    });
    const { end: ended, broken } = await result;
    assert.equal(ended, "error");
    assert.equal(broken, gone);
    assert.equal(clock.watched, 0);
    other.close();
  });
}

Deno.test("a side that has ended and is there all the same may be silent for long", async () => {
  const { clock, first, second, result } = await tunnel(3_600_000);
  await second.closeWrite();
  assert.equal(await first.read(new Uint8Array(1)), null);
  for (let i = 0; i < 100; i++) {
    clock.tick(clock.now + 5_000);
    await turn();
  }
  await first.write(new Uint8Array(3));
  assert.equal(await second.read(new Uint8Array(8)), 3);
  first.close();
  assert.equal((await result).end, "complete");
  second.close();
});

Deno.test("keepalive is asked for of both sides of a relay that lasts, and of none that is soon over", async () => {
  const clock = new Clock();
  const asked: string[] = [];
  const [nearFirst, first] = await pair();
  const [nearSecond, second] = await pair();
  for (const [name, stream] of [["first", nearFirst], ["second", nearSecond]] as const) {
    stream.setKeepAlive = () => void asked.push(name);
  }
  const result = relay(nearFirst, nearSecond, clock, 0);
  clock.tick(clock.now + 1_000);
  assert.deepEqual(asked, []);
  clock.tick(clock.now + 60_000);
  clock.tick(clock.now + 60_000);
  assert.deepEqual(asked, ["first", "second"]);
  first.close();
  second.close();
  assert.equal((await result).end, "complete");
});
