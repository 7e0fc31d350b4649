/** What a scrape and a collector have of PHP (spec 07 section 21). */
import assert from "node:assert/strict";
import { Collector, valueOf } from "../peers/collector.ts";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, until } from "../testing/peer.ts";
import { PhpFpm, testWithPhp } from "../testing/php_fpm.ts";

testWithPhp("times, idle connections and outcomes are in a scrape, and in spans", async () => {
  await using fpm = await PhpFpm.start({
    "index.php": "<?php echo 'hello';",
    "slow.php": "<?php usleep(20000); http_response_code(503);",
  });
  await using collector = await Collector.start();
  const port = freePort();
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 1
[metrics]
enabled = true
listen = "127.0.0.1:${port}"
[tracing]
enabled = true
[tracing.otlp]
enabled = true
endpoint = "http://127.0.0.1:${collector.port}/v1/traces"
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
[vhosts.php]
enabled = true
root = "${fpm.root}"
[vhosts.php.fpm]
socket = "${fpm.socket}"
keepalive = true
`);
  await gateway.process.listening(port);
  await until("spans are sent", () => gateway.process.output.includes("service telemetry runs"));
  for (const path of ["/index.php", "/index.php", "/slow.php"]) {
    await (await fetch(gateway.url(path))).text();
  }
  const scrape = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const value = (text: string, series: string) =>
    text.split("\n").find((line) => line.startsWith(`${series} `))?.split(" ").at(-1);
  let text = "";
  await until("a connection is idle", async () => {
    text = await scrape();
    const idle = 'fluxheim_php_fpm_pool_idle_connections{vhost="app",pool="default"}';
    return value(text, idle) === "1";
  });
  const labels = (status: string) =>
    `vhost="app",method="GET",outcome="response",status_class="${status}"`;
  const duration = "fluxheim_php_request_duration_seconds";
  assert.equal(value(text, `${duration}_count{${labels("2xx")}}`), "2");
  assert.equal(value(text, `${duration}_count{${labels("5xx")}}`), "1");
  assert.equal(value(text, `${duration}_bucket{${labels("5xx")},le="0.01"}`), "0");
  assert.ok(Number(value(text, `${duration}_sum{${labels("5xx")}}`)) >= 0.02);
  assert.equal(value(text, `fluxheim_php_requests_total{${labels("2xx")}}`), "2");
  assert.equal(
    value(text, 'fluxheim_upstream_duration_seconds_count{vhost="app",route=""}'),
    "3",
  );
  await until("the spans are there", () => collector.spans.length >= 6);
  const servers = collector.spans.filter(({ kind }) => kind === 2);
  assert.equal(servers.length, 3);
  for (const span of servers) {
    assert.equal(valueOf(span, "fluxheim.php.runtime"), "php-fpm");
    assert.equal(valueOf(span, "fluxheim.php.outcome"), "response");
    assert.ok(!JSON.stringify(span.attributes).includes("index.php"));
  }
});
