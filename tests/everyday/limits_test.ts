/** Rate limits by something else than the address, and over several routes. */
import assert from "node:assert/strict";
import { loadText } from "../../src/config/load.ts";
import { module as rateLimit } from "../../src/modules/rate_limit/module.ts";
import { TestGateway } from "../testing/gateway.ts";

function route(name: string, keys: string): string {
  return `[[vhosts.routes]]
name = "${name}"
path_prefix = "/${name}"
respond.body = "${name}"
[vhosts.routes.rate_limit]
enabled = true
requests_per_second = 1
burst = 2
entry_ttl_secs = 3600
${keys}
`;
}

const HEAD = `[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
`;

/** One token a second is slower than two requests of a test, whatever else runs. */
Deno.test("each value of a header or cookie has a bucket, and without one the address has", async () => {
  await using gateway = await TestGateway.start(
    HEAD + route("key", 'key = "header:X-Api-Key"') + route("cookie", 'key = "cookie:id"'),
  );
  const statuses = async (path: string, headers: Record<string, string>, count: number) => {
    const asked = Array.from({ length: count }, async () => {
      const response = await fetch(gateway.url(path), { headers });
      await response.body?.cancel();
      return response.status;
    });
    return (await Promise.all(asked)).filter((status) => status === 429).length;
  };
  assert.ok(await statuses("/key", { "x-api-key": "a" }, 20) > 0);
  assert.equal(await statuses("/key", { "x-api-key": "b" }, 2), 0);
  assert.equal(await statuses("/key", { "x-api-key": "x".repeat(1000) + "1" }, 2), 0);
  assert.equal(await statuses("/key", { "x-api-key": "x".repeat(1000) + "2" }, 2), 0);
  assert.ok(await statuses("/key", {}, 20) > 0);
  assert.equal(await statuses("/key", { "x-forwarded-for": "192.0.2.1" }, 2), 0);
  assert.ok(await statuses("/cookie", { cookie: "x=1; id=a" }, 20) > 0);
  assert.equal(await statuses("/cookie", { cookie: "id=b; x=1" }, 2), 0);
});

Deno.test("limits with the same name share their buckets", async () => {
  await using gateway = await TestGateway.start(
    HEAD + route("one", 'shared = "api"') + route("two", 'shared = "api"') + route("own", ""),
  );
  const status = async (path: string) => {
    const response = await fetch(gateway.url(path));
    await response.body?.cancel();
    return response.status;
  };
  const first = await Promise.all(Array.from({ length: 20 }, () => status("/one")));
  assert.ok(first.includes(429));
  const second = await Promise.all(Array.from({ length: 20 }, () => status("/two")));
  assert.ok(second.includes(429));
  assert.equal(await status("/own"), 200);
});

Deno.test("a key that is unknown, a country without places and other settings of a name are refused", () => {
  const problems = (...routes: string[]) => {
    const text = HEAD.replace("{port}", "1") + routes.join("");
    const { check } = rateLimit;
    return loadText(text, rateLimit.schema, check === undefined ? [] : [check]).problems
      .map(({ key, message }) => `${key} ${message}`).join("\n");
  };
  assert.match(problems(route("a", 'key = "ip"')), /rate_limit\.key must be/);
  assert.match(problems(route("a", 'key = "header:"')), /rate_limit\.key must be/);
  const plain = (text: string) =>
    text.replace('respond.body = "a"\n', "redirect.to = '/x'\n")
      .replace('respond.body = "b"\n', "redirect.to = '/x'\n");
  assert.match(problems(plain(route("a", 'key = "country"'))), /unless geoip\.enabled/);
  const other = plain(route("b", 'shared = "x"')).replace("burst = 2", "burst = 3");
  assert.match(
    problems(plain(route("a", 'shared = "x"')), other),
    /settings of vhosts\[0\]\.routes\[0\]/,
  );
});
