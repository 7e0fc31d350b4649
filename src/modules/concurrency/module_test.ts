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
import { ZoneRegistry } from "../../zones/registry.ts";
import { module } from "./module.ts";
import { concurrencySchema } from "./schema.ts";

const REJECTED = (scope: string, route: string) =>
  `fluxheim_edge_policy_events_total{scope=${scope},vhost=shop,route=${route},policy=concurrency,outcome=reject}`;

function table(toml: Record<string, unknown>) {
  return concurrencySchema.parse({ enabled: true, max_in_flight: 1, ...toml });
}

Deno.test("a scope without a limit, or with one that is off, has no step and needs no zone", async () => {
  const off = concurrencySchema.parse({ max_in_flight: 0 });
  const config = configOf({ concurrency: off }, {});
  assert.deepEqual(needsOf(module, config, 1).zones, []);
  const running = await started(module, contextOf(config, [module]));
  assert.equal(running.plan(vhostScope(config)), undefined);
  assert.equal(running.plan(routeScope(config)), undefined);
});

Deno.test("a request beyond the limit is refused at once when none may wait", async () => {
  const config = configOf({ concurrency: table({}) });
  const context = contextOf(config, [module]);
  const step = (await started(module, context)).plan(vhostScope(config))?.concurrency;
  const first = run(step);
  assert.equal(first.status, 0);
  const second = run(step);
  assert.equal(second.status, 503);
  assert.equal(second.refusal?.text, "too many requests");
  assert.deepEqual(counted(context), { [REJECTED("vhost", "")]: 1 });
  first.releaseAll();
  assert.equal(run(step).status, 0);
});

Deno.test("a request beyond the limit waits for its turn", async () => {
  const config = configOf({ concurrency: table({ queue_timeout_ms: 5000 }) });
  const step = (await started(module, contextOf(config, [module]))).plan(vhostScope(config))
    ?.concurrency;
  const first = run(step);
  const second = exchangeFrom("192.0.2.2");
  const waiting = step?.(second);
  assert.ok(waiting instanceof Promise);
  first.releaseAll();
  await waiting;
  assert.equal(second.status, 0);
  second.releaseAll();
});

Deno.test("a request whose turn does not come in time is refused with the configured status", async () => {
  const config = configOf({ concurrency: table({ queue_timeout_ms: 20, status: 429 }) });
  const context = contextOf(config, [module]);
  const step = (await started(module, context)).plan(vhostScope(config))?.concurrency;
  const first = run(step);
  const second = exchangeFrom("192.0.2.2");
  await step?.(second);
  assert.equal(second.status, 429);
  assert.deepEqual(counted(context), { [REJECTED("vhost", "")]: 1 });
  first.releaseAll();
});

Deno.test("max_queue 0 lets four times max_in_flight wait", async () => {
  const config = configOf({ concurrency: table({ max_in_flight: 1, queue_timeout_ms: 5000 }) });
  const step = (await started(module, contextOf(config, [module]))).plan(vhostScope(config))
    ?.concurrency;
  const first = run(step);
  const waiting = Array.from({ length: 4 }, () => exchangeFrom("192.0.2.2"));
  const outcomes = waiting.map((exchange) => step?.(exchange));
  const fifth = exchangeFrom("192.0.2.3");
  await step?.(fifth);
  assert.equal(fifth.status, 503);
  for (const exchange of waiting) exchange.onAbort?.();
  await Promise.all(outcomes);
  first.releaseAll();
});

Deno.test("a route that refuses gives its vhost's permit back at once", async () => {
  const config = configOf(
    { concurrency: table({ max_in_flight: 2 }) },
    { concurrency: table({ max_in_flight: 1 }) },
  );
  const context = contextOf(config, [module]);
  const running = await started(module, context);
  const vhost = running.plan(vhostScope(config))?.concurrency;
  const route = running.plan(routeScope(config))?.concurrency;
  const first = run(vhost);
  route?.(first);
  const second = run(vhost);
  route?.(second);
  assert.equal(second.status, 503);
  const third = run(vhost);
  assert.equal(third.status, 0);
  assert.deepEqual(counted(context), { [REJECTED("route", "api")]: 1 });
  for (const exchange of [first, second, third]) exchange.releaseAll();
  assert.match(running.explain?.(vhostScope(config), first) ?? "", /^0 of 2 in flight/);
});

Deno.test("another limit holds when its configuration is adopted, not when it is prepared", async () => {
  const config = configOf({ concurrency: table({}) });
  const context = contextOf(config, [module]);
  const step = (await started(module, context)).plan(vhostScope(config))?.concurrency;
  run(step);
  const wider = configOf({ concurrency: table({ max_in_flight: 2 }) });
  const { registry } = contextOf(wider, [module], { registry: context.registry });
  const next = (await started(module, { ...context, config: wider })).plan(vhostScope(wider));
  assert.equal(run(step).status, 503);
  assert.deepEqual(registry.apply(), []);
  assert.equal(run(step).status, 0);
  assert.equal(run(next?.concurrency).status, 503);
});

Deno.test("a shorter queue and none keep the memory, a much longer one gets another", () => {
  const sizes = [200, 10, 0, 50, 5000].map((max_queue) => {
    const timeout = max_queue === 0 ? 0 : 1000;
    return configOf({ concurrency: table({ max_queue, queue_timeout_ms: timeout }) });
  });
  let { registry } = contextOf(sizes[0], [module]);
  const memories = sizes.map((config) => {
    const [request] = needsOf(module, config, 2).zones ?? [];
    registry = registry.next([request]);
    return registry.sentTo("edge", 0).get(request.name)?.buffer;
  });
  assert.deepEqual(memories.map((memory) => memory === memories[0]), [
    true,
    true,
    true,
    true,
    false,
  ]);
});

Deno.test("a lost worker's permits come back", async () => {
  const config = configOf({ concurrency: table({}) });
  const mine = contextOf(config, [module]);
  const lost = contextOf(config, [module], { registry: mine.registry, worker: 1 });
  run((await started(module, lost)).plan(vhostScope(config))?.concurrency);
  const step = (await started(module, mine)).plan(vhostScope(config))?.concurrency;
  assert.equal(run(step).status, 503);
  assert.deepEqual(ZoneRegistry.reclaim([mine.registry], 1), []);
  assert.equal(run(step).status, 0);
});

Deno.test("explain tells the load and takes no permit", async () => {
  const config = configOf({ concurrency: table({ queue_timeout_ms: 50, max_queue: 1 }) });
  const running = await started(module, contextOf(config, [module]));
  const scope = vhostScope(config);
  const step = running.plan(scope)?.concurrency;
  const ask = () => running.explain?.(scope, exchangeFrom("192.0.2.1"));
  assert.equal(ask(), "0 of 1 in flight, 0 of 1 waiting");
  const first = run(step);
  assert.equal(ask(), "1 of 1 in flight, 0 of 1 waiting: waits up to 50 ms");
  const second = exchangeFrom("192.0.2.2");
  const waiting = step?.(second);
  assert.equal(ask(), "1 of 1 in flight, 1 of 1 waiting: refused with 503");
  await waiting;
  first.releaseAll();
});

Deno.test("a zero or missing max_in_flight is refused with the key", () => {
  const problems = (value: unknown) => {
    const result = concurrencySchema.safeParse(value);
    return result.success ? [] : result.error.issues.map((i) => [i.path.join("."), i.message]);
  };
  assert.deepEqual(problems({ enabled: true, max_in_flight: 0 }), [
    ["max_in_flight", "must be from 1 to 1000000"],
  ]);
  assert.deepEqual(problems({ enabled: true }), [
    ["max_in_flight", "must be given when concurrency.enabled is true"],
  ]);
});

Deno.test("a length for a queue in which no request may wait is a warning", () => {
  const problems = (toml: Record<string, unknown>) =>
    module.check?.(configOf({}, { concurrency: table(toml) })) ?? [];
  const [{ key, message, warning }] = problems({ max_queue: 5 });
  assert.equal(key, "vhosts[0].routes[0].concurrency.max_queue");
  assert.match(message, /^5 has no effect while queue_timeout_ms is 0/);
  assert.equal(warning, true);
  assert.deepEqual(problems({ max_queue: 5, queue_timeout_ms: 1 }), []);
  assert.deepEqual(problems({ max_queue: 5, enabled: false }), []);
  assert.deepEqual(problems({}), []);
});
