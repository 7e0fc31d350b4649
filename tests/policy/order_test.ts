/**
 * The order of refusals (spec 02 section 3, spec 01 section 3.5): a request that breaks every rule at once
 * is answered by the first of them; then by the next, as one after the other is kept.
 */
import assert from "node:assert/strict";
import { START_LINE_OVERHEAD } from "../../src/http/head_limits.ts";
import { RawPeer } from "../../src/http/h2/testing/connection.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT, freePort } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:{tls}"]
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

/** What a request does not break, from the outermost rule inwards. */
interface Kept {
  /** The start line stays near its limit. */
  readonly line?: boolean;
  readonly fields?: boolean;
  readonly host?: boolean;
  readonly path?: boolean;
  /** Where the request comes from; the vhost refuses one address, the route another. */
  readonly from?: string;
  /** The target stays within its limit. */
  readonly target?: boolean;
  /** `Content-Length` is one number. */
  readonly length?: boolean;
  /** There is no `Transfer-Encoding` beside it. */
  readonly framing?: boolean;
  /** The body is within its limit. */
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

/** A request as both protocols can send it. */
interface Request {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Limit of the target. */
const MAX_TARGET = 64;

/** The request that breaks every rule but those in `kept`. */
function request(kept: Kept): Request {
  const target = `/api${kept.cleartext ? "/cleartext" : ""}${kept.path ? "" : "/../x"}?`;
  let long = MAX_TARGET;
  if (!kept.line) long += START_LINE_OVERHEAD;
  if (!kept.target) long++;
  const length = kept.body ? "0" : "11";
  return {
    method: kept.method ? "POST" : "PUT",
    target: kept.target ? target : target.padEnd(long, "q"),
    host: kept.host ? "shop.test" : "other.test",
    fields: [
      ["x-forwarded-for", kept.from ?? "192.0.2.1"],
      ["content-length", kept.length ? length : `${length}, ${length}`],
      ...(kept.framing ? [] : [["transfer-encoding", "chunked"] as const]),
      ...(kept.fields ? [] : "abcdefgh".split("").map((name) => [name, "x"] as const)),
      ...(kept.contentType ? [["content-type", "application/grpc"] as const] : []),
      ...(kept.authorized ? [["authorization", "yes"] as const] : []),
    ],
  };
}

/** An address that has not asked yet: one that has is out of tokens. */
function fresh(): string {
  return `198.51.100.${++addresses}`;
}
let addresses = 1;

async function askHttp1(port: number, kept: Kept): Promise<Refused> {
  using client = await RawClient.connect(port);
  const { method, target, host, fields } = request(kept);
  const lines = [`${method} ${target} HTTP/1.1`, `host: ${host}`];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  await client.send(lines.join("\r\n") + "\r\n\r\n");
  const answer = await client.answer();
  assert.ok(answer !== undefined);
  return { status: answer.status, body: answer.body };
}

async function askHttp2(port: number, root: string, kept: Kept): Promise<Refused> {
  using conn = await Deno.connectTls({
    hostname: "localhost",
    port,
    caCerts: [root],
    alpnProtocols: ["h2"],
  });
  const peer = new RawPeer(conn);
  await peer.greet();
  const { method, target, host, fields } = request(kept);
  const pseudo: [string, string][] = [
    [":method", method],
    [":scheme", "https"],
    [":path", target],
    [":authority", host],
  ];
  await peer.send(peer.headers(1, [...pseudo, ...fields], kept.body === true));
  const { heads: [head], body } = await peer.answer(1);
  const status = Number(head.find(([name]) => name === ":status")?.[1]);
  return { status, body: new TextDecoder().decode(body) };
}

/** The gateway, with a client that holds the only permit and has used the only token of its address. */
async function crowded() {
  let arrived = () => {};
  let finish = () => {};
  const waiting = new Promise<void>((resolve) => arrived = resolve);
  const upstream = await Upstream.start((request, response) => {
    if (request.url?.startsWith("/auth")) {
      response.writeHead(request.headers.authorization === "yes" ? 200 : 401);
      response.end("who are you?");
      return;
    }
    finish = () => response.end("done");
    arrived();
  });
  const authority = new TestAuthority();
  const { cert, key } = authority.issue({ name: "localhost" });
  const tls = freePort();
  const gateway = await TestGateway.start(
    CONFIG.replaceAll("{upstream}", String(upstream.port))
      .replaceAll("{dead}", String(DEAD_PORT))
      .replaceAll("{tls}", String(tls)),
    { "tls/cert.pem": cert, "tls/key.pem": key },
  );
  const spent = fresh();
  const slow = await RawClient.connect(gateway.port);
  await slow.send(`GET /slow HTTP/1.1\r\nhost: shop.test\r\nx-forwarded-for: ${spent}\r\n\r\n`);
  await waiting;
  return {
    port: gateway.port,
    tls,
    root: authority.root,
    spent,
    async leave() {
      finish();
      await slow.answer();
    },
    async [Symbol.asyncDispose]() {
      slow[Symbol.dispose]();
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** Asks again and again, each time with one rule more kept. */
class Ladder {
  #kept: Kept;
  readonly #ask: (kept: Kept) => Promise<Refused>;

  constructor(kept: Kept, ask: (kept: Kept) => Promise<Refused>) {
    this.#kept = kept;
    this.#ask = ask;
  }

  async step(next: Kept, status: number, body = ""): Promise<void> {
    this.#kept = { ...this.#kept, ...next };
    assert.deepEqual(await this.#ask(this.#kept), { status, body }, JSON.stringify(this.#kept));
  }
}

/** From what is answered before routing to the limits: the same over both protocols. */
async function climbToLimits(
  ladder: Ladder,
  gateway: Awaited<ReturnType<typeof crowded>>,
): Promise<void> {
  // What is not read any further is answered before routing (spec 01 section 3.1).
  await ladder.step({}, 414);
  await ladder.step({ line: true }, 431);
  // 1 to 3.
  await ladder.step({ fields: true }, 421, "unknown host");
  await ladder.step({ host: true }, 400, "unsafe request path");
  // 5: the vhost's list, then the route's.
  await ladder.step({ path: true }, 403, "forbidden");
  await ladder.step({ from: "192.0.2.2" }, 403, "forbidden");
  // 6 and 7.
  await ladder.step({ from: gateway.spent }, 429, "rate limited");
  await ladder.step({ from: fresh() }, 503, "too many requests");
  await gateway.leave();
}

/** From the checks of a route to its content, for a request that keeps all but these. */
async function climbToContent(ladder: Ladder): Promise<void> {
  // 11.
  await ladder.step({ from: fresh(), body: true, cleartext: true }, 405);
  await ladder.step({ from: fresh(), method: true }, 415, "unsupported media type");
  // 13: a client that may not ask costs the upstream nothing.
  await ladder.step({ from: fresh(), contentType: true }, 401, "who are you?");
  await ladder.step({ from: fresh(), authorized: true }, 502);
}

Deno.test("the first rule that a request breaks answers it", async () => {
  await using gateway = await crowded();
  const ladder = new Ladder({}, (kept) => askHttp1(gateway.port, kept));
  await climbToLimits(ladder, gateway);
  // 8: sizes and framing; a body larger than its limit is not read.
  await ladder.step({ from: fresh() }, 414);
  await ladder.step({ from: fresh(), target: true }, 400);
  await ladder.step({ from: fresh(), length: true }, 400);
  await ladder.step({ from: fresh(), framing: true }, 413);
  // 10.
  await ladder.step({ from: fresh(), body: true }, 308);
  await climbToContent(ladder);
});

Deno.test("over HTTP/2 the order is the same", async () => {
  await using gateway = await crowded();
  // HTTP/2 has no Transfer-Encoding, and over TLS there is nothing to redirect to.
  const kept = { framing: true, cleartext: true };
  const ladder = new Ladder(kept, (kept) => askHttp2(gateway.tls, gateway.root, kept));
  await climbToLimits(ladder, gateway);
  await ladder.step({ from: fresh() }, 414);
  await ladder.step({ from: fresh(), target: true }, 400);
  await ladder.step({ from: fresh(), length: true }, 413);
  await climbToContent(ladder);
});
