/**
 * A gateway with every module on, the peers that it needs, and a use of each module.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mmdbFile } from "../../src/modules/geoip/testing/mmdb.ts";
import { Collector } from "../peers/collector.ts";
import { TestCertificate } from "../peers/tls.ts";
import { PATIENT, TOKEN } from "./admin.ts";
import { freeUdpPort } from "./datagrams.ts";
import { TestGateway } from "./gateway.ts";
import { freePort, until } from "./peer.ts";
import { PHP_FPM, PhpFpm } from "./php_fpm.ts";
import { type Responder, Upstream } from "./upstream.ts";

/** Programs that it needs and this machine lacks, beside `curl`. */
export const MISSING: readonly string[] = PHP_FPM === undefined ? ["php-fpm8.2"] : [];

interface Ports {
  readonly tls: number;
  readonly metrics: number;
  readonly admin: number;
  readonly stream: number;
  readonly udp: number;
  readonly upstream: number;
  readonly other: number;
  readonly collector: number;
  readonly nobody: number;
}

function configText(ports: Ports, fpm: PhpFpm, certificate: TestCertificate): string {
  const upstream = `127.0.0.1:${ports.upstream}`;
  return `
[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${ports.tls}"]
[server.host_routing]
strict = true
[server.process]
pid_file = "{dir}/fluxheim.pid"
threads = 1
${certificate.tables}
[tls.acme]
enabled = true
storage = "{dir}/acme"
contact_email = "admin@shop.test"
default_issuer = "nobody"
[[tls.acme.issuers]]
name = "nobody"
directory_url = "https://127.0.0.1:${ports.nobody}/dir"
[metrics]
enabled = true
listen = "127.0.0.1:${ports.metrics}"
[metrics.otlp]
enabled = true
endpoint = "http://127.0.0.1:${ports.collector}/v1/metrics"
interval_secs = 1
[tracing]
enabled = true
[tracing.otlp]
enabled = true
endpoint = "http://127.0.0.1:${ports.collector}/v1/traces"
[admin]
enabled = true
dashboard = true
listen = "127.0.0.1:${ports.admin}"
token_file = "{dir}/token"
snapshot_store = "{dir}/store"
${PATIENT}
[geoip]
enabled = true
[[geoip.databases]]
provider = "maxmind"
path = "{dir}/geo.mmdb"
[cache_purger]
enabled = true
interval_secs = 1
[stream]
enabled = true
[[stream.routes]]
name = "mail"
listen = ["127.0.0.1:${ports.stream}"]
upstream = "${upstream}"
[udp]
enabled = true
[[udp.routes]]
name = "dns"
listen = ["127.0.0.1:${ports.udp}"]
upstream = "127.0.0.1:${ports.nobody}"
[[vhosts]]
name = "pool"
hosts = ["pool.test"]
[vhosts.proxy]
upstreams = ["${upstream}", "127.0.0.1:${ports.other}"]
upstream_aliases = ["one", "two"]
upstream_max_in_flight = [1, 1]
[vhosts.proxy.load_balance.queue]
max_waiting = 8
timeout_ms = 60000
[vhosts.proxy.load_balance.health_check]
enabled = false
[[vhosts.routes]]
name = "closed"
path_prefix = "/closed"
[vhosts.routes.proxy]
upstream = "${upstream}"
[vhosts.routes.access]
deny = ["127.0.0.0/8"]
[[vhosts]]
name = "cache"
hosts = ["cache.test"]
[vhosts.proxy]
upstream = "${upstream}"
[vhosts.compression]
enabled = true
[vhosts.cache]
enabled = true
[vhosts.cache.memory]
enabled = true
max_size_bytes = "128 MiB"
[vhosts.cache.disk]
enabled = true
path = "{dir}/cache"
[[vhosts]]
name = "php"
hosts = ["php.test"]
[vhosts.php]
enabled = true
root = "${fpm.root}"
[vhosts.php.fpm]
socket = "${fpm.socket}"
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
[vhosts.web]
root = "${fpm.root}"
[vhosts.tls]
enabled = true
[vhosts.tls.acme]
enabled = true
`;
}

/** The gateway, and what tests ask of it. */
export interface Run {
  readonly gateway: TestGateway;
  readonly collector: Collector;
  readonly ports: Ports;
  /** Answers to requests for `/held`. */
  readonly held: (() => void)[];
  ask(host: string, path: string, ...args: string[]): Promise<number>;
  scrape(): Promise<string>;
}

/** Starts it with its peers. */
export async function startEverything(): Promise<Run & AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  const fpm = made.use(await PhpFpm.start({ "index.php": "<?php echo 'hello';" }));
  const certificate = made.use(new TestCertificate());
  const collector = made.use(await Collector.start());
  const held: (() => void)[] = [];
  const respond: Responder = ({ url }, response) => {
    const answer = () => {
      response.setHeader("content-type", "text/css");
      response.setHeader("cache-control", "max-age=600");
      response.end("a { color: red } ".repeat(500));
    };
    if (url === "/held") held.push(answer);
    else answer();
  };
  const upstream = made.use(await Upstream.start(respond));
  const other = made.use(await Upstream.start(respond));
  const ports: Ports = {
    tls: freePort(),
    metrics: freePort(),
    admin: freePort(),
    stream: freePort(),
    udp: freeUdpPort(),
    upstream: upstream.port,
    other: other.port,
    collector: collector.port,
    nobody: freePort(),
  };
  const geo = mmdbFile({
    type: "GeoLite2-Country",
    networks: { "127.0.0.0/8": { country: { iso_code: "AQ" }, autonomous_system_number: 64496 } },
  });
  const gateway = made.use(
    await TestGateway.start(configText(ports, fpm, certificate), {
      token: TOKEN,
      "geo.mmdb": geo,
    }),
  );
  const services = ["control", "telemetry", "store", "balancer", "acme", "udp"];
  await until(
    "the services run",
    () => services.every((role) => gateway.process.output.includes(`the service ${role} runs`)),
  );
  const stack = made.move();
  return {
    gateway,
    collector,
    ports,
    held,
    async ask(host, path, ...args) {
      const { stdout } = await new Deno.Command("curl", {
        args: [
          ...["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", `Host: ${host}`],
          ...args,
          gateway.url(path),
        ],
      }).output();
      return Number(new TextDecoder().decode(stdout));
    },
    async scrape() {
      return await (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Makes use of every module. */
export async function useEverything({ ask, gateway, ports, held, scrape }: Run): Promise<void> {
  // Each member takes one request at a time: a third one waits in the queue.
  const both = [ask("pool.test", "/held"), ask("pool.test", "/held")];
  await until("the members have them", () => held.length === 2);
  const third = ask("pool.test", "/");
  await until("one waits", async () => /\nfluxheim_requests_in_flight 3\n/.test(await scrape()));
  for (const answer of held) answer();
  assert.deepEqual(await Promise.all([...both, third]), [200, 200, 200]);
  assert.equal(await ask("pool.test", "/closed"), 403);
  for (let i = 0; i < 2; i++) {
    assert.equal(await ask("cache.test", "/a.css", "-H", "Accept-Encoding: gzip"), 200);
  }
  assert.equal(await ask("php.test", "/index.php"), 200);
  assert.equal(await ask("nobody.test", "/"), 421);
  // A method of no meaning to the upstream, which says so.
  assert.equal(await ask("pool.test", "/", "-X", "BREW"), 400);
  const { success } = await new Deno.Command("curl", {
    args: ["-s", "-k", "--http2", `https://127.0.0.1:${ports.tls}/`, "-H", "Host: cache.test"],
  }).output();
  assert.ok(success);
  {
    using stream = await Deno.connect({ hostname: "127.0.0.1", port: ports.stream });
    await stream.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    await stream.closeWrite();
    for await (const _ of stream.readable) { /* To its end. */ }
  }
  {
    // This is no handshake.
    using odd = await Deno.connect({ hostname: "127.0.0.1", port: ports.tls });
    await odd.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    await odd.closeWrite();
    for await (const _ of odd.readable) { /* To its end. */ }
  }
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const target = { transport: "udp", hostname: "127.0.0.1", port: ports.udp } as const;
  await socket.send(new Uint8Array(8), target);
  socket.close();
  const admin = (path: string, token: string, fields: Readonly<Record<string, string>> = {}) =>
    fetch(`http://127.0.0.1:${ports.admin}/_fluxheim/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, ...fields },
    }).then(async (answer) => {
      await answer.body?.cancel();
      return answer.status;
    });
  assert.equal(await admin("snapshot", "wrong"), 401);
  assert.equal(await admin("cache/purge-index?vhost=cache", TOKEN), 200);
  assert.ok(gateway.process.status === undefined);
}
