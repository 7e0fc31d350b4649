import assert from "node:assert/strict";
import { newDirectory } from "../../config/testing/files.ts";
import { Clock } from "../clock.ts";
import { DialError } from "../dial/dial.ts";
import { until } from "../testing/until.ts";
import { FastCgiPool, type PoolEvent } from "./pool.ts";
import { Responder } from "./testing/responder.ts";
import { endRequest, stdout } from "./testing/records.ts";
import { ParamsWriter } from "./params_writer.ts";

/** More connections than the queue of any socket takes here. */
const MANY = 5000;

/** A pool of connections to `path` that keeps `maxIdle` of them, of all workers that share `count`. */
function poolFor(path: string, clock: Clock, maxIdle = 0, count = { taken: 0 }) {
  const events: PoolEvent[] = [];
  const pool = new FastCgiPool({
    target: {
      host: "localhost",
      port: 0,
      path,
      tls: undefined,
      version: "http1",
      proxyProtocol: "off",
      connectTimeoutMs: 1000,
      totalConnectTimeoutMs: 1000,
    },
    clock,
    maxIdle,
    idleMs: 60_000,
    idle: {
      tryTake: (max) => count.taken < max && ++count.taken > 0,
      giveBack: () => void count.taken--,
    },
    onEvent: (event) => void events.push(event),
  });
  return { pool, events };
}

/** One request on a connection of the pool. */
async function ask(pool: FastCgiPool): Promise<void> {
  const connection = pool.take() ?? await pool.dial();
  const head = new ParamsWriter(true).finish(true);
  assert.ok(head !== undefined);
  connection.begin({ head, input: undefined, onProgress() {}, onError() {} });
  while (await connection.next() !== null);
  pool.giveBack(connection);
}

Deno.test("a full queue is asked again until the time to connect is over", async () => {
  const path = `${newDirectory()}/full.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  const queued: Deno.Conn[] = [];
  await assert.rejects(async () => {
    for (let i = 0; i < MANY; i++) queued.push(await Deno.connect({ transport: "unix", path }));
  }, /Resource temporarily unavailable/);
  const clock = new Clock(20);
  clock.start();
  const { pool } = poolFor(path, clock);
  await assert.rejects(
    pool.dial(),
    (error) => error instanceof DialError && error.reason === "timeout",
  );
  // What waits in the queue goes, and there is room.
  for (const conn of queued) conn.close();
  const dialing = pool.dial();
  const accepted: Deno.Conn[] = [];
  for (let i = 0; i <= queued.length; i++) accepted.push(await listener.accept());
  pool.giveBack(await dialing);
  for (const conn of accepted) conn.close();
  pool.close();
  clock.stop();
});

Deno.test("idle connections are bounded over all workers, and the oldest is used first", async () => {
  const path = `${newDirectory()}/fpm.sock`;
  await using responder = new Responder(path, async (connection) => {
    for (;;) {
      if (!await connection.until((records) => records.some(({ type }) => type === 5))) return;
      await connection.request();
      await connection.send(stdout("hi"), endRequest());
    }
  });
  const clock = new Clock();
  const count = { taken: 0 };
  const one = poolFor(path, clock, 1, count);
  const other = poolFor(path, clock, 1, count);
  await ask(one.pool);
  await ask(other.pool);
  assert.deepEqual(one.events, ["connect", "return"]);
  assert.deepEqual(other.events, ["connect", "discard_full"]);
  await ask(one.pool);
  assert.deepEqual(one.events.slice(2), ["reuse", "return"]);
  assert.equal(count.taken, 1);
  clock.tick(clock.now + 61_000);
  assert.deepEqual(one.events.slice(4), ["drop_stale"]);
  assert.equal(count.taken, 0);
  one.pool.close();
  other.pool.close();
  await until("all connections were seen", () => responder.connections === 2);
});
