/** `fluxheim explain` against the gateway itself: what it predicts of a request is what happens. */
import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Explanation } from "../../src/cli/explain/explain.ts";
import { runCli } from "../../src/cli/testing/run.ts";
import { profile } from "../../src/profiles/development.ts";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import { type Answer, RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
regex_enabled = true
default_vhost = "shop"
[server.limits]
max_uri_bytes = 200

[[vhosts]]
name = "wild"
hosts = ["*.shop.test"]
redirect = { enabled = true, to = "https://shop.test{uri}" }

[[vhosts]]
name = "shop"
hosts = ["shop.test", "127.0.0.1"]
access = { deny = ["192.0.2.66"] }
web = { root = "{dir}/www" }
proxy = { upstream = "127.0.0.1:{upstream}" }
[vhosts.headers.request]
set = { x-tenant = "shop", host = "origin.test", x-host = "{host}" }
unset = ["x-unwanted"]
[vhosts.headers.response.set]
x-served = "vhost"

[[vhosts.routes]]
name = "exact"
path_exact = "/api"
redirect = { to = "https://api.test{path}?was={query}", status = 302 }

[[vhosts.routes]]
name = "api"
path_prefix = "/api/"
strip_prefix = "/api"
rewrite_prefix = "/v2"
proxy = { upstream = "127.0.0.1:{upstream}" }

[[vhosts.routes]]
name = "private"
path_prefix = "/api/private"
access = { allow = ["198.51.100.0/24"] }
proxy = { upstream = "127.0.0.1:{upstream}" }

[[vhosts.routes]]
name = "posts"
path_prefix = "/only"
methods = ["POST"]
max_request_body_bytes = 4
proxy = { upstream = "127.0.0.1:{upstream}" }

[[vhosts.routes]]
name = "item"
path_regex = "^/item/(?P<id>[^/]+)/(\\\\d+)$"
rewrite_template = "/{route.regex.id}/{route.regex.2}"
proxy = { upstream = "127.0.0.1:{upstream}" }

[[vhosts.routes]]
name = "docs"
path_prefix = "/docs"
strip_prefix = "/docs"
web = { root = "{dir}/docs", deny_dotfiles = false, directory_listing = { enabled = true } }

[[vhosts.routes]]
name = "socket"
path_exact = "/socket"
proxy = { upstream = "127.0.0.1:{upstream}", websocket = true }

[[vhosts.routes]]
name = "packed"
path_prefix = "/packed"
web = { root = "{dir}/www", precompressed = true }

[[vhosts]]
name = "bare"
hosts = ["bare.test"]

[[vhosts]]
name = "nowhere"
hosts = ["nowhere.test"]
proxy = { read_timeout_secs = 1 }

[[vhosts]]
name = "sorry"
hosts = ["sorry.test"]
[[vhosts.proxy.error_pages]]
status = 502
path = "/sorry.html"
web = { root = "{dir}/www" }
`;

interface Request {
  readonly host?: string;
  readonly method?: string;
  readonly target: string;
  readonly fields?: Readonly<Record<string, string>>;
}

/** Paths, each asked of every host by every method. */
const TARGETS = [
  "/",
  "/?q=1",
  "/nowhere",
  "/api",
  "/api?a=b",
  "/api/",
  "/api/items?page=2",
  "/api/%70rivate/x",
  "/api/private",
  "/apix",
  "/only/",
  "/only/x",
  "/item/a%20b/12",
  "/item/x/notanumber",
  "/docs",
  "/docs/sub/",
  "/docs/.hidden",
  "/.hidden",
  "/a/../b",
  "/a%2fb",
  "/100%25",
  "//",
  `/${"a".repeat(300)}`,
];

const HANDSHAKE = {
  connection: "keep-alive, Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

const REQUESTS: readonly Request[] = [
  ...["shop.test", "SHOP.test:80", "a.shop.test", "a.b.shop.test", "bare.test", "unknown.test"]
    .flatMap((host) => TARGETS.map((target) => ({ host, target }))),
  ...["HEAD", "POST", "DELETE", "OPTIONS"]
    .flatMap((method) => TARGETS.map((target) => ({ method, target }))),
  { target: "/", fields: { "x-forwarded-for": "192.0.2.66" } },
  { target: "/api/private", fields: { "x-forwarded-for": "203.0.113.1, 198.51.100.7" } },
  { target: "/api/x", fields: { "x-forwarded-for": "not an address", "x-unwanted": "1" } },
  { target: "/api/x", fields: { connection: "x-hop", "x-hop": "1", te: "trailers" } },
  { target: "/api/x", fields: { cookie: "a=1; b=2", "x-request-id": "mine.1" } },
  { target: "/", fields: { "if-none-match": "*" } },
  { target: "/", fields: { range: "bytes=0-1" } },
  { method: "POST", target: "/only/x", fields: { "content-length": "5" } },
  { method: "POST", target: "/only/x", fields: { "content-length": "x" } },
  { target: "/", fields: { connection: "close," } },
  { method: "POST", target: "/", fields: { "content-length": "3" } },
  { method: "POST", target: "/", fields: { "transfer-encoding": "chunked" } },
  { method: "PUT", target: "/" },
  { method: "CONNECT", target: "/api/x" },
  { target: "/api/x", fields: { Host: "shop.test" } },
  { target: "/api/x", fields: { x_forwarded_for: "192.0.2.9", x_tenant: "forged", x_own: "1" } },
  { target: "/packed/page.txt", fields: { "accept-encoding": "gzip" } },
  { target: "/packed/page.txt", fields: { "accept-encoding": "br" } },
  { target: "/socket", fields: HANDSHAKE },
  { target: "/api/socket", fields: HANDSHAKE },
  { host: "nowhere.test", target: "/" },
  { host: "sorry.test", target: "/", fields: { "if-none-match": "*" } },
];

/** Fields that say when, not what. */
const MOVING = new Set(["date", "x-request-id"]);
/** Fields of an answer that the codec adds. */
const FRAMING = new Set(["content-length", "connection"]);

Deno.test("what is explained is what happens", async () => {
  let reached: readonly string[] | undefined;
  await using upstream = await Upstream.start((request, response) => {
    reached = [`${request.method} ${request.url}`, ...pairs(request.rawHeaders)];
    response.end();
  });
  await using gateway = await TestGateway.start(
    CONFIG.replaceAll("{upstream}", String(upstream.port)),
    {
      "www/index.html": "home",
      "docs/sub/file": "",
      "docs/.hidden": "",
      "www/.hidden": "",
      "www/sorry.html": "sorry",
      "www/packed/page.txt": "page",
      "www/packed/page.txt.gz": "packed page",
    },
  );
  const expected: [about: string, vhost: string, route: string][] = [];
  for (const request of REQUESTS) {
    const told = await explained(gateway, request);
    reached = undefined;
    const answer = await sent(gateway, request);
    const about = JSON.stringify(request);
    const { outcome } = told;
    if (outcome.kind === "forwarded") {
      assert.deepEqual(settled(reached ?? []), settled(outcome.sends), about);
    } else {
      assert.equal(reached, undefined, about);
      assert.ok(outcome.kind !== "unheard", about);
      assert.equal(answer.status, outcome.status, about);
    }
    if (outcome.kind === "answered") {
      const promised = outcome.fields.filter(([name]) => !MOVING.has(name) && !FRAMING.has(name));
      for (const [name, value] of promised) assert.equal(answer.fields.get(name), value, about);
      assert.equal(answer.fields.get("location"), new Map(outcome.fields).get("location"), about);
    }
    const taken = ({ taken }: { taken: boolean }) => taken;
    const vhost = told.vhosts.find(taken)?.name ?? "unknown";
    expected.push([about, vhost, told.routes.find(taken)?.name ?? ""]);
  }
  const records = await logged(gateway, expected.length);
  for (const [i, [about, vhost, route]] of expected.entries()) {
    assert.deepEqual([records[i].vhost, records[i].route], [vhost, route], about);
  }
});

Deno.test("the head that goes to an HTTP/2 upstream is shown as HTTP/2 has it", async () => {
  let reached: readonly string[] = [];
  const upstream = createServer();
  const hear = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    raw: string[],
  ) => {
    const fields = pairs(raw).filter((line) => !/^:(method|path): /.test(line));
    reached = [`${headers[":method"]} ${headers[":path"]}`, ...fields];
    stream.respond({ ":status": 200 }, { endStream: true });
  };
  upstream.on("stream", hear);
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  try {
    await using gateway = await TestGateway.start(`
[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
proxy = { upstream = "127.0.0.1:${port}", upstream_http_version = "http2" }
[[vhosts.routes]]
name = "calls"
path_prefix = "/calls/"
grpc = { enabled = true }
proxy = { upstream = "127.0.0.1:${port}", upstream_http_version = "http2" }
`);
    const grpc = { "content-type": "application/grpc", te: "trailers" };
    const requests: readonly Request[] = [
      { method: "POST", target: "/calls/Orders", fields: { ...grpc, "content-length": "5" } },
      { method: "POST", target: "/plain" },
      { target: "/plain", fields: { "keep-alive": "1", te: "trailers" } },
    ];
    for (const request of requests) {
      const { outcome } = await explained(gateway, request);
      assert.ok(outcome.kind === "forwarded");
      await sent(gateway, request);
      assert.deepEqual(settled(reached), settled(outcome.sends), JSON.stringify(request));
    }
  } finally {
    upstream.close();
  }
});

Deno.test("what an auth service may say is reported by name, and takes what a client claims out", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end());
  await using auth = await Upstream.start((_request, response) => {
    response.setHeader("x-user", "ann");
    response.end();
  });
  await using gateway = await TestGateway.start(`
[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
[vhosts.proxy]
upstream = "127.0.0.1:${upstream.port}"
[vhosts.proxy.auth_request]
enabled = true
url = "http://127.0.0.1:${auth.port}/"
allow_response_headers = ["x-user"]
`);
  const request = { target: "/", fields: { "x-user": "eve", x_user: "eve", "x-own": "1" } };
  const { outcome } = await explained(gateway, request);
  assert.ok(outcome.kind === "forwarded");
  const told = outcome.sends.filter((line) => /^x[-_](user|own)/.test(line));
  assert.deepEqual(told, ["x-own: 1", "x-user: (if and as the auth service says)"]);
  await sent(gateway, request);
  const names = outcome.sends.slice(1).map((line) => line.slice(0, line.indexOf(":")));
  assert.deepEqual(Object.keys(upstream.last.headers).sort(), names.sort());
  assert.equal(upstream.last.headers["x-user"], "ann");
});

Deno.test("the auth service of the route that the decoded path would take is reported", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end());
  await using auth = await Upstream.start((_request, response) => {
    response.setHeader("x-user", "ann");
    response.end();
  });
  const ask = (path: string, names: string) =>
    `auth_request = { enabled = true, url = "http://127.0.0.1:${auth.port}${path}", ` +
    `allow_response_headers = [${names}] }`;
  await using gateway = await TestGateway.start(`
[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
[vhosts.proxy]
upstream = "127.0.0.1:${upstream.port}"
${ask("/all", '"x-own"')}
[[vhosts.routes]]
name = "admin"
path_prefix = "/admin"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream.port}"
${ask("/admin", '"x-user"')}
[[vhosts.routes]]
name = "same"
path_prefix = "/same"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream.port}"
${ask("/all", '"x-own"')}
`);
  const fields = { "x-user": "eve", "x-own": "eve" };
  const asks = async (target: string) => {
    const { steps, outcome } = await explained(gateway, { target, fields });
    assert.ok(outcome.kind === "forwarded");
    await sent(gateway, { target, fields });
    const names = outcome.sends.slice(1).map((line) => line.slice(0, line.indexOf(":")));
    const reached = Object.keys(upstream.last.headers);
    assert.deepEqual(reached.sort(), names.filter((name) => name !== "x-own").sort());
    return steps.filter(({ phase }) => phase === "authorize").map(({ scope, detail }) => [
      scope,
      detail.replace(`http://127.0.0.1:${auth.port}`, ""),
    ]);
  };
  assert.deepEqual(await asks("/%61dmin"), [
    ["vhosts[0].routes[0]", "asks /admin"],
    ["vhosts[0]", "asks /all"],
  ]);
  assert.deepEqual(await asks("/%73ame"), [
    ["vhosts[0].routes[1]", "asks /all"],
    ["vhosts[0]", "/all has been asked already"],
  ]);
});

async function explained(
  { port, configPath }: TestGateway,
  { host = "shop.test", method = "GET", target, fields = {} }: Request,
): Promise<Explanation> {
  const { status, out, err } = await runCli(
    profile,
    ...["explain", "-c", configPath, "--json", "-X", method, "-H", `host: ${host}`],
    ...Object.entries(fields).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    `http://127.0.0.1:${port}${target}`,
  );
  assert.equal(status, 0, err);
  return JSON.parse(out);
}

async function sent(
  { port }: TestGateway,
  { host = "shop.test", method = "GET", target, fields = {} }: Request,
): Promise<Answer> {
  using client = await RawClient.connect(port);
  const lines = Object.entries({ host, ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  const body = "transfer-encoding" in fields
    ? "3\r\nabc\r\n0\r\n\r\n"
    : "x".repeat(Number(fields["content-length"] ?? 0) || 0);
  await client.send(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  const answer = await client.answer(method !== "HEAD");
  assert.ok(answer !== undefined, `no answer to ${target}`);
  return answer;
}

/** The access records, of which there will be `count`. */
async function logged(
  { process }: TestGateway,
  count: number,
): Promise<Record<string, unknown>[]> {
  const records = () => process.output.split("\n").filter((line) => line.includes('"access"'));
  await until(`${count} records are written`, () => records().length >= count);
  return records().map((line) => JSON.parse(line));
}

function pairs(raw: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < raw.length; i += 2) lines.push(`${raw[i]}: ${raw[i + 1]}`);
  return lines;
}

/** A request head without what is of one request only, and in no order. */
function settled(lines: readonly string[]): string[] {
  return lines.filter((line) => !MOVING.has(line.split(":")[0])).sort();
}
