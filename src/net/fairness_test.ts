import assert from "node:assert/strict";
import { fairRead, fairStep } from "./fairness.ts";

/** A peer whose bytes are always there already. */
const FLOOD = {
  read(into: Uint8Array): Promise<number> {
    const end = performance.now() + 0.1;
    // What is done with the bytes.
    while (performance.now() < end);
    return Promise.resolve(into.length);
  },
};

/** More than a turn may bring; a flood that is not held back gets here. */
const MANY = 20_000;

/** Two sockets that say something to each other, one turn of the event loop after the other. */
async function talk(): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using server = await accepting;
  const byte = new Uint8Array(1);
  for (let i = 0; i < 3; i++) {
    await client.write(byte);
    await server.read(byte);
    await server.write(byte);
    await client.read(byte);
  }
}

/** Works on a flood until `event`, and returns how much of it came first. */
async function floodedUntil(event: Promise<unknown>, step: () => unknown): Promise<number> {
  let happened = false;
  void event.then(() => happened = true);
  let steps = 0;
  for (; !happened && steps < MANY; steps++) await step();
  return steps;
}

const buffer = new Uint8Array(16);
const STEPS = [
  ["reads", () => fairRead(FLOOD, buffer)],
  ["steps without a read", () => fairStep() ?? FLOOD.read(buffer)],
] as const;

Deno.test("reads of a calm connection are the stream's own promises", () => {
  const promise = Promise.resolve(0);
  assert.equal(fairRead({ read: () => promise }, buffer), promise);
});

for (const [name, step] of STEPS) {
  Deno.test(`${name}: a flood lets timers fire`, async () => {
    const timer = new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(await floodedUntil(timer, step) < MANY);
  });

  Deno.test(`${name}: a flood lets other sockets be read`, async () => {
    assert.ok(await floodedUntil(talk(), step) < MANY);
  });

  Deno.test(`${name}: many floods at once let timers and sockets through`, async () => {
    const event = Promise.all([talk(), new Promise((resolve) => setTimeout(resolve, 20))]);
    const floods = Array.from({ length: 100 }, () => floodedUntil(event, step));
    const most = Math.max(...await Promise.all(floods));
    assert.ok(most < MANY / 100, `${most} steps`);
  });
}

Deno.test("a read that waits fails as the stream does", async () => {
  const error = new Deno.errors.Interrupted("closed meanwhile");
  let closed = false;
  const stream = { read: () => closed ? Promise.reject(error) : FLOOD.read(buffer) };
  // Until one of them waits.
  let waiting: Promise<unknown> | undefined;
  while (waiting === undefined) {
    const step = fairRead(stream, buffer);
    const settled = await Promise.race([step.then(() => true), Promise.resolve().then(() => {})]);
    if (settled !== true) waiting = step;
  }
  closed = true;
  await assert.rejects(waiting, error);
});
