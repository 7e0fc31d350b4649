import assert from "node:assert/strict";
import { ClientError, ClientRequest, ClientResponse } from "../http/client.ts";
import { Fields } from "../http/fields.ts";
import { Clock } from "../net/clock.ts";
import { Zones } from "../zones/zones.ts";
import type { Exchange } from "./exchange/exchange.ts";
import { Gateway } from "./gateway.ts";
import { SILENT } from "./reports/log_none.ts";
import { NO_METRICS } from "./reports/metrics_none.ts";
import type { Around, EdgeModule, Origin, RunningModule, Steps } from "./module.ts";
import { refuse } from "./exchange/refusal.ts";
import { exchangeFixture } from "./testing/exchange_fixture.ts";
import { configOf } from "./testing/modules.ts";

const TEXT = new TextDecoder();

/** A gateway with one vhost and modules that give it these steps, in this order. */
async function gatewayOf(...all: readonly (Steps | Partial<RunningModule>)[]): Promise<Gateway> {
  const modules = all.map((one, i): EdgeModule => ({
    name: `part-${i}`,
    open: () => ({
      start: () => ({
        plan: () => "plan" in one || "finished" in one ? undefined : one as Steps,
        stop() {},
        ...("finished" in one ? one : {}),
      }),
    }),
  }));
  const services = {
    clock: new Clock(),
    log: SILENT,
    metrics: NO_METRICS,
    zones: new Zones(new Map(), { index: 0, count: 1 }),
    worker: 0,
    workers: 1,
  };
  const gateway = new Gateway(services, modules);
  await gateway.load(configOf({}));
  return gateway;
}

/** Serves `exchange` as a codec does. */
async function served(
  gateway: Gateway,
  exchange = exchangeFixture({ authority: "shop.test" }),
): Promise<Exchange> {
  let waiting = gateway.handle(exchange);
  while (waiting !== undefined) {
    let arrived: unknown;
    try {
      arrived = await waiting;
    } catch (reason) {
      waiting = gateway.fail(exchange, reason);
      continue;
    }
    waiting = gateway.resume(exchange, arrived);
  }
  gateway.finish(exchange);
  return exchange;
}

/** The steps of a scope whose answers come from `origin`. */
function asks(origin: Origin): Steps {
  return {
    origin: {
      origin,
      request: ({ method, target, authority }) =>
        new ClientRequest(method, target, "http", authority, new Fields(), undefined, undefined),
    },
  };
}

/** An origin that gives these answers, one after the other; then it fails. */
function originOf(...texts: readonly string[]): Origin {
  const left = [...texts];
  return {
    fetch() {
      const text = left.shift();
      if (text === undefined) return Promise.reject(new ClientError("response", "it is down"));
      return Promise.resolve(answerOf(text));
    },
  };
}

function answerOf(text: string): ClientResponse {
  const bytes = new TextEncoder().encode(text);
  let isRead = false;
  const body = {
    length: bytes.length,
    trailers: undefined,
    read(into: Uint8Array) {
      if (isRead) return null;
      isRead = true;
      into.set(bytes);
      return bytes.length;
    },
    cancel() {},
  };
  return new ClientResponse(200, new Fields(), body, undefined);
}

async function textOf({ responseBody: body }: Exchange): Promise<string> {
  assert.ok(body !== undefined && !(body instanceof Uint8Array));
  const into = new Uint8Array(100);
  return TEXT.decode(into.subarray(0, await body.read(into) ?? 0));
}

/** Gives the last good answer where the origin fails. */
const staleOnError: Around = (inner) => {
  let last: string | undefined;
  return {
    async fetch(request, call) {
      try {
        const { body } = await inner.fetch(request, call);
        const into = new Uint8Array(100);
        last = TEXT.decode(into.subarray(0, await body?.read(into) ?? 0));
      } catch (error) {
        if (!(error instanceof ClientError) || last === undefined) throw error;
        if (call.exchange !== undefined) call.exchange.findings.cachePhase = "stale";
      }
      return answerOf(last);
    },
  };
};

/** Asks up to three times; `attempts` has one entry for each. */
function retrying(attempts: string[]): Around {
  return (inner) => ({
    async fetch(request, call) {
      for (;;) {
        attempts.push(request.target);
        try {
          return await inner.fetch(request, call);
        } catch (error) {
          if (attempts.length === 3) throw error;
        }
      }
    },
  });
}

Deno.test("what an origin answers is the exchange's answer", async () => {
  const gateway = await gatewayOf(asks(originOf("fresh")));
  const exchange = await served(gateway);
  assert.equal(exchange.status, 200);
  assert.equal(await textOf(exchange), "fresh");
});

Deno.test("a wrapper can answer for an origin that fails with what it has had before", async () => {
  const gateway = await gatewayOf(asks(originOf("first")), { around: staleOnError });
  assert.equal(await textOf(await served(gateway)), "first");
  const stale = await served(gateway);
  assert.equal(await textOf(stale), "first");
  assert.deepEqual([stale.findings.cachePhase, stale.refusal], ["stale", undefined]);
});

Deno.test("a wrapper sees every attempt, and the last failure is a 502", async () => {
  const attempts: string[] = [];
  const gateway = await gatewayOf(asks(originOf()), { around: retrying(attempts) });
  const exchange = exchangeFixture({ authority: "shop.test", target: "/a?b" });
  const { status, refusal } = await served(gateway, exchange);
  assert.deepEqual(attempts, ["/a?b", "/a?b", "/a?b"]);
  assert.deepEqual([status, refusal?.cause], [502, "upstream"]);
});

Deno.test("of several wrappers the first module's is the outermost", async () => {
  const order: string[] = [];
  const named = (name: string): Steps => ({
    around: (inner) => ({
      fetch(request, call) {
        order.push(name);
        return inner.fetch(request, call);
      },
    }),
  });
  const gateway = await gatewayOf(named("outer"), asks(originOf("")), named("inner"));
  await served(gateway);
  assert.deepEqual(order, ["outer", "inner"]);
});

Deno.test("a lookup that finds an answer asks no origin", async () => {
  const lookup = (exchange: Exchange) => {
    exchange.status = 204;
  };
  const gateway = await gatewayOf(asks(originOf()), { lookup });
  assert.equal((await served(gateway)).status, 204);
});

Deno.test("a failure step is waited for, and its answer gets the answer policy", async () => {
  const failure = async (exchange: Exchange) => {
    await Promise.resolve();
    await Promise.resolve();
    exchange.responseBody = new TextEncoder().encode("sorry");
    exchange.hasErrorPage = true;
  };
  const response = (exchange: Exchange) => exchange.response.append("x-policy", "1");
  const gateway = await gatewayOf(asks(originOf()), { failure, response });
  const exchange = await served(gateway);
  assert.equal(exchange.status, 502);
  assert.ok(exchange.responseBody instanceof Uint8Array);
  assert.equal(TEXT.decode(exchange.responseBody), "sorry");
  assert.equal(exchange.response.get("x-policy"), "1");
});

Deno.test("a failure step that fails is a fault of the program", async () => {
  const failure = () => Promise.reject(new Error("no"));
  const gateway = await gatewayOf(asks(originOf()), { failure });
  assert.equal((await served(gateway)).status, 500);
});

Deno.test("an origin whose client has gone makes no answer", async () => {
  const exchange = exchangeFixture({ authority: "shop.test" });
  const origin: Origin = {
    fetch(_request, call) {
      assert.equal(call.exchange, exchange);
      exchange.aborted = true;
      return Promise.reject(new ClientError("connect", "the client has gone"));
    },
  };
  await served(await gatewayOf(asks(origin)), exchange);
  assert.deepEqual([exchange.status, exchange.refusal], [0, undefined]);
});

Deno.test("every exchange that is over is looked at, refused before it has a route or by the codec as well", async () => {
  const seen: [string, number][] = [];
  const finished = ({ host, status }: Exchange) => void seen.push([host, status]);
  const gateway = await gatewayOf(asks(originOf("a")), { finished });
  await served(gateway);
  await served(gateway);
  await served(gateway, exchangeFixture({ authority: "bad host" }));
  const broken = gateway.create(exchangeFixture().connection);
  gateway.refuse(broken, 400, "broken framing");
  gateway.finish(broken);
  assert.deepEqual(seen, [["shop.test", 200], ["shop.test", 502], ["", 400], ["", 400]]);
});

Deno.test("what looks at finished exchanges cannot keep one from being released", async () => {
  const finished = () => {
    throw new Error("no");
  };
  let isReleased = false;
  const access = (exchange: Exchange) => {
    exchange.hold({ release: () => isReleased = true });
    refuse(exchange, { status: 403, text: "", cause: "access" });
  };
  await served(await gatewayOf({ access }, { finished }));
  assert.ok(isReleased);
});
