/** Traces through a real gateway: what upstreams, the log and a collector learn. */
import assert from "node:assert/strict";
import { Collector, type Span, valueOf } from "../peers/collector.ts";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, until } from "../testing/peer.ts";
import { Upstream } from "../testing/upstream.ts";

interface Setting {
  /** In `[server]`. */
  readonly server?: string;
  /** In `[tracing]` and below. */
  readonly tracing?: string;
  /** Further tables. */
  readonly more?: string;
}

function configText(
  upstream: number,
  { server = "", tracing = "", more = "" }: Setting,
  listen: readonly string[],
): string {
  return `
[server]
listen = ${JSON.stringify(["127.0.0.1:{port}", ...listen])}
${server}
[server.process]
pid_file = "{dir}/fluxheim.pid"
threads = 1
graceful_shutdown_timeout_seconds = 5
[tracing]
enabled = true
${tracing}
${more}
[[vhosts]]
name = "shop"
hosts = ["127.0.0.1"]
[vhosts.proxy]
upstream = "127.0.0.1:${upstream}"
[[vhosts.routes]]
name = "api"
path_prefix = "/api"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream}"
[vhosts.routes.proxy.auth_request]
enabled = true
url = "http://127.0.0.1:${upstream}/auth"
`;
}

async function started(setting: Setting, listen: readonly string[] = []) {
  await using made = new AsyncDisposableStack();
  const upstream = made.use(
    await Upstream.start((request, response) => {
      if (request.url === "/broken") response.statusCode = 500;
      response.end("ok");
    }),
  );
  const gateway = made.use(await TestGateway.start(configText(upstream.port, setting, listen)));
  await until(
    "services run",
    () =>
      ["control", "telemetry"].every((role) =>
        setting.more?.includes(role === "control" ? "[metrics]" : ".otlp]") !== true ||
        gateway.process.output.includes(`the service ${role} runs`)
      ),
  );
  const stack = made.move();
  return {
    gateway,
    upstream,
    /** What the upstream sees of a request with these fields. */
    async ask(fields: Readonly<Record<string, string>> = {}, path = "/") {
      const answer = await fetch(gateway.url(path), { headers: fields });
      await answer.body?.cancel();
      assert.equal(answer.headers.get("traceparent"), null, "it is not reflected");
      return upstream.last.headers;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

Deno.test("a request without a trace begins one, without a flag", async () => {
  await using run = await started({});
  const { traceparent, tracestate } = await run.ask({ tracestate: "a=b" });
  assert.match(String(traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.equal(tracestate, undefined, "a state without a parent is of no trace");
});

Deno.test("a trace goes on with another span, its flag only from trusted peers", async () => {
  for (const [server, flag] of [["", "00"], ['trusted_proxies = ["127.0.0.1"]', "01"]]) {
    await using run = await started({ server });
    const { traceparent, tracestate } = await run.ask({
      traceparent: `00-${TRACE.toUpperCase()}-${PARENT}-ff`,
      tracestate: "vendor=1, other@sys=a b",
    });
    const found = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(..)$/.exec(String(traceparent));
    assert.equal(found?.[1], TRACE);
    assert.notEqual(found?.[2], PARENT);
    assert.equal(found?.[3], flag);
    assert.equal(tracestate, "vendor=1,other@sys=a b");
  }
});

Deno.test("what is not a traceparent begins a new trace", async () => {
  await using run = await started({});
  for (
    const wrong of [
      `01-${TRACE}-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-01-more`,
      `00-${"0".repeat(32)}-${PARENT}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.slice(1)}g-${PARENT}-01`,
    ]
  ) {
    const { traceparent } = await run.ask({ traceparent: wrong, tracestate: "a=b" });
    assert.match(String(traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/, wrong);
    assert.ok(!String(traceparent).includes(TRACE), wrong);
  }
});

Deno.test("the client cannot talk the gateway's field away, nor send another spelling", async () => {
  await using run = await started({});
  const { stdout } = await new Deno.Command("curl", {
    args: [
      "-s",
      "-o",
      "/dev/null",
      "-H",
      "Connection: traceparent",
      "-H",
      "traceparent_: x",
      "-H",
      `traceparent: 00-${TRACE}-${PARENT}-01`,
      run.gateway.url("/"),
    ],
  }).output();
  assert.equal(stdout.length, 0);
  assert.match(String(run.upstream.last.headers.traceparent), new RegExp(`^00-${TRACE}-`));
});

Deno.test("the access record has the trace", async () => {
  await using run = await started({});
  await run.ask({ traceparent: `00-${TRACE}-${PARENT}-00` });
  await until("it is logged", () => run.gateway.process.output.includes(`"trace_id":"${TRACE}"`));
});

function otlp(port: number, more = "", host = "127.0.0.1"): string {
  return `[tracing.otlp]
enabled = true
endpoint = "http://${host}:${port}/v1/traces"
service_name = "edge"
${more}`;
}

Deno.test("a collector gets a span for each request, with children for what it waited for", async () => {
  await using collector = await Collector.start();
  await using run = await started({ more: otlp(collector.port) });
  await run.ask({ traceparent: `00-${TRACE}-${PARENT}-00`, tracestate: "a=b" }, "/?q=secret");
  await run.ask({}, "/broken");
  await run.ask({}, "/api/x");
  const servers = () => collector.spans.filter(({ kind }) => kind === 2);
  await until("all are exported", () => servers().length >= 3);
  assert.deepEqual(collector.faults, []);
  const [first, broken, api] = servers();
  assert.equal(first.traceId, TRACE);
  assert.equal(first.parentSpanId, PARENT);
  assert.equal(first.traceState, "a=b");
  assert.equal(first.name, "HTTP GET");
  assert.equal(first.status.code, 1);
  assert.equal(valueOf(first, "http.request.method"), "GET");
  assert.equal(valueOf(first, "http.response.status_code"), "200");
  assert.equal(valueOf(first, "http.response.body.size"), "2");
  assert.equal(valueOf(first, "fluxheim.vhost"), "shop");
  assert.equal(valueOf(first, "error"), false);
  assert.equal(valueOf(first, "fluxheim.route"), undefined);
  assert.equal(broken.status.code, 2);
  assert.equal(broken.parentSpanId, undefined);
  assert.equal(valueOf(api, "fluxheim.route"), "api");
  const childrenOf = ({ spanId }: Span) =>
    collector.spans.filter(({ parentSpanId }) => parentSpanId === spanId).map(({ name }) => name);
  assert.deepEqual(childrenOf(first), ["upstream connect", "upstream wait"]);
  assert.deepEqual(childrenOf(broken), ["upstream wait"], "on a connection that was there");
  assert.ok(childrenOf(api).includes("auth request"));
  assert.ok(!JSON.stringify(collector.spans).includes("secret"));
  assert.equal(collector.connections, 1, "the connection is kept");
});

Deno.test("traces are sampled by ratio, and by what a trusted peer has decided", async () => {
  await using collector = await Collector.start();
  await using run = await started({
    server: 'trusted_proxies = ["127.0.0.1"]',
    tracing: 'sampling = { mode = "parent", ratio_per_mille = 0 }',
    more: otlp(collector.port),
  });
  const { traceparent: own } = await run.ask();
  assert.match(String(own), /-00$/, "none of its own");
  const { traceparent: not } = await run.ask({ traceparent: `00-${TRACE}-${PARENT}-00` });
  assert.match(String(not), /-00$/);
  const { traceparent: chosen } = await run.ask({ traceparent: `00-${TRACE}-${PARENT}-01` });
  assert.match(String(chosen), /-01$/);
  await until("one is exported", () => collector.spans.some(({ kind }) => kind === 2));
  assert.deepEqual(
    collector.spans.filter(({ kind }) => kind === 2).map(({ traceId }) => traceId),
    [TRACE],
  );
});

for (const [status, what] of [[0, "never answers"], [500, "answers 500"], [503, "is busy"]]) {
  Deno.test(`a collector that ${what} delays no request, and what is lost is counted`, async () => {
    await using collector = await Collector.start();
    collector.status = Number(status);
    const port = freePort();
    await using run = await started({
      more: `${otlp(collector.port, "queue_size = 50\ntimeout_secs = 1")}
[metrics]
enabled = true
listen = "127.0.0.1:${port}"`,
    });
    const scraped = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
      const text = await answer.text();
      const number = (start: string) =>
        Number(text.split("\n").find((line) => line.startsWith(start))?.split(" ").at(-1) ?? 0);
      return {
        lost: number('fluxheim_trace_spans_dropped_total{reason="queue_full"}') +
          number('fluxheim_trace_spans_dropped_total{reason="refused"}'),
        queued: number("fluxheim_trace_spans_queued"),
        exported: number("fluxheim_trace_spans_exported_total"),
      };
    };
    for (let i = 0; i < 200; i++) await run.ask();
    await until("spans are lost", async () => (await scraped()).lost >= 100);
    collector.status = 200;
    await until("spans come again", async () => {
      await run.ask();
      return collector.spans.length > 0;
    });
    await until("none waits", async () => (await scraped()).queued === 0);
    assert.deepEqual(collector.faults, []);
    assert.ok((await scraped()).exported > 0);
  });
}

Deno.test("a collector that is dead does not keep the gateway from ending", async () => {
  await using collector = await Collector.start();
  collector.status = 0;
  const run = await started({ more: otlp(collector.port) });
  for (let i = 0; i < 20; i++) await run.ask();
  await until("a message is under way", () => collector.posts > 0);
  await run[Symbol.asyncDispose]();
});

Deno.test("a collector behind the gateway itself sees a span for each message, and no more", async () => {
  await using collector = await Collector.start();
  const port = freePort();
  await using run = await started({
    server: "",
    more: `${otlp(port, "", "127.0.0.2")}
[[vhosts]]
name = "collector"
hosts = ["127.0.0.2"]
[vhosts.proxy]
upstream = "127.0.0.1:${collector.port}"
`,
  }, [`127.0.0.2:${port}`]);
  await run.ask();
  await until("some messages have come", () => collector.posts >= 4);
  const spans = collector.spans.filter(({ kind }) => kind === 2);
  // One of the request, and at most one of each message before the last.
  assert.ok(
    spans.length <= collector.posts,
    `${spans.length} spans in ${collector.posts} messages`,
  );
  assert.deepEqual(collector.faults, []);
});

Deno.test("metrics are exported as well", async () => {
  await using collector = await Collector.start();
  await using run = await started({
    more: `[metrics]
enabled = true
listen = "127.0.0.1:${freePort()}"
[metrics.otlp]
enabled = true
endpoint = "http://127.0.0.1:${collector.port}/v1/metrics"
interval_secs = 1`,
  });
  await run.ask();
  const found = (name: string) => collector.metrics.filter((metric) => metric.name === name).at(-1);
  await until(
    "requests are exported",
    () => found("fluxheim_proxy_requests_total")?.sum?.dataPoints[0].asDouble === 1,
  );
  assert.deepEqual(collector.faults, []);
  assert.equal(found("fluxheim_proxy_requests_total")?.unit, "1");
  const duration = found("fluxheim_request_duration_seconds");
  assert.equal(duration?.unit, "s");
  assert.equal(duration?.histogram?.dataPoints[0].count, "1");
  assert.ok(found("fluxheim_worker_heap_used_bytes")?.gauge !== undefined);
  await until(
    "exports are counted",
    () => found("fluxheim_metrics_otlp_exports_total") !== undefined,
  );
});
