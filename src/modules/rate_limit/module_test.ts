import assert from "node:assert/strict";
import {
  configOf,
  contextOf,
  counted,
  exchangeFrom,
  needsOf,
  routeScope,
  run,
  started,
  vhostScope,
} from "../../gateway/testing/modules.ts";
import { module } from "./module.ts";
import { rateLimitSchema } from "./schema.ts";

const CLIENT = "192.0.2.1";

function table(toml: Record<string, unknown>) {
  return rateLimitSchema.parse({ enabled: true, requests_per_second: 1, ...toml });
}

/** Lets no time pass, and so no token come, until it is disposed of. */
function standstill(): Disposable {
  const { now } = performance;
  const at = now.call(performance);
  performance.now = () => at;
  return {
    [Symbol.dispose]() {
      performance.now = now;
    },
  };
}

Deno.test("a scope without a rate limit, or with one that is off, has no step and needs no zone", async () => {
  const off = rateLimitSchema.parse({ requests_per_second: 0 });
  const config = configOf({ rate_limit: off }, {});
  assert.deepEqual(needsOf(module, config, 1).zones, []);
  const running = await started(module, contextOf(config, [module]));
  assert.equal(running.plan(vhostScope(config)), undefined);
  assert.equal(running.plan(routeScope(config)), undefined);
  await running.stop();
});

Deno.test("a client past its burst gets 429 with Retry-After, and others go on", async () => {
  using _ = standstill();
  const config = configOf({ rate_limit: table({ burst: 2 }) });
  const context = contextOf(config, [module]);
  const running = await started(module, context);
  const steps = running.plan(vhostScope(config));
  assert.equal(run(steps?.rate).status, 0);
  assert.equal(run(steps?.rate).status, 0);
  const refused = run(steps?.rate);
  assert.equal(refused.status, 429);
  assert.equal(refused.refusal?.text, "rate limited");
  assert.equal(refused.response.get("retry-after"), "1");
  assert.equal(run(steps?.rate, exchangeFrom("192.0.2.2")).status, 0);
  assert.deepEqual(counted(context), {
    "fluxheim_edge_policy_events_total{scope=vhost,vhost=shop,route=,policy=rate_limit,outcome=reject}":
      1,
  });
  await running.stop();
});

Deno.test("burst 0 is as many tokens as the rate", async () => {
  const config = configOf({}, { rate_limit: table({ requests_per_second: 3 }) });
  const running = await started(module, contextOf(config, [module]));
  const rate = running.plan(routeScope(config))?.rate;
  for (let i = 0; i < 3; i++) assert.equal(run(rate).status, 0);
  assert.equal(run(rate).status, 429);
  await running.stop();
});

Deno.test("a wait of less than a millisecond is a wait, too", async () => {
  using _ = standstill();
  const limit = table({ requests_per_second: 10_000, burst: 1000, mode: "delay" });
  const config = configOf({ rate_limit: limit });
  const context = contextOf(config, [module]);
  const running = await started(module, context);
  const rate = running.plan(vhostScope(config))?.rate;
  // More than the burst, and no more than is lent: those behind it wait, the first for 0.1 ms.
  for (let i = 0; i < 1900; i++) assert.equal(run(rate).status, 0);
  const [name, ...others] = Object.keys(counted(context));
  assert.match(name, /outcome=delay/);
  assert.deepEqual(others, []);
  await running.stop();
});

Deno.test("two workers that share the zones share the buckets", async () => {
  using _ = standstill();
  const config = configOf({ rate_limit: table({ burst: 2, status: 503 }) });
  const first = contextOf(config, [module]);
  const second = contextOf(config, [module], { registry: first.registry, worker: 1 });
  const [one, two] = [await started(module, first), await started(module, second)];
  run(one.plan(vhostScope(config))?.rate);
  run(two.plan(vhostScope(config))?.rate);
  assert.equal(run(one.plan(vhostScope(config))?.rate).status, 503);
  assert.equal(run(two.plan(vhostScope(config))?.rate).status, 503);
  await one.stop();
  await two.stop();
});

Deno.test("clients of unknown address share one bucket", async () => {
  const config = configOf({ rate_limit: table({ burst: 1 }) });
  const running = await started(module, contextOf(config, [module]));
  const rate = running.plan(vhostScope(config))?.rate;
  assert.equal(run(rate, exchangeFrom("")).status, 0);
  assert.equal(run(rate, exchangeFrom("?")).status, 429);
  await running.stop();
});

Deno.test("reject_indeterminate refuses clients of unknown address", async () => {
  const config = configOf({ rate_limit: table({ reject_indeterminate: true }) });
  const running = await started(module, contextOf(config, [module]));
  assert.equal(run(running.plan(vhostScope(config))?.rate, exchangeFrom("")).status, 429);
  await running.stop();
});

Deno.test("a full table refuses new clients and keeps serving known ones", async () => {
  const config = configOf({ rate_limit: table({ burst: 5, table_max_entries: 1 }) });
  const running = await started(module, contextOf(config, [module]));
  const rate = running.plan(vhostScope(config))?.rate;
  assert.equal(run(rate).status, 0);
  assert.equal(run(rate, exchangeFrom("192.0.2.2")).status, 429);
  assert.equal(run(rate).status, 0);
  await running.stop();
});

Deno.test("delay mode lets a request wait for its token", async () => {
  const config = configOf({
    rate_limit: table({ requests_per_second: 20, burst: 1, mode: "delay", max_delay_ms: 1000 }),
  });
  const context = contextOf(config, [module]);
  const running = await started(module, context);
  const steps = running.plan(vhostScope(config));
  run(steps?.rate);
  const exchange = run(steps?.rate);
  assert.equal(exchange.status, 0);
  const before = performance.now();
  await steps?.delay?.(exchange);
  assert.ok(performance.now() - before > 40);
  assert.equal(exchange.status, 0);
  assert.deepEqual(counted(context), {
    "fluxheim_edge_policy_events_total{scope=vhost,vhost=shop,route=,policy=rate_limit,outcome=delay}":
      1,
  });
  await running.stop();
});

Deno.test("delay mode refuses who would wait longer than max_delay_ms", async () => {
  using _ = standstill();
  const config = configOf({
    rate_limit: table({ burst: 1, mode: "delay", max_delay_ms: 500 }),
  });
  const running = await started(module, contextOf(config, [module]));
  const rate = running.plan(vhostScope(config))?.rate;
  run(rate);
  assert.equal(run(rate).status, 429);
  await running.stop();
});

Deno.test("delay mode lends at most one burst", async () => {
  using _ = standstill();
  const config = configOf({
    rate_limit: table({ burst: 2, mode: "delay", max_delay_ms: 60_000 }),
  });
  const running = await started(module, contextOf(config, [module]));
  const rate = running.plan(vhostScope(config))?.rate;
  for (let i = 0; i < 4; i++) assert.equal(run(rate).status, 0);
  assert.equal(run(rate).status, 429);
  await running.stop();
});

Deno.test("vhost and route that both delay sleep once, for the longer wait", async () => {
  const slow = table({ requests_per_second: 10, burst: 1, mode: "delay" });
  const fast = table({ requests_per_second: 50, burst: 1, mode: "delay" });
  for (const [outer, inner] of [[fast, slow], [slow, fast]]) {
    const config = configOf({ rate_limit: outer }, { rate_limit: inner });
    const running = await started(module, contextOf(config, [module]));
    const vhost = running.plan(vhostScope(config));
    const route = running.plan(routeScope(config));
    let exchange = exchangeFrom(CLIENT);
    for (let i = 0; i < 2; i++) {
      exchange = exchangeFrom(CLIENT);
      run(vhost?.rate, exchange);
      run(route?.rate, exchange);
    }
    const before = performance.now();
    await vhost?.delay?.(exchange);
    const slept = performance.now() - before;
    assert.ok(slept > 80, `${slept} ms`);
    assert.equal(route?.delay?.(exchange), undefined);
    await running.stop();
  }
});

Deno.test("a client that goes away ends its wait", async () => {
  const config = configOf({
    rate_limit: table({ burst: 1, mode: "delay", max_delay_ms: 60_000 }),
  });
  const running = await started(module, contextOf(config, [module]));
  const steps = running.plan(vhostScope(config));
  run(steps?.rate);
  const exchange = run(steps?.rate);
  const waiting = steps?.delay?.(exchange);
  exchange.aborted = true;
  exchange.onAbort?.();
  await waiting;
  assert.equal(exchange.onAbort, undefined);
  await running.stop();
});

Deno.test("explain tells the verdict and takes no token", async () => {
  const config = configOf({ rate_limit: table({ burst: 1 }) });
  const running = await started(module, contextOf(config, [module]));
  const scope = vhostScope(config);
  const rate = running.plan(scope)?.rate;
  const ask = () => running.explain?.(scope, exchangeFrom(CLIENT));
  assert.equal(ask(), "1 a second, burst 1: 192.0.2.1 has a full bucket");
  assert.equal(ask(), "1 a second, burst 1: 192.0.2.1 has a full bucket");
  run(rate);
  assert.match(ask() ?? "", /^1 a second, burst 1: refused, 0\.\d tokens left for 192\.0\.2\.1$/);
  await running.stop();
});

Deno.test("a zero rate, a missing one and a delay of zero are refused with the key", () => {
  const keys = (value: unknown) => {
    const result = rateLimitSchema.safeParse(value);
    return result.success ? [] : result.error.issues.map((i) => [i.path.join("."), i.message]);
  };
  assert.deepEqual(keys({ enabled: true, requests_per_second: 0 }), [
    ["requests_per_second", "must be from 1 to 1000000"],
  ]);
  assert.deepEqual(keys({ enabled: true }), [
    ["requests_per_second", "must be given when rate_limit.enabled is true"],
  ]);
  assert.deepEqual(
    keys({ enabled: true, requests_per_second: 1, mode: "delay", max_delay_ms: 0 }),
    [["max_delay_ms", 'must be from 1 to 60000 with mode = "delay"']],
  );
});
