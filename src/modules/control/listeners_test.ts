import assert from "node:assert/strict";
import type { HttpExchange } from "../../http/exchange.ts";
import type { Body } from "../../http/body.ts";
import { Fields } from "../../http/fields.ts";
import { Clock } from "../../net/clock.ts";
import { turn, until } from "../../net/testing/until.ts";
import { ControlListeners } from "./listeners.ts";

/** A body without an end, which knows when it was cancelled. */
class Endless implements Body {
  readonly length: undefined = undefined;
  readonly trailers: undefined = undefined;
  reads = 0;
  isCancelled = false;

  async read(into: Uint8Array): Promise<number> {
    this.reads++;
    await turn();
    return into.fill(120).length;
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

/** A listener whose every answer is `body`, on a clock that stands still. */
async function listening(body: Endless, clock: Clock) {
  const said: string[] = [];
  const listeners = new ControlListeners({
    clock,
    log: { log: (_level, _target, text) => void said.push(text) },
    sockets: undefined,
  }, {
    subject: "the test",
    limits: { maxHeadBytes: 8_192, maxUriBytes: 1_024, maxFields: 64 },
    answer(exchange: HttpExchange) {
      exchange.status = 200;
      exchange.response = Fields.of();
      exchange.responseBody = body;
    },
    refuse: () => {},
    fail: () => {},
  });
  await listeners.open("127.0.0.1:0", "test.listen", () => new Set());
  const port = Number(/:(\d+)$/.exec(said[0])?.[1]);
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  return {
    client,
    [Symbol.dispose]() {
      client.close();
      listeners.close();
    },
  };
}

Deno.test("an answer that its client does not take is cut after ten seconds", async () => {
  const [body, clock] = [new Endless(), new Clock()];
  using _ = await listening(body, clock);
  let last = -1;
  await until("the buffers are full", async () => {
    const before = last;
    last = body.reads;
    for (let i = 0; i < 50; i++) await turn();
    return body.reads > 0 && body.reads === last && last === before;
  });
  clock.tick(clock.now + 9_000);
  await turn();
  assert.equal(body.isCancelled, false);
  clock.tick(clock.now + 2_000);
  await until("it is cut", () => body.isCancelled);
});

Deno.test("an answer that is taken little by little is cut after a minute", async () => {
  const [body, clock] = [new Endless(), new Clock()];
  using run = await listening(body, clock);
  const buffer = new Uint8Array(64 * 1024);
  let seconds = 0;
  while (!body.isCancelled) {
    if (await run.client.read(buffer).catch(() => null) === null) break;
    clock.tick(clock.now + 1_000);
    seconds++;
    await turn();
    assert.ok(seconds < 200, "it is never cut");
  }
  await until("it is cut", () => body.isCancelled);
  assert.ok(seconds >= 50, `after ${seconds} seconds`);
});
