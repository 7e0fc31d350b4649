/** Answers that the gateway has itself: fixed ones, maintenance, pages for errors. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT } from "../testing/peer.ts";

const HEAD = `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
`;

/** What a browser sends with a navigation. */
const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

async function get(gateway: TestGateway, path: string, headers = {}, method = "GET") {
  const response = await fetch(gateway.url(path), { headers, method, redirect: "manual" });
  return {
    status: response.status,
    text: await response.text(),
    field: (name: string) => response.headers.get(name),
  };
}

Deno.test("a route with respond answers every method with its status, text and fields", async () => {
  await using gateway = await TestGateway.start(`${HEAD}
[[vhosts.routes]]
name = "ping"
path_exact = "/ping"
respond = { body = "pong {host}\\n", headers = { X-Reason = "test" } }
[[vhosts.routes]]
name = "gone"
path_prefix = "/old"
respond = { status = 410, body = "<p>gone</p>", content_type = "text/html" }
[[vhosts.routes]]
name = "empty"
path_exact = "/empty"
respond = { status = 204 }
[[vhosts.routes]]
name = "guarded"
path_exact = "/guarded"
access = { deny = ["127.0.0.1"] }
respond = { body = "secret" }
`);
  const ping = await get(gateway, "/ping");
  assert.equal(ping.status, 200);
  // Nothing in a text is a variable.
  assert.equal(ping.text, "pong {host}\n");
  assert.equal(ping.field("content-type"), "text/plain; charset=utf-8");
  assert.equal(ping.field("x-reason"), "test");
  // As for all content, the header policy is applied.
  assert.equal(ping.field("x-content-type-options"), "nosniff");
  const posted = await fetch(gateway.url("/old/x"), { method: "POST", body: "any" });
  assert.equal(posted.status, 410);
  assert.equal(await posted.text(), "<p>gone</p>");
  assert.equal(posted.headers.get("content-type"), "text/html");
  const head = await get(gateway, "/ping", {}, "HEAD");
  assert.equal(head.field("content-length"), "12");
  assert.equal(head.text, "");
  const empty = await get(gateway, "/empty");
  assert.equal(empty.status, 204);
  assert.equal(empty.field("content-type"), null);
  assert.equal((await get(gateway, "/guarded")).status, 403);
});

Deno.test("in maintenance all but the clients in allow get 503 and are asked to come back", async () => {
  await using gateway = await TestGateway.start(
    `[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
maintenance = { enabled = true, allow = ["192.0.2.7"], retry_after_secs = 120 }
web.root = "{dir}/site"
[[vhosts.routes]]
name = "status"
path_exact = "/status"
respond = { body = "up" }
`,
    { "site/index.html": "site", "site/.well-known/acme-challenge/token": "answer" },
  );
  const visitor = { "x-forwarded-for": "192.0.2.8" };
  const page = await get(gateway, "/", visitor);
  assert.equal(page.status, 503);
  assert.equal(page.text, "down for maintenance");
  assert.equal(page.field("retry-after"), "120");
  // The routes of the vhost are down as well.
  assert.equal((await get(gateway, "/status", visitor)).status, 503);
  const operator = await get(gateway, "/", { "x-forwarded-for": "192.0.2.7" });
  assert.equal(operator.text, "site");
  const challenge = await get(gateway, "/.well-known/acme-challenge/token", visitor);
  assert.equal(challenge.text, "answer");
  const browser = await get(gateway, "/", { ...visitor, ...BROWSER });
  assert.equal(browser.status, 503);
  assert.equal(browser.field("retry-after"), "120");
  assert.match(browser.text, /<title>Not available<\/title>/);
});

Deno.test("a reload switches maintenance on and off", async () => {
  await using gateway = await TestGateway.start(
    `${HEAD}maintenance.enabled = false\nweb.root = "{dir}/site"\n`,
    { "site/index.html": "site" },
  );
  assert.equal((await get(gateway, "/")).status, 200);
  for (const [from, to, status] of [["false", "true", 503], ["true", "false", 200]] as const) {
    gateway.rewrite(`maintenance.enabled = ${from}`, `maintenance.enabled = ${to}`);
    gateway.process.signal("SIGHUP");
    while ((await get(gateway, "/")).status !== status);
  }
});

Deno.test("error pages are for every status of the gateway's own, on routes of any kind", async () => {
  await using gateway = await TestGateway.start(
    `${HEAD}
web.root = "{dir}/site"
headers.response.set = { x-site = "yes" }
[[vhosts.error_pages]]
status = [403, 404]
path = "/sorry.html"
[[vhosts.error_pages]]
status = 502
path = "/down.html"
web.root = "{dir}/pages"
[[vhosts.routes]]
name = "api"
path_prefix = "/api"
proxy.upstream = "127.0.0.1:${DEAD_PORT}"
[[vhosts.routes]]
name = "closed"
path_prefix = "/closed"
access.deny = ["127.0.0.1"]
respond.body = "never"
[[vhosts.routes.error_pages]]
status = 403
path = "/closed.html"
`,
    {
      "site/index.html": "index",
      "site/sorry.html": "sorry",
      "site/closed.html": "closed",
      "pages/down.html": "down",
    },
  );
  const missing = await get(gateway, "/none");
  assert.equal(missing.status, 404);
  assert.equal(missing.text, "sorry");
  assert.equal(missing.field("content-type"), "text/html; charset=utf-8");
  assert.equal(missing.field("cache-control"), "private, no-store");
  assert.equal(missing.field("x-site"), "yes");
  assert.equal(missing.field("etag"), null);
  assert.equal((await get(gateway, "/.git/config")).text, "sorry");
  assert.equal((await get(gateway, "/none", { range: "bytes=0-1" })).text, "sorry");
  const head = await get(gateway, "/none", {}, "HEAD");
  assert.equal(head.field("content-length"), "5");
  const down = await get(gateway, "/api/x");
  assert.equal(down.status, 502);
  assert.equal(down.text, "down");
  assert.equal((await get(gateway, "/closed")).text, "closed");
  // The page itself is a file like any other.
  assert.equal((await get(gateway, "/sorry.html")).status, 200);
});

Deno.test("a browser gets a small page for an error, other clients the text, and neither if it is off", async () => {
  const routes = `
[[vhosts.routes]]
name = "api"
path_prefix = "/api"
proxy.upstream = "127.0.0.1:${DEAD_PORT}"
[[vhosts.routes]]
name = "closed"
path_prefix = "/closed"
access.deny = ["127.0.0.1"]
respond.body = "never"
`;
  await using gateway = await TestGateway.start(HEAD + routes);
  for (const [path, status] of [["/closed", 403], ["/none", 404], ["/api", 502]] as const) {
    const page = await get(gateway, path, BROWSER);
    assert.equal(page.status, status);
    assert.equal(page.field("content-type"), "text/html; charset=utf-8");
    assert.match(page.text, new RegExp(`<small>${status}</small>`));
    assert.match(page.field("content-security-policy") ?? "", /default-src 'none'/);
    const head = await get(gateway, path, BROWSER, "HEAD");
    assert.equal(head.field("content-length"), String(page.text.length));
    assert.doesNotMatch((await get(gateway, path, { accept: "*/*" })).text, /html/);
  }
  await using plain = await TestGateway.start(
    (HEAD + routes).replace("[server]", "[server]\ndefault_pages = false"),
  );
  assert.equal((await get(plain, "/closed", BROWSER)).text, "forbidden");
});
