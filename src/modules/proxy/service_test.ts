import assert from "node:assert/strict";
import type { Call, Origin } from "../../gateway/origin.ts";
import { ClientError, ClientResponse } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import { Clock, TICK_MS } from "../../net/clock.ts";
import { type Question, Service } from "./service.ts";

const LIMITS = { totalMs: 2 * TICK_MS, maxResponseBytes: 10 };

function question(): Question {
  return { method: "GET", target: "/check", authority: "auth.test", fields: new Fields() };
}

/** An origin with one answer of `size` bytes. */
function answering(size: number): Origin {
  let left = size;
  const body = {
    length: undefined,
    trailers: undefined,
    read(into: Uint8Array) {
      if (left === 0) return null;
      const count = Math.min(left, into.length);
      left -= count;
      return count;
    },
    cancel() {},
  };
  return { fetch: () => Promise.resolve(new ClientResponse(200, new Fields(), body, undefined)) };
}

/** An origin that answers nothing until its call goes away. */
function silent(): Origin {
  return {
    fetch(_request, call) {
      return new Promise((_resolve, reject) => {
        call.onAbort = () => {
          assert.ok(call.aborted);
          reject(new ClientError("response", "it was given up"));
        };
      });
    },
  };
}

Deno.test("an answer is read as far as it may be long", async () => {
  const clock = new Clock();
  const whole = await new Service(answering(10), "http", LIMITS, clock).ask(question());
  assert.deepEqual([whole.status, whole.body.length], [200, 10]);
  const longer = new Service(answering(11), "http", LIMITS, clock).ask(question());
  await assert.rejects(longer, /its answer is too large/);
});

Deno.test("a question whose time is over is given up", async () => {
  const clock = new Clock();
  const asked = new Service(silent(), "http", LIMITS, clock).ask(question());
  const late = assert.rejects(asked, /it took too long/);
  for (let i = 0; i <= 3; i++) clock.tick(clock.now + TICK_MS);
  await late;
});

Deno.test("a question is given up with its caller, which is free again afterwards", async () => {
  const caller: { aborted: boolean; onAbort: Call["onAbort"] } = {
    aborted: false,
    onAbort: undefined,
  };
  const asked = new Service(silent(), "http", LIMITS, new Clock()).ask(question(), caller);
  const over = assert.rejects(asked, /it was given up/);
  caller.aborted = true;
  caller.onAbort?.();
  await over;
  assert.equal(caller.onAbort, undefined);
});

Deno.test("the origin of a service sees a call that is no exchange", async () => {
  let seen: Call | undefined;
  const origin: Origin = {
    fetch(_request, call) {
      seen = call;
      return Promise.resolve(new ClientResponse(204, new Fields(), undefined, undefined));
    },
  };
  await new Service(origin, "http", LIMITS, new Clock()).ask(question());
  assert.ok(seen !== undefined);
  assert.equal(seen.exchange, undefined);
});
