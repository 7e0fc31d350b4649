import assert from "node:assert/strict";
import { AcceptLoop } from "./accept_loop.ts";
import { Clock } from "../clock.ts";

/** Accepts what a test says, then waits until it is closed. */
class Script {
  readonly #steps: (string | Error)[];
  #end: ((error: Error) => void) | undefined;
  accepts = 0;

  constructor(...steps: (string | Error)[]) {
    this.#steps = steps;
  }

  accept(): Promise<string> {
    this.accepts++;
    const step = this.#steps.shift();
    if (step === undefined) return new Promise((_, reject) => this.#end = reject);
    return step instanceof Error ? Promise.reject(step) : Promise.resolve(step);
  }

  close(): void {
    this.#end?.(new Deno.errors.BadResource("closed"));
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("an error of accept is reported and the loop waits for a tick", async () => {
  const clock = new Clock();
  const script = new Script(new Error("Too many open files"), "next");
  const seen: string[] = [];
  const loop = new AcceptLoop(script, clock, (c) => seen.push(c), (e) => seen.push(e.message));
  loop.start();
  await turn();
  assert.deepEqual(seen, ["Too many open files"]);
  assert.equal(script.accepts, 1);
  clock.tick();
  await turn();
  assert.deepEqual(seen, ["Too many open files", "next"]);
  clock.tick();
  await turn();
  assert.equal(script.accepts, 3, "a pause ends once");
  await loop.close();
});

Deno.test("a client that left the queue is skipped without a pause or a word", async () => {
  const { ConnectionAborted, ConnectionReset, NotConnected } = Deno.errors;
  const gone = [ConnectionAborted, ConnectionReset, NotConnected].map((Gone) => new Gone("gone"));
  const script = new Script(...gone, "next");
  const seen: string[] = [];
  const loop = new AcceptLoop(script, new Clock(), (c) => seen.push(c), () => seen.push("fault"));
  loop.start();
  await turn();
  assert.deepEqual(seen, ["next"]);
  await loop.close();
});

Deno.test("closing ends a loop that waits or pauses", async () => {
  for (const script of [new Script(), new Script(new Error("Too many open files"))]) {
    const loop = new AcceptLoop(script, new Clock(), () => {}, () => {});
    loop.start();
    await turn();
    await loop.close();
  }
});

Deno.test("a loop that retires hands over everybody who waits, and its socket is closed", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const clients: Deno.TcpConn[] = [];
  for (let i = 0; i < 50; i++) clients.push(await Deno.connect({ hostname: "127.0.0.1", port }));
  const seen: Deno.TcpConn[] = [];
  const loop = new AcceptLoop(listener, new Clock(), (c) => seen.push(c), () => {});
  loop.start();
  await loop.retire();
  assert.equal(seen.length, clients.length);
  await assert.rejects(
    Deno.connect({ hostname: "127.0.0.1", port }),
    Deno.errors.ConnectionRefused,
  );
  for (const connection of [...seen, ...clients]) connection.close();
});

Deno.test("a loop that retires ends at once when no connection waits", async () => {
  const script = new Script();
  const loop = new AcceptLoop(script, new Clock(), () => {}, () => {});
  loop.start();
  await loop.retire();
  await loop.close();
  assert.equal(script.accepts, 1);
});
