/** Access rules by user agent and referer. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";

Deno.test("agents and referers that are denied get 403, and all others what they ask for", async () => {
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.access]
deny_user_agents = ["BadBot"]
deny_referers = ["spam.example", "*.spam.example"]
[[vhosts.routes]]
name = "images"
path_prefix = "/images"
access = { allow_referers = ["partner.example"] }
respond.body = "image"
[[vhosts.routes]]
name = "all"
fallback = true
respond.body = "page"
`);
  const status = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(gateway.url(path), { headers });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await status("/"), 200);
  assert.equal(await status("/", { "user-agent": "Mozilla/5.0 (compatible; badbot/2)" }), 403);
  assert.equal(await status("/", { "user-agent": "Mozilla/5.0" }), 200);
  assert.equal(await status("/", { referer: "https://spam.example/x" }), 403);
  assert.equal(await status("/", { referer: "https://WWW.spam.example:8443/" }), 403);
  assert.equal(await status("/", { referer: "https://notspam.example/" }), 200);
  assert.equal(await status("/images"), 200);
  assert.equal(await status("/images", { referer: "https://partner.example/page" }), 200);
  assert.equal(await status("/images", { referer: gateway.url("/own") }), 200);
  for (const referer of ["https://other.example/", "nonsense", "https://"]) {
    assert.equal(await status("/images", { referer }), 403, referer);
  }
});
