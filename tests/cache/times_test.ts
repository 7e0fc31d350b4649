/** How long caches take, in a scrape and in spans (spec 06 sections B4 and C3). */
import assert from "node:assert/strict";
import { Collector, valueOf } from "../peers/collector.ts";
import { Balanced } from "../testing/balanced.ts";
import { Caching, image } from "../testing/caching.ts";
import { freePort, until } from "../testing/peer.ts";

function tracedTo({ port }: Collector, metrics: number): string {
  return `[metrics]
enabled = true
listen = "127.0.0.1:${metrics}"
[tracing]
enabled = true
[tracing.otlp]
enabled = true
endpoint = "http://127.0.0.1:${port}/v1/traces"
`;
}

Deno.test("look-ups and waits for another fetch are measured by their phase", async () => {
  await using collector = await Collector.start();
  const port = freePort();
  let answer = () => {};
  await using caching = await Caching.start(
    (_, response) => answer = () => image(response),
    "",
    { root: tracedTo(collector, port), threads: 1 },
  );
  const { process } = caching.gateway;
  await until(
    "the services run",
    () => ["control", "telemetry"].every((role) => process.output.includes(`service ${role} runs`)),
  );
  const first = caching.get("/a.png");
  await until("it is asked for", () => caching.asked === 1);
  const second = caching.get("/a.png");
  const line = (phase: string, operation: string) =>
    `fluxheim_cache_operation_duration_seconds_count{scope="vhost",vhost="a",route="",phase="${phase}",operation="${operation}"} 1`;
  let text = "";
  const scrape = async () => text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  await until("both are there", async () => /requests_in_flight 2\n/.test(await scrape()));
  answer();
  assert.equal((await first).cache, "MISS");
  assert.equal((await second).cache, "HIT");
  await until("they are counted", async () => (await scrape()).includes(line("hit", "lookup")));
  assert.ok(text.includes(line("hit", "lock_wait")), text);
  assert.ok(text.includes(line("miss", "lookup")));
  assert.ok(!text.includes('phase="miss",operation="lock_wait"'));
  await until(
    "the spans are there",
    () => collector.spans.filter(({ kind }) => kind === 2).length === 2,
  );
  assert.deepEqual(collector.faults, []);
  const lookup = "fluxheim.cache.lookup.duration_ms";
  const wait = "fluxheim.cache.lock_wait.duration_ms";
  const servers = collector.spans.filter(({ kind }) => kind === 2);
  for (const span of servers) {
    const { value } = span.attributes.find(({ key }) => key === lookup) ?? {};
    assert.deepEqual(Object.keys(value ?? {}), ["doubleValue"]);
  }
  assert.equal(servers.filter((span) => valueOf(span, wait) !== undefined).length, 1);
  const parts = collector.spans.filter(({ name }) => name === "cache lookup");
  assert.deepEqual(parts.map(({ kind }) => kind), [1, 1]);
  assert.deepEqual(
    new Set(parts.map(({ parentSpanId }) => parentSpanId)),
    new Set(servers.map(({ spanId }) => spanId)),
  );
  const phases = servers.map((span) => valueOf(span, "fluxheim.cache.phase"));
  assert.deepEqual(phases.toSorted(), ["hit", "miss"]);
});

Deno.test("a span of a pool has its member's name and the retries, and no address", async () => {
  await using collector = await Collector.start();
  await using pool = await Balanced.start(
    2,
    'upstream_aliases = ["one", "two"]\n[proxy.load_balance.health_check]\nenabled = false\n',
    { root: tracedTo(collector, freePort()) },
  );
  await until(
    "spans are sent",
    () => pool.gateway.process.output.includes("service telemetry runs"),
  );
  await pool.get();
  await until("the span is there", () => collector.spans.some(({ kind }) => kind === 2));
  const span = collector.spans.find(({ kind }) => kind === 2)!;
  assert.match(String(valueOf(span, "fluxheim.load_balancer.upstream")), /^(?:one|two)$/);
  assert.equal(valueOf(span, "fluxheim.load_balancer.retries"), "0");
  assert.ok(!JSON.stringify(span).includes(pool.address(0)));
});
