/**
 * The policies of the file that is really served hold, by whatever path it is reached: the index file of
 * a directory, a file compressed beforehand, a name in a listing.
 */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { testWith } from "../testing/peer.ts";
import { type Answer, RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";
import { authority, curl, pairFiles, pairTable } from "../tls/testing/tls_site.ts";

const CLOSED = `access = { deny = ["127.0.0.1"] }\nweb = { root = "{dir}/www" }\n`;

const ROUTES = `
[[vhosts]]
name = "site"
hosts = ["a.test"]
[vhosts.web]
root = "{dir}/www"
precompressed = true
index_files = ["index.html", "start page.html"]
directory_listing = { enabled = true }
[[vhosts.routes]]
name = "admin"
path_prefix = "/admin/"
${CLOSED}
[[vhosts.routes]]
name = "private index"
path_exact = "/private/index.html"
${CLOSED}
[[vhosts.routes]]
name = "odd index"
path_exact = "/odd/start%20page.html"
${CLOSED}
[[vhosts.routes]]
name = "secret page"
path_exact = "/pages/secret.html"
${CLOSED}
[[vhosts.routes]]
name = "compressed files"
path_regex = "^/closed/.*[.]gz$"
${CLOSED}
[[vhosts.routes]]
name = "files"
path_prefix = "/files"
strip_prefix = "/files"
web = { root = "{dir}/files" }
[[vhosts.routes]]
name = "inner"
path_prefix = "/files/inner/"
strip_prefix = "/files"
access = { deny = ["127.0.0.1"] }
web = { root = "{dir}/files" }
[[vhosts.routes]]
name = "by template"
path_regex = "^/t/([a-z]+)/?$"
rewrite_template = "/{route.regex.1}"
web = { root = "{dir}/files" }
[[vhosts.routes]]
name = "unkept"
path_exact = "/fresh/index.html"
web = { root = "{dir}/www" }
[vhosts.routes.headers.response]
set = { "x-index" = "yes" }
`;

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
regex_enabled = true
${ROUTES}`;

const FILES = {
  "www/index.html": "home",
  "www/admin/index.html": "admin",
  "www/admin/more.html": "admin",
  "www/private/index.html": "private",
  "www/odd/start page.html": "odd",
  "www/pages/secret.html": "secret",
  "www/pages/secret.html.gz": "secret, small",
  "www/pages/open.html": "open",
  "www/pages/open.html.gz": "open, small",
  "www/closed/a.html": "a",
  "www/closed/a.html.gz": "a, small",
  "www/fresh/index.html": "fresh",
  "www/list/admin/x": "",
  "www/sub/index.html": "sub",
  "files/index.html": "files",
  "files/inner/index.html": "inner",
  "files/deep/index.html": "deep",
};

/** Path, status, and body or Location. `GZIP` before a path: the client accepts gzip. */
const TABLE: readonly (readonly [path: string, status: number, what: string])[] = [
  // A directory is at its path with the slash.
  ["/sub", 308, "/sub/"],
  ["/sub?a=1&b=%2F?", 308, "/sub/?a=1&b=%2F?"],
  ["/sub?", 308, "/sub/?"],
  ["/sub/", 200, "sub"],
  ["/s%75b", 308, "/s%75b/"],
  ["/files", 308, "/files/"],
  ["/files/", 200, "files"],
  ["/files/deep", 308, "/files/deep/"],
  ["/list", 308, "/list/"],
  // Which the guard of that path is asked about.
  ["/admin", 308, "/admin/"],
  ["/admin/", 403, "forbidden"],
  ["/admin/index.html", 403, "forbidden"],
  ["/%61dmin", 308, "/%61dmin/"],
  ["/%61dmin/", 403, "forbidden"],
  ["/admin/%69ndex.html", 403, "forbidden"],
  ["/files/inner", 308, "/files/inner/"],
  ["/files/inner/", 403, "forbidden"],
  // No other way of writing it leads there.
  ["/admin/.", 400, "unsafe request path"],
  ["/admin/./", 400, "unsafe request path"],
  ["/admin//", 400, "unsafe request path"],
  ["//admin", 400, ""],
  ["//evil.test", 400, ""],
  ["/%2fevil.test", 400, "unsafe request path"],
  ["/%5cevil.test", 400, "unsafe request path"],
  ["/sub/../admin/", 400, "unsafe request path"],
  ["/admin%2f", 400, "unsafe request path"],
  ["/admin.", 404, ""],
  ["/admin./", 404, ""],
  ["/admin.../index.html", 404, ""],
  ["/admin%20", 404, ""],
  ["/admin;x", 404, ""],
  ["/ADMIN", 404, ""],
  ["/ADMIN/", 404, ""],
  ["/Admin/index.html", 404, ""],
  // The index file is asked about as if it had been requested.
  ["/private/", 403, "forbidden"],
  ["/private", 308, "/private/"],
  ["/%70rivate/", 403, "forbidden"],
  ["/odd/", 403, "forbidden"],
  // However its escapes are written.
  ["/odd/start%20p%61ge.html", 403, "forbidden"],
  ["/fresh/", 200, "fresh"],
  // A name that a template makes has no URL of its own to be sent to.
  ["/t/deep", 200, "deep"],
  ["/t/deep/", 200, "deep"],
  // What was compressed beforehand and what it was made of are under the guards of both.
  ["/pages/secret.html", 403, "forbidden"],
  ["/pages/secret.html.gz", 403, "forbidden"],
  ["/pages/secret.html%2egz", 403, "forbidden"],
  ["/pages/open.html.gz", 200, "open, small"],
  ["GZIP/pages/open.html", 200, "open, small"],
  ["GZIP/closed/a.html", 200, "a"],
  ["/closed/a.html.gz", 403, "forbidden"],
];

async function ask(port: number, path: string, method = "GET"): Promise<Answer> {
  using client = await RawClient.connect(port);
  const gzip = path.startsWith("GZIP") ? "accept-encoding: gzip\r\n" : "";
  const target = path.replace("GZIP", "");
  await client.send(`${method} ${target} HTTP/1.1\r\nhost: a.test\r\n${gzip}\r\n`);
  const answer = await client.answer(method !== "HEAD");
  assert.ok(answer !== undefined, path);
  return answer;
}

Deno.test("what is served, is served under the policies of its own path", async (t) => {
  await using gateway = await TestGateway.start(CONFIG, FILES);
  for (const [path, status, what] of TABLE) {
    await t.step(path, async () => {
      // The second answer may come from memory.
      for (let i = 0; i < 2; i++) {
        const { fields, body, ...answer } = await ask(gateway.port, path);
        assert.deepEqual([answer.status, fields.get("location") ?? body], [status, what]);
        const head = await ask(gateway.port, path, "HEAD");
        assert.deepEqual([head.status, head.fields.get("location")], [
          status,
          fields.get("location"),
        ]);
      }
    });
  }
});

Deno.test("an index file has the answer fields of its own path", async () => {
  await using gateway = await TestGateway.start(CONFIG, FILES);
  for (let i = 0; i < 2; i++) {
    assert.equal((await ask(gateway.port, "/fresh/")).fields.get("x-index"), "yes");
    assert.equal((await ask(gateway.port, "/sub/")).fields.get("x-index"), undefined);
  }
});

Deno.test("a redirect to a directory may be kept as long as what is in it", async () => {
  await using gateway = await TestGateway.start(CONFIG, FILES);
  const { fields } = await ask(gateway.port, "/sub");
  assert.equal(fields.get("cache-control"), "public, max-age=60");
  assert.equal(fields.get("content-length"), "0");
});

Deno.test("a listing leaves out what is guarded on its own", async () => {
  const guards = `
[[vhosts.routes]]
name = "one file"
path_exact = "/list/closed.txt"
${CLOSED}
[[vhosts.routes]]
name = "one folder"
path_prefix = "/list/closed/"
${CLOSED}`;
  await using gateway = await TestGateway.start(CONFIG + guards, {
    ...FILES,
    "www/list/closed.txt": "",
    "www/list/closed/x": "",
    "www/list/open.txt": "",
  });
  const { body } = await ask(gateway.port, "/list/");
  const links = [...body.matchAll(/href="([^"]+)"/g)].map(([, href]) => href);
  assert.deepEqual(links, ["/", "/list/admin/", "/list/open.txt"]);
});

Deno.test("an index file behind an auth service of its own is asked about there", async () => {
  await using auth = await Upstream.start((request, response) => {
    response.statusCode = request.headers["x-key"] === "right" ? 204 : 401;
    response.end();
  });
  const guard = `
[[vhosts.routes]]
name = "account"
path_exact = "/account/index.html"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${auth.port}"
[vhosts.routes.proxy.auth_request]
enabled = true
url = "http://127.0.0.1:${auth.port}/check"
forward_headers = ["x-key"]
`;
  await using gateway = await TestGateway.start(CONFIG + guard, {
    ...FILES,
    "www/account/index.html": "account",
  });
  const status = async (key: string) => {
    using client = await RawClient.connect(gateway.port);
    await client.send(`GET /account/ HTTP/1.1\r\nhost: a.test\r\nx-key: ${key}\r\n\r\n`);
    const answer = await client.answer();
    return [answer?.status, answer?.body];
  };
  for (let i = 0; i < 2; i++) {
    assert.equal((await status("wrong"))[0], 401);
    assert.deepEqual(await status("right"), [200, "account"]);
  }
  assert.equal(auth.seen.length, 4);
});

Deno.test("an index file takes a token of its own route", async () => {
  const guard = `
[[vhosts.routes]]
name = "slow"
path_exact = "/sub/index.html"
web = { root = "{dir}/www" }
[vhosts.routes.rate_limit]
enabled = true
requests_per_second = 1
burst = 1
`;
  await using gateway = await TestGateway.start(CONFIG + guard, FILES);
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) statuses.push((await ask(gateway.port, "/sub/")).status);
  assert.ok(statuses.includes(200) && statuses.includes(429), String(statuses));
});

testWith(["curl"], "the same holds over HTTP/2", async () => {
  const a = authority.issue({ name: "a.test", names: ["a.test"] });
  const config =
    `[server]\nlisten = []\ntls_listen = ["127.0.0.1:{port}"]\nregex_enabled = true\n` +
    `[tls]\nenabled = true\ncertificates = [${pairTable("a")}]\n` + ROUTES;
  const files = { ...FILES, "tls/root.pem": authority.root, ...pairFiles("a", a) };
  await using gateway = await TestGateway.start(config, files);
  const format = ["-o", "/dev/null", "-w", "%{http_version} %{http_code} %{redirect_url}"];
  for (const method of [[], ["--head"]]) {
    const get = async (path: string) =>
      (await curl(gateway, `https://a.test${path}`, "--http2", ...method, ...format)).out;
    const location = await get("/admin?q=1");
    assert.match(location, /^2 308 https:\/\/a\.test(:\d+)?\/admin\/\?q=1$/);
    assert.match(await get("/admin/"), /^2 403 /);
    assert.match(await get("/private/"), /^2 403 /);
    assert.match(await get("/sub/"), /^2 200 /);
  }
});
