import assert from "node:assert/strict";
import { needsOf } from "../../gateway/testing/modules.ts";
import { loadText } from "../../config/load.ts";
import { formatProblem } from "../../config/problems/problems.ts";
import { exchangeFixture, type RequestFixture } from "../../gateway/testing/exchange_fixture.ts";
import { module as headers } from "../headers/module.ts";
import { checkGrpc } from "./grpc.ts";
import { module } from "./module.ts";

/** Problems of `[proxy]` with these keys. */
function problems(keys: string): string[] {
  const modules = [headers, module];
  const tables = modules.flatMap(({ schema }) => schema);
  const checks = modules.flatMap(({ check }) => check === undefined ? [] : [check]);
  return loadText(keys, tables, checks).problems.map(formatProblem);
}

/** The one problem of `[proxy]` with these keys. */
function problem(keys: string): string {
  const found = problems(`[proxy]\n${keys}\n`);
  assert.equal(found.length, 1, found.join("\n"));
  return found[0];
}

const UPSTREAM = 'upstream = "app.test:80"';
const TLS = `${UPSTREAM}\nupstream_tls = true`;

for (
  const [name, keys, expected] of [
    ["port 0", 'upstream = "app.test:0"', /proxy\.upstream: /],
    ["an upstream without a port", 'upstream = "app.test"', /proxy\.upstream: /],
    [
      "upstream and upstreams",
      `${UPSTREAM}\nupstreams = ["b.test:80"]`,
      /proxy\.upstreams: must not be set together/,
    ],
    ["an upstream twice", 'upstreams = ["a.test:80", "A.test:80"]', /upstreams\[1\]/],
    [
      "an address to verify without a name",
      'upstream = "192.0.2.1:443"\nupstream_tls = true',
      /proxy\.upstream_sni: is required/,
    ],
    [
      "names verified without the chain",
      `${TLS}\nupstream_verify_cert = false`,
      /upstream_verify_hostname: must be false/,
    ],
    ["a wildcard as another name", `${TLS}\nupstream_alternative_cn = "*.test"`, /alternative_cn/],
    [
      "roots without TLS",
      `${UPSTREAM}\nupstream_ca_path = "/etc/ca.pem"`,
      /upstream_ca_path: needs upstream_tls/,
    ],
    [
      "roots without verification",
      `${TLS}\nupstream_verify_cert = false\nupstream_verify_hostname = false\nupstream_ca_path = "/etc/ca.pem"`,
      /upstream_ca_path: needs/,
    ],
    [
      "a client certificate without its key",
      `${TLS}\nupstream_client_cert_path = "/etc/c.pem"`,
      /upstream_client_key_path: is missing/,
    ],
    [
      "a client key without its certificate",
      `${TLS}\nupstream_client_key_path = "/etc/c.key"`,
      /upstream_client_cert_path: is missing/,
    ],
    [
      "a client certificate without TLS",
      `${UPSTREAM}\nupstream_client_cert_path = "/etc/c.pem"\nupstream_client_key_path = "/etc/c.key"`,
      /upstream_client_cert_path: needs upstream_tls/,
    ],
    [
      "HTTP/2 without an upstream",
      'upstream_http_version = "http2"',
      /upstream_http_version: needs an upstream/,
    ],
    [
      "streams without HTTP/2",
      `${UPSTREAM}\nupstream_h2_max_streams = 10`,
      /upstream_h2_max_streams: needs .*; found 10 with "http1"$/,
    ],
    [
      "too many streams",
      `${UPSTREAM}\nupstream_http_version = "http2"\nupstream_h2_max_streams = 1025`,
      /upstream_h2_max_streams: /,
    ],
    [
      "PINGs without HTTP/2",
      `${UPSTREAM}\nupstream_h2_ping_interval_secs = 10`,
      /upstream_h2_ping_interval_secs: needs/,
    ],
    [
      "a PROXY header without an upstream",
      'upstream_proxy_protocol = "v1"',
      /upstream_proxy_protocol: needs an upstream/,
    ],
    [
      "WebSocket over HTTP/2",
      `${UPSTREAM}\nupstream_http_version = "http2"\nwebsocket = true`,
      /proxy\.websocket: needs .*; found "http2"$/,
    ],
    [
      "an upgrade over HTTP/2",
      `${UPSTREAM}\nupstream_http_version = "http2"\nupgrade_protocols = ["tcp"]`,
      /upgrade_protocols: needs .*; found "http2"$/,
    ],
    [
      "WebSocket by another key than its own",
      `${UPSTREAM}\nupgrade_protocols = ["tcp", "WebSocket"]`,
      /upgrade_protocols\[1\]: must not list "websocket"\n {4}hint: set websocket = true/,
    ],
    [
      "an upgrade to HTTP/2",
      `${UPSTREAM}\nupgrade_protocols = ["h2c"]`,
      /upgrade_protocols\[0\]: must not list "h2c"\n {4}hint: upstream_http_version/,
    ],
    [
      "an upgrade to a version",
      `${UPSTREAM}\nupgrade_protocols = ["TLS/1.0"]`,
      /upgrade_protocols\[0\]: must be the name of a protocol.*; found "TLS\/1\.0"$/,
    ],
    ["a time limit below 0", `${UPSTREAM}\nread_timeout_secs = -1`, /read_timeout_secs: /],
    ["a time limit beyond a day", `${UPSTREAM}\nsend_timeout_secs = 86401`, /send_timeout_secs: /],
    [
      "half a keepalive",
      `${UPSTREAM}\nupstream_tcp_keepalive_count = 3`,
      /goes together with/,
    ],
    [
      "a user timeout without keepalive",
      `${UPSTREAM}\nupstream_tcp_user_timeout_ms = 100`,
      /needs the three tcp_keepalive keys/,
    ],
    ["a DSCP of 64", `${UPSTREAM}\nupstream_dscp = 64`, /upstream_dscp: /],
    [
      "an auth service without a URL",
      `${UPSTREAM}\n[proxy.auth_request]\nenabled = true`,
      /auth_request\.url: is required/,
    ],
    [
      "an auth service without a path",
      `${UPSTREAM}\n[proxy.auth_request]\nenabled = true\nurl = "http://auth.test"`,
      /auth_request\.url: must have a path; found "http:\/\/auth\.test"$/,
    ],
    [
      "an auth service with a user",
      `${UPSTREAM}\n[proxy.auth_request]\nenabled = true\nurl = "http://a@b.test/"`,
      /auth_request\.url: /,
    ],
    [
      "an auth service with a query",
      `${UPSTREAM}\n[proxy.auth_request]\nenabled = true\nurl = "http://b.test/?x"`,
      /auth_request\.url: /,
    ],
    [
      "more of an auth answer than a MiB",
      `${UPSTREAM}\n[proxy.auth_request]\nmax_response_bytes = "2m"`,
      /max_response_bytes: /,
    ],
  ] as const
) {
  Deno.test(`refused: ${name}`, () => {
    // What is said about keys that have no effect is another test's.
    const found = problems(`[proxy]\n${keys}\n`).filter((text) => !text.includes("no effect"));
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0], expected);
    assert.doesNotMatch(found[0], /warning/);
  });
}

Deno.test("a vhost and a route name their upstreams in one way only", () => {
  const both = `${UPSTREAM}\nupstreams = ["b.test:80"]\n`;
  const vhost = `[[vhosts]]\nname = "a"\nhosts = ["a.test"]\n[vhosts.proxy]\n${both}`;
  assert.match(problems(vhost)[0], /vhosts\[0\]\.proxy\.upstreams.*must not be set together/);
  assert.match(
    route(`[vhosts.routes.proxy]\n${both}`)[0],
    /routes\[0\]\.proxy\.upstreams.*must not be set together/,
  );
});

Deno.test("several upstreams without a load balancer are a warning", () => {
  assert.match(
    problem('upstreams = ["a.test:80", "b.test:80"]'),
    /warning: proxy\.upstreams: only the first is used/,
  );
});

Deno.test("keys about TLS without it are warnings with the value that has no effect", () => {
  for (
    const [line, value] of [
      ['upstream_sni = "b.test"', '"b\\.test"'],
      ['upstream_alternative_cn = "b.test"', '"b\\.test"'],
      ["upstream_verify_hostname = false", "false"],
    ]
  ) {
    const [key] = line.split(" ");
    const expected = `warning: proxy\\.${key}: ${value} has no effect without upstream_tls = true$`;
    assert.match(problem(`${UPSTREAM}\n${line}`), new RegExp(expected));
    assert.deepEqual(problems(`[proxy]\n${TLS}\n${line}`), []);
  }
  const unverified = "upstream_verify_cert = false\nupstream_verify_hostname = false";
  assert.equal(problems(`[proxy]\n${UPSTREAM}\n${unverified}`).length, 2);
});

Deno.test("fields that the gateway writes itself may be listed for a service, with a warning", () => {
  const auth = (list: string, name: string) =>
    problems(
      `[proxy]\n${UPSTREAM}\n[proxy.auth_request]\nenabled = true\n` +
        `url = "http://auth.test/check"\n${list} = ["x-own", "${name}"]`,
    );
  const inert = (list: string, name: string) =>
    new RegExp(`warning: proxy\\.auth_request\\.${list}\\[1\\]: "${name}" has no effect`);
  for (const name of ["connection", "content-length", "cache-control", "cache_control"]) {
    const [only, ...others] = auth("forward_headers", name);
    assert.deepEqual(others, []);
    assert.match(only, inert("forward_headers", name));
  }
  for (const name of ["host", "content-length"]) {
    const [only, ...others] = auth("allow_response_headers", name);
    assert.deepEqual(others, []);
    assert.match(only, inert("allow_response_headers", name));
  }
  assert.deepEqual(auth("forward_headers", "host"), []);
  assert.deepEqual(auth("allow_response_headers", "cache-control"), []);
});

Deno.test("keys that the runtime cannot honour are one warning in all vhosts together", () => {
  const vhost = (name: string) =>
    `[[vhosts]]\nname = "${name}"\nhosts = ["${name}.test"]\n[vhosts.proxy]\n${UPSTREAM}\nupstream_dscp = 1\n`;
  const [only, ...others] = problems(vhost("a") + vhost("b"));
  assert.equal(others.length, 0);
  assert.match(only, /vhosts\[0\]\.proxy\.upstream_dscp.*vhosts\[1\]\.proxy\.upstream_dscp/);
});

/** A route with these tables. */
function route(tables: string): string[] {
  return problems(
    `[[vhosts]]\nname = "a"\nhosts = ["a.test"]\n[[vhosts.routes]]\nname = "r"\npath_prefix = "/"\n${tables}`,
  );
}

Deno.test("a route's proxy needs an upstream", () => {
  assert.match(
    route("[vhosts.routes.proxy]\nread_timeout_secs = 1\n")[0],
    /routes\[0\]\.proxy.*must have an upstream/,
  );
});

Deno.test("gRPC needs an upstream that speaks HTTP/2", () => {
  const grpc = (keys: string) =>
    route(`[vhosts.routes.grpc]\nenabled = true\n[vhosts.routes.proxy]\n${UPSTREAM}\n${keys}`);
  assert.deepEqual(grpc('upstream_http_version = "http2"'), []);
  assert.deepEqual(grpc('upstream_http_version = "http1-and-http2"\nupstream_tls = true'), []);
  assert.match(grpc("")[0], /grpc\.enabled.*needs a proxy action/);
  assert.match(grpc('upstream_http_version = "http1-and-http2"')[0], /warning: .*HTTP\/1\.1/);
});

Deno.test("the content type of gRPC must be required, but where gRPC is off", () => {
  const grpc = (enabled: boolean) =>
    route(
      `[vhosts.routes.grpc]\nenabled = ${enabled}\nrequire_content_type = false\n` +
        `[vhosts.routes.proxy]\n${UPSTREAM}\nupstream_http_version = "http2"`,
    );
  assert.match(grpc(true)[0], /grpc\.require_content_type.*must be true/);
  assert.deepEqual(grpc(false), []);
});

/** Status that the check of a gRPC route gives; 0 for a request that goes on. */
function checked(request: RequestFixture): number {
  const exchange = exchangeFixture(request);
  checkGrpc(exchange);
  return exchange.status;
}

Deno.test("a gRPC route takes POST with one gRPC content type", () => {
  const post = (...types: string[]) =>
    checked({ method: "POST", fields: types.map((type) => ["content-type", type]) });
  assert.equal(post("application/grpc"), 0);
  assert.equal(post("application/grpc+proto"), 0);
  assert.equal(post("Application/GRPC; charset=utf-8"), 0);
  assert.equal(post(), 415);
  assert.equal(post("application/grpc+"), 415);
  assert.equal(post("application/grpc-web"), 415);
  assert.equal(post("application/grpcx"), 415);
  assert.equal(post("text/plain"), 415);
  assert.equal(post("application/grpc", "application/grpc"), 415);
});

Deno.test("another method on a gRPC route is a 405 that header policy applies to", () => {
  const exchange = exchangeFixture({ fields: [["content-type", "application/grpc"]] });
  checkGrpc(exchange);
  assert.equal(exchange.status, 405);
  assert.deepEqual([...exchange.response], [["allow", "POST"], ["content-length", "0"]]);
  assert.equal(exchange.refusal, undefined);
});

Deno.test("what is dialled is asked for, each with the key behind it", () => {
  const tables = [headers, module].flatMap(({ schema }) => schema);
  const { config } = loadText(
    `[proxy]\n${UPSTREAM}\nupstream_tls = true\nupstream_ca_path = "/etc/ca.pem"\n` +
      '[proxy.auth_request]\nenabled = true\nurl = "https://[2001:db8::1]/check"\n',
    tables,
  );
  assert.ok(config !== undefined);
  assert.deepEqual(needsOf(module, config).grants, {
    net: [
      { value: "app.test:80", key: "proxy.upstream", for: "edge" },
      { value: "[2001:db8::1]:443", key: "proxy.auth_request.url", for: "edge" },
    ],
    read: [{ value: "/etc/ca.pem", key: "proxy.upstream_ca_path", for: "keeper" }],
  });
  assert.deepEqual(needsOf(module, config).files?.map(({ path }) => path), ["/etc/ca.pem"]);
});
