/**
 * The order of refusals (spec 02 section 3): a request that breaks every rule at once is answered by
 * the first of them; then the next, as one after the other is kept.
 */
import assert from "node:assert/strict";
import { TestGateway } from "../support/gateway.ts";
import { RawClient } from "../support/raw.ts";
import { Upstream } from "../support/upstream.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
[server.host_routing]
strict = true
[server.limits]
max_request_body_bytes = 10

[[vhosts]]
name = "shop"
hosts = ["shop.test"]
access = { deny = ["192.0.2.1"] }
rate_limit = { enabled = true, requests_per_second = 1, burst = 1 }
concurrency = { enabled = true, max_in_flight = 1 }

[[vhosts.routes]]
name = "grpc"
path_prefix = "/api"
grpc = { enabled = true }
proxy = { upstream = "127.0.0.1:{upstream}", upstream_http_version = "http2" }

[[vhosts.routes]]
name = "slow"
path_prefix = "/slow"
proxy = { upstream = "127.0.0.1:{upstream}" }
`;

/** One request that keeps the rules named here and breaks all others. */
interface Kept {
  readonly host?: boolean;
  readonly path?: boolean;
  readonly access?: boolean;
  /** An address that has not asked yet; one that has is out of tokens. */
  readonly from?: string;
  readonly body?: boolean;
  readonly method?: boolean;
}

async function ask(port: number, kept: Kept): Promise<{ status: number; body: string }> {
  using client = await RawClient.connect(port);
  const from = kept.access ? kept.from ?? "198.51.100.1" : "192.0.2.1";
  const method = kept.method ? "POST" : "PUT";
  await client.send(
    `${method} /api${kept.path ? "" : "/../x"} HTTP/1.1\r\n` +
      `host: ${kept.host ? "shop.test" : "other.test"}\r\n` +
      `x-forwarded-for: ${from}\r\n` +
      `content-length: ${kept.body ? 0 : 11}\r\n\r\n`,
  );
  const answer = await client.answer();
  assert.ok(answer !== undefined);
  return { status: answer.status, body: answer.body };
}

Deno.test("the first rule that a request breaks answers it", async () => {
  let arrived = () => {};
  let finish = () => {};
  const waiting = new Promise<void>((resolve) => arrived = resolve);
  await using upstream = await Upstream.start((_request, response) => {
    finish = () => response.end("done");
    arrived();
  });
  await using gateway = await TestGateway.start(
    CONFIG.replaceAll("{upstream}", String(upstream.port)),
  );
  const { port } = gateway;

  // Somebody holds the only permit and has used the only token of his address.
  using slow = await RawClient.connect(port);
  await slow.send("GET /slow HTTP/1.1\r\nhost: shop.test\r\nx-forwarded-for: 198.51.100.1\r\n\r\n");
  await waiting;

  assert.deepEqual(await ask(port, {}), { status: 421, body: "unknown host" });
  const host = { host: true };
  assert.deepEqual(await ask(port, host), { status: 400, body: "unsafe request path" });
  const path = { ...host, path: true };
  assert.deepEqual(await ask(port, path), { status: 403, body: "forbidden" });
  const access = { ...path, access: true };
  assert.deepEqual(await ask(port, access), { status: 429, body: "rate limited" });
  const rate = { ...access, from: "198.51.100.2" };
  assert.deepEqual(await ask(port, rate), { status: 503, body: "too many requests" });
  finish();
  await slow.answer();
  const concurrency = { ...access, from: "198.51.100.3" };
  assert.deepEqual(await ask(port, concurrency), { status: 413, body: "" });
  const body = { ...access, from: "198.51.100.4", body: true };
  assert.equal((await ask(port, body)).status, 405);
  const method = { ...body, from: "198.51.100.5", method: true };
  assert.equal((await ask(port, method)).status, 415);
});
