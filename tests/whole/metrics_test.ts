/** Metrics of a real gateway, checked by promtool and scraped by a real Prometheus. */
import assert from "node:assert/strict";
import { TestCertificate } from "../peers/tls.ts";
import { profile as fragile } from "../policy/fragile.ts";
import { type Build, TestGateway } from "../testing/gateway.ts";
import { find, freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";
import { Upstream } from "../testing/upstream.ts";

/** Names may be any text: this one has every character that the format escapes. */
const ODD = `'a"b\\c'`;

function configText(upstream: string, metrics: string, more = ""): string {
  return `
[server]
listen = ["127.0.0.1:{port}"]
control_hosts = ["metrics.internal"]
default_vhost = "shop"
[server.host_routing]
strict = true
[server.process]
pid_file = "{dir}/fluxheim.pid"
threads = 2
[metrics]
enabled = true
listen = "127.0.0.1:${metrics}"
${more}
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
[vhosts.proxy]
upstream = "${upstream}"
[[vhosts.routes]]
name = ${ODD}
path_exact = "/old"
[vhosts.routes.redirect]
to = "https://shop.test/new"
status = 308
[[vhosts.routes]]
name = "closed"
path_prefix = "/closed"
[vhosts.routes.proxy]
upstream = "${upstream}"
[vhosts.routes.access]
deny = ["127.0.0.0/8"]
`;
}

const FRAGILE: Build = { profile: fragile, entry: "tests/policy/fragile.ts" };

interface Scraped {
  readonly gateway: TestGateway;
  readonly upstream: Upstream;
  readonly base: string;
  get(path: string, host?: string): Promise<number>;
  scrape(): Promise<string>;
}

async function started(more = "", build?: Build): Promise<Scraped & AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  const upstream = made.use(await Upstream.start((_, response) => void response.end("ok")));
  const port = freePort();
  const config = configText(`127.0.0.1:${upstream.port}`, String(port), more);
  const gateway = made.use(await TestGateway.start(config, {}, build));
  await until("the service runs", () => /the service control runs/.test(gateway.process.output));
  const stack = made.move();
  const base = `http://127.0.0.1:${port}`;
  return {
    gateway,
    upstream,
    base,
    async get(path, host = "shop.test") {
      const { stdout } = await new Deno.Command("curl", {
        args: [
          "-s",
          "-o",
          "/dev/null",
          "-w",
          "%{http_code}",
          "-H",
          `Host: ${host}`,
          gateway.url(path),
        ],
      }).output();
      return Number(new TextDecoder().decode(stdout));
    },
    async scrape() {
      const response = await fetch(`${base}/metrics`);
      assert.equal(response.status, 200);
      assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
      return await response.text();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Value of the one sample whose line begins with `start`. */
function valueOf(text: string, start: string): number {
  const lines = text.split("\n").filter((line) => line.startsWith(start));
  assert.equal(lines.length, 1, `${start}: ${lines.join(" | ")}`);
  return Number(lines[0].slice(lines[0].lastIndexOf(" ") + 1));
}

async function promtool(args: readonly string[], input = ""): Promise<string> {
  const child = new Deno.Command("promtool", {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, text);
  return text;
}

testWith(
  ["promtool"],
  "every kind of request is counted, and promtool finds no fault",
  async () => {
    await using run = await started("route_histograms = true");
    assert.equal(await run.get("/"), 200);
    assert.equal(await run.get("/a?b=secret"), 200);
    assert.equal(await run.get("/old"), 308);
    assert.equal(await run.get("/closed/x"), 403);
    assert.equal(await run.get("/", "nobody.test"), 421);
    const total = 'fluxheim_proxy_requests_total{vhost="shop",method="GET",class=';
    await until("all are counted", async () => {
      const text = await run.scrape();
      return valueOr0(text, `${total}"success",status_class="2xx"}`) === 2;
    });
    const text = await run.scrape();
    assert.equal(await promtool(["check", "metrics"], text), "");
    assert.equal(valueOf(text, `${total}"redirect",status_class="3xx"}`), 1);
    assert.equal(valueOf(text, `${total}"client_error",status_class="4xx"}`), 1);
    assert.equal(valueOf(text, 'fluxheim_proxy_requests_total{vhost="unknown",'), 1);
    assert.equal(valueOf(text, 'fluxheim_host_routing_rejections_total{reason="unknown"}'), 1);
    assert.equal(
      valueOf(
        text,
        'fluxheim_edge_policy_events_total{scope="route",vhost="shop",route="closed",' +
          'policy="access",outcome="deny"}',
      ),
      1,
    );
    assert.equal(valueOf(text, 'fluxheim_requests_rejected_total{vhost="shop",cause="access"}'), 1);
    const durations = 'fluxheim_request_duration_seconds_count{vhost="shop",route=';
    assert.equal(valueOf(text, `${durations}""}`), 2);
    assert.equal(valueOf(text, `${durations}"a\\"b\\\\c"}`), 1);
    assert.equal(
      valueOf(text, 'fluxheim_upstream_duration_seconds_count{vhost="shop",route=""}'),
      2,
    );
    assert.ok(!/secret|shop\.test|127\.0\.0\.1(?!:\d+")/.test(text), "nothing of a client");
    assert.equal(valueOf(text, "fluxheim_requests_in_flight"), 0);
    for (
      const name of [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "fluxheim_build_info{",
        'fluxheim_worker_heap_used_bytes{worker="0"}',
        'fluxheim_worker_event_loop_lag_seconds{worker="1"}',
        'fluxheim_connections_accepted_total{listener="127.0.0.1:',
      ]
    ) {
      assert.ok(valueOf(text, name) >= 0, name);
    }
  },
);

/** As {@linkcode valueOf}, 0 for a sample that is not there yet. */
function valueOr0(text: string, start: string): number {
  return text.includes(`\n${start}`) ? valueOf(text, start) : 0;
}

Deno.test("the listener answers its own names, methods and path alone", async () => {
  await using run = await started();
  const ask = async (...args: string[]) => {
    const { stdout } = await new Deno.Command("curl", {
      args: ["-s", "-o", "/dev/null", "-w", "%{http_code}", ...args],
    }).output();
    return new TextDecoder().decode(stdout);
  };
  const url = `${run.base}/metrics`;
  assert.equal(await ask("-H", "Host: evil.example", url), "421");
  assert.equal(await ask("-H", "Host: metrics.internal", url), "200");
  assert.equal(await ask("-H", "Host: localhost:9091", url), "200");
  assert.equal(await ask("-I", url), "200");
  assert.equal(await ask("-d", "x", url), "405");
  assert.equal(await ask(`${run.base}/`), "404");
  assert.equal(await ask(`${run.base}/metrics?name=x`), "200");
});

Deno.test("no counter falls when a worker dies", async () => {
  await using run = await started("", FRAGILE);
  for (let i = 0; i < 20; i++) await run.get("/");
  const total = 'fluxheim_proxy_requests_total{vhost="shop",method="GET",class="success"';
  await until("all are counted", async () => valueOr0(await run.scrape(), total) === 20);
  const before = counters(await run.scrape());
  await run.get("/die");
  let last = before;
  await until("the worker was replaced", async () => {
    const now = counters(await run.scrape());
    for (const [name, value] of last) {
      assert.ok((now.get(name) ?? -1) >= value, `${name} ${now.get(name)} after ${value}`);
    }
    last = now;
    return /worker \d+ was replaced/.test(run.gateway.process.output);
  });
  const after = counters(await run.scrape());
  for (const [name, value] of last) assert.ok((after.get(name) ?? -1) >= value, name);
});

Deno.test("a worker that hangs delays no scrape, and keeps what it has counted", async () => {
  await using run = await started("", FRAGILE);
  for (let i = 0; i < 20; i++) await run.get("/");
  const total = 'fluxheim_proxy_requests_total{vhost="shop",method="GET",class="success"';
  await until("all are counted", async () => valueOr0(await run.scrape(), total) === 20);
  const before = counters(await run.scrape());
  using hanging = await Deno.connect({ hostname: "127.0.0.1", port: run.gateway.port });
  await hanging.write(new TextEncoder().encode("GET /spin HTTP/1.1\r\nHost: shop.test\r\n\r\n"));
  const seen = (text: string) =>
    [0, 1].map((worker) =>
      valueOf(text, `fluxheim_worker_seen_timestamp_seconds{worker="${worker}"}`)
    );
  await until("one of the workers is seen no more", async () => {
    const text = await run.scrape();
    const now = counters(text);
    for (const [name, value] of before) assert.ok((now.get(name) ?? -1) >= value, name);
    const [one, other] = seen(text);
    return Math.abs(one - other) >= 3;
  });
});

/** Every sample of a counter or histogram. */
function counters(text: string): Map<string, number> {
  const types = new Map<string, string>();
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) types.set(type[1], type[2]);
    if (line === "" || line.startsWith("#")) continue;
    const at = line.lastIndexOf(" ");
    const name = line.slice(0, line.search(/[{ ]/)).replace(/_(bucket|sum|count)$/, "");
    if (types.get(name) !== "gauge") found.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return found;
}

testWith(["prometheus"], "a real Prometheus scrapes it and answers queries", async () => {
  await using run = await started();
  await using dir = new TempDir();
  for (let i = 0; i < 3; i++) await run.get("/");
  const port = freePort();
  const target = run.base.replace("http://", "");
  dir.write(
    "prometheus.yml",
    `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: fluxheim
    static_configs: [{ targets: ["${target}"] }]
`,
  );
  const binary = find("prometheus");
  assert.ok(binary !== undefined);
  await using prometheus = new Process(binary, [
    `--config.file=${dir.path}/prometheus.yml`,
    `--storage.tsdb.path=${dir.path}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  await prometheus.listening(port);
  const query = async (expression: string): Promise<string | undefined> => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const response = await fetch(url);
    const text = await response.text();
    // It does not answer queries before it has read its log.
    if (!response.ok) return undefined;
    const { data } = JSON.parse(text);
    return data.result[0]?.value[1];
  };
  await until(
    "Prometheus has the requests",
    async () => await query('sum(fluxheim_proxy_requests_total{vhost="shop"})') === "3",
  );
  assert.equal(await query('up{job="fluxheim"}'), "1");
  assert.equal(
    await query('sum(fluxheim_request_duration_seconds_bucket{vhost="shop",le="+Inf"})'),
    "3",
  );
});

testWith(
  ["curl"],
  "handshakes, HTTP/2 streams and the end of a certificate are shown",
  async () => {
    await using certificate = new TestCertificate();
    const [tlsPort, port] = [freePort(), freePort()];
    await using gateway = await TestGateway.start(
      `
[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${tlsPort}"]
[server.process]
pid_file = "{dir}/fluxheim.pid"
threads = 1
[metrics]
enabled = true
listen = "127.0.0.1:${port}"
${certificate.tables}
[[vhosts]]
name = "site"
hosts = ["localhost"]
[vhosts.web]
root = "{dir}/www"
`,
      { "www/index.html": "page" },
    );
    await until("the service runs", () => /the service control runs/.test(gateway.process.output));
    const { success, stdout } = await new Deno.Command("curl", {
      args: ["-s", "--http2", "--cacert", certificate.rootPath, `https://localhost:${tlsPort}/`],
    }).output();
    assert.ok(success);
    assert.equal(new TextDecoder().decode(stdout), "page");
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    const text = await answer.text();
    assert.equal(
      valueOf(
        text,
        `fluxheim_tls_handshakes_total{listener="127.0.0.1:${tlsPort}",version="TLSv1.3"}`,
      ),
      1,
    );
    const accepted = `fluxheim_connections_accepted_total{listener="127.0.0.1:${tlsPort}"`;
    assert.equal(valueOf(text, `${accepted},protocol="h2"}`), 1);
    const expiry = valueOf(
      text,
      'fluxheim_tls_certificate_expiry_timestamp_seconds{certificate="tls.certificates[0]"}',
    );
    assert.ok(expiry > Date.now() / 1000, String(expiry));
    assert.equal(valueOf(text, "fluxheim_http2_streams"), 0);
    assert.equal(valueOf(text, "fluxheim_workers"), 1);
    assert.equal(valueOf(text, 'fluxheim_service_up{role="control"}'), 1);
  },
);

Deno.test("nothing is counted and no service runs where metrics are off", async () => {
  await using gateway = await TestGateway.start(
    `
[server]
listen = ["127.0.0.1:{port}"]
[server.process]
pid_file = "{dir}/fluxheim.pid"
threads = 1
[metrics]
enabled = false
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.web]
root = "{dir}/www"
`,
    { "www/index.html": "page" },
  );
  const answer = await fetch(gateway.url("/"));
  assert.equal(await answer.text(), "page");
  assert.doesNotMatch(gateway.process.output, /service control/);
});
