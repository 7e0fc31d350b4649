/** What a page of an allowed origin can learn of a refusal: the fields of CORS are on every answer. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT } from "../testing/peer.ts";
import { type Answer, RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

const ORIGIN = "https://app.example";

/** A route for each way to be refused. */
function config(live: number): string {
  const proxy = (route: string, more = "", port = DEAD_PORT) =>
    `[[vhosts.routes]]\nname = "${route}"\npath_prefix = "/${route}"\n` +
    `proxy = { upstream = "127.0.0.1:${port}" }\n${more}\n`;
  return `
[server]
listen = ["127.0.0.1:{port}"]
[headers.response.cors]
enabled = true
allow_origins = ["${ORIGIN}"]
[[vhosts]]
name = "api"
hosts = ["a.test"]
[vhosts.web]
root = "{dir}/www"
${proxy("closed", 'access = { deny = ["127.0.0.1"] }')}
${proxy("dead")}
${proxy("small", "max_request_body_bytes = 1", live)}
${proxy("rare", "rate_limit = { enabled = true, requests_per_second = 1, burst = 0 }")}
[[vhosts.routes]]
name = "asked"
path_prefix = "/asked"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${DEAD_PORT}"
[vhosts.routes.proxy.auth_request]
enabled = true
url = "http://127.0.0.1:${live}/"
[[vhosts.routes]]
name = "paged"
path_prefix = "/paged"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${DEAD_PORT}"
error_pages = [{ status = 502, path = "/502.html", web = { root = "{dir}/pages" } }]
[[vhosts.routes]]
name = "without"
path_prefix = "/without"
access = { deny = ["127.0.0.1"] }
proxy = { upstream = "127.0.0.1:${DEAD_PORT}" }
headers = { response = { cors = { enabled = false } } }
`;
}

const FILES = { "www/index.html": "home", "pages/502.html": "sorry" };

async function ask(port: number, path: string, fields = "", method = "GET"): Promise<Answer> {
  using client = await RawClient.connect(port);
  await client.send(`${method} ${path} HTTP/1.1\r\nhost: a.test\r\n${fields}\r\n`);
  const answer = await client.answer();
  assert.ok(answer !== undefined, path);
  return answer;
}

Deno.test("refusals and failures have the fields of CORS that a page needs to see them", async () => {
  await using auth = await Upstream.start((_request, response) => {
    response.statusCode = 401;
    response.end();
  });
  await using gateway = await TestGateway.start(config(auth.port), FILES);
  const cases: [path: string, status: number, fields?: string, method?: string][] = [
    ["/", 200],
    ["/none", 404],
    ["/.git", 403],
    ["/closed", 403],
    ["/dead", 502],
    ["/paged", 502],
    ["/asked", 401],
    ["/small", 413, "content-length: 2\r\n", "POST"],
    ["/small", 413, "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", "POST"],
  ];
  for (const [path, status, fields = "", method] of cases) {
    const origin = `origin: ${ORIGIN}\r\n`;
    const answer = await ask(gateway.port, path, origin + fields, method);
    assert.equal(answer.status, status, path);
    assert.equal(answer.fields.get("access-control-allow-origin"), ORIGIN, `${path} ${status}`);
    assert.equal(answer.fields.get("vary"), "Origin", path);
  }
  const statuses = new Set<number>();
  for (let i = 0; i < 4; i++) {
    const answer = await ask(gateway.port, "/rare", `origin: ${ORIGIN}\r\n`);
    assert.equal(answer.fields.get("access-control-allow-origin"), ORIGIN);
    statuses.add(answer.status);
  }
  assert.ok(statuses.has(429));
});

Deno.test("other origins, and routes without a policy, learn nothing", async () => {
  await using gateway = await TestGateway.start(config(DEAD_PORT), FILES);
  const strange = await ask(gateway.port, "/closed", "origin: https://evil.example\r\n");
  assert.equal(strange.status, 403);
  assert.equal(strange.fields.get("access-control-allow-origin"), undefined);
  const without = await ask(gateway.port, "/without", `origin: ${ORIGIN}\r\n`);
  assert.equal(without.status, 403);
  assert.equal(without.fields.get("access-control-allow-origin"), undefined);
  assert.equal(without.fields.get("vary"), undefined);
});
