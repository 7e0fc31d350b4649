/**
 * The order of refusals (spec 02 section 3): a request that breaks every rule at once is answered by the
 * first of them; then by the next, as one after the other is kept.
 */
import assert from "node:assert/strict";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { TestGateway } from "../support/gateway.ts";
import { freePort } from "../support/peer.ts";
import { RawClient } from "../support/raw.ts";
import { Upstream } from "../support/upstream.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:0"]
trusted_proxies = ["127.0.0.1"]
host_routing = { strict = true }
https_redirect = { enabled = true }
[server.limits]
max_request_headers = 9
max_uri_bytes = 64
max_request_body_bytes = 10

[tls]
enabled = true
certificates = [{ cert_path = "{dir}/tls/cert.pem", key_path = "{dir}/tls/key.pem" }]

[[vhosts]]
name = "shop"
hosts = ["shop.test"]
access = { deny = ["192.0.2.1"] }
rate_limit = { enabled = true, requests_per_second = 1, burst = 1 }
concurrency = { enabled = true, max_in_flight = 1 }

[[vhosts.routes]]
name = "cleartext"
path_prefix = "/api/cleartext"
https_redirect_exempt = true
grpc = { enabled = true }
access = { deny = ["192.0.2.2"] }
[vhosts.routes.proxy]
upstream = "127.0.0.1:{dead}"
upstream_http_version = "http2"
auth_request = { enabled = true, url = "http://127.0.0.1:{upstream}/auth", forward_headers = ["authorization"] }

[[vhosts.routes]]
name = "secure"
path_prefix = "/api"
grpc = { enabled = true }
access = { deny = ["192.0.2.2"] }
proxy = { upstream = "127.0.0.1:{upstream}", upstream_http_version = "http2" }

[[vhosts.routes]]
name = "slow"
path_prefix = "/slow"
https_redirect_exempt = true
proxy = { upstream = "127.0.0.1:{upstream}" }
`;

/** What a request does not break. */
interface Kept {
  readonly length?: boolean;
  readonly fields?: boolean;
  readonly framing?: boolean;
  readonly host?: boolean;
  readonly path?: boolean;
  /** Where the request comes from; the vhost refuses one address, the route another. */
  readonly from?: string;
  readonly body?: boolean;
  readonly cleartext?: boolean;
  readonly method?: boolean;
  readonly contentType?: boolean;
  readonly authorized?: boolean;
}

interface Refused {
  readonly status: number;
  readonly body: string;
}

/** An address that has not asked yet: one that has is out of tokens. */
function fresh(): string {
  return `198.51.100.${++addresses}`;
}
let addresses = 1;

async function ask(port: number, kept: Kept): Promise<Refused> {
  using client = await RawClient.connect(port);
  const target = `/api${kept.cleartext ? "/cleartext" : ""}${kept.path ? "" : "/../x"}` +
    (kept.length ? "" : `?${"q".repeat(64)}`);
  const lines = [
    `${kept.method ? "POST" : "PUT"} ${target} HTTP/1.1`,
    `host: ${kept.host ? "shop.test" : "other.test"}`,
    `x-forwarded-for: ${kept.from ?? "192.0.2.1"}`,
    `content-length: ${kept.body ? 0 : 11}`,
    ...(kept.framing ? [] : ["transfer-encoding: chunked"]),
    ...(kept.fields ? [] : ["a: b", "c: d", "e: f", "g: h", "i: j", "k: l"]),
    ...(kept.contentType ? ["content-type: application/grpc"] : []),
    ...(kept.authorized ? ["authorization: yes"] : []),
  ];
  await client.send(lines.join("\r\n") + "\r\n\r\n");
  const answer = await client.answer();
  assert.ok(answer !== undefined);
  return { status: answer.status, body: answer.body };
}

Deno.test("the first rule that a request breaks answers it", async () => {
  let arrived = () => {};
  let finish = () => {};
  const waiting = new Promise<void>((resolve) => arrived = resolve);
  await using upstream = await Upstream.start((request, response) => {
    if (request.url === "/auth") {
      response.writeHead(request.headers.authorization === "yes" ? 200 : 401);
      response.end("who are you?");
      return;
    }
    finish = () => response.end("done");
    arrived();
  });
  const { cert, key } = new TestAuthority().issue({ name: "shop.test" });
  await using gateway = await TestGateway.start(
    CONFIG.replaceAll("{upstream}", String(upstream.port))
      .replaceAll("{dead}", String(freePort())),
    { "tls/cert.pem": cert, "tls/key.pem": key },
  );
  const { port } = gateway;

  // Somebody holds the only permit and has used the only token of his address.
  const spent = fresh();
  using slow = await RawClient.connect(port);
  await slow.send(`GET /slow HTTP/1.1\r\nhost: shop.test\r\nx-forwarded-for: ${spent}\r\n\r\n`);
  await waiting;

  let kept: Kept = {};
  const then = async (next: Kept, status: number, body: string) => {
    kept = { ...kept, ...next };
    assert.deepEqual(await ask(port, kept), { status, body }, JSON.stringify(kept));
  };

  // What cannot be read for certain is answered before routing (spec 01 section 3.1).
  await then({}, 414, "");
  await then({ length: true }, 431, "");
  await then({ fields: true }, 400, "");
  // 1 to 3.
  await then({ framing: true }, 421, "unknown host");
  await then({ host: true }, 400, "unsafe request path");
  // 5: the vhost's list, then the route's.
  await then({ path: true }, 403, "forbidden");
  await then({ from: "192.0.2.2" }, 403, "forbidden");
  // 6 and 7.
  await then({ from: spent }, 429, "rate limited");
  await then({ from: fresh() }, 503, "too many requests");
  finish();
  await slow.answer();
  // 8: a body larger than its limit is not read.
  await then({ from: fresh() }, 413, "");
  // 10.
  await then({ from: fresh(), body: true }, 308, "");
  // 11.
  await then({ from: fresh(), cleartext: true }, 405, "");
  await then({ from: fresh(), method: true }, 415, "unsupported media type");
  // 13: whoever may not ask costs the upstream nothing.
  await then({ from: fresh(), contentType: true }, 401, "who are you?");
  await then({ from: fresh(), authorized: true }, 502, "");
});
