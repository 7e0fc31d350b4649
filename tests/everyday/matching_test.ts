/** Routes that ask for more than a path. */
import assert from "node:assert/strict";
import { loadText } from "../../src/config/load.ts";
import { module as cache } from "../../src/modules/cache/module.ts";
import { module as respond } from "../../src/modules/respond/module.ts";
import { TestGateway } from "../testing/gateway.ts";

function route(name: string, match: string, path = 'path_prefix = "/"'): string {
  return `[[vhosts.routes]]
name = "${name}"
${path}
${match === "" ? "" : `match = ${match}`}
respond.body = "${name}"
`;
}

const HEAD = `[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
`;

Deno.test("routes are chosen by header, query, cookie, client, scheme and protocol", async () => {
  await using gateway = await TestGateway.start([
    HEAD,
    route("both", '{ headers = { x-beta = "1" }, queries = { mode = "new mode" } }'),
    route("beta", '{ headers = { X-Beta = "1" } }'),
    route("agent", '{ headers = { user-agent = "Curl*agent" } }'),
    route("preview", '{ queries = { preview = "*" } }'),
    route("cookie", '{ cookies = { group = "b" } }'),
    route("office", '{ clients = ["192.0.2.0/24"] }'),
    route("tls", '{ scheme = "https" }'),
    route("old", '{ protocols = ["http/1.0"] }'),
    route("rest", ""),
  ].join(""));
  const get = async (path: string, headers: Record<string, string> = {}) => {
    return await (await fetch(gateway.url(path), { headers })).text();
  };
  assert.equal(await get("/"), "rest");
  assert.equal(await get("/", { "x-beta": "1" }), "beta");
  assert.equal(await get("/", { "x-beta": "11" }), "rest");
  assert.equal(await get("/?mode=new+mode", { "x-beta": "1" }), "both");
  assert.equal(await get("/?a&mode=new%20mode", { "x-beta": "1" }), "both");
  assert.equal(await get("/?mode=newmode", { "x-beta": "1" }), "beta");
  assert.equal(await get("/", { "user-agent": "Curl/8 agent" }), "agent");
  assert.equal(await get("/?preview"), "preview");
  assert.equal(await get("/?previews=1"), "rest");
  assert.equal(await get("/", { cookie: "a=1; group=b" }), "cookie");
  assert.equal(await get("/", { cookie: "a=1; xgroup=b" }), "rest");
  assert.equal(await get("/", { "x-forwarded-for": "192.0.2.9" }), "office");
});

Deno.test("a guarded route with a match guards other spellings of its path, too", async () => {
  await using gateway = await TestGateway.start(
    `${HEAD}${route("open", "")}
[[vhosts.routes]]
name = "admin"
path_prefix = "/admin"
match = { headers = { x-team = "*" } }
access.deny = ["127.0.0.1"]
respond.body = "admin"
`,
  );
  const status = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(gateway.url(path), { headers });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await status("/admin", { "x-team": "a" }), 403);
  assert.equal(await status("/%61dmin", { "x-team": "a" }), 403);
  assert.equal(await status("/admin", {}), 200);
});

Deno.test("a match is refused where it cannot be read, or where a cache would mix its answers", () => {
  const problems = (match: string, more = "") => {
    const text = `[[vhosts]]\nname = "a"\nhosts = ["a.test"]\n${route("x", match)}${more}`;
    return loadText(text, [], []).problems.map(({ key, message }) => `${key} ${message}`).join(
      "\n",
    );
  };
  assert.match(problems('{ headers = { "a b" = "1" } }'), /match\.headers.*name of a header/);
  assert.match(problems('{ queries = { a = "*x*" } }'), /match\.queries\.a .*at most one/);
  assert.match(problems('{ clients = ["x"] }'), /match\.clients\[0\]/);
  assert.match(problems('{ protocols = ["h3"] }'), /match\.protocols\[0\]/);
  const cached = "[vhosts.cache]\nenabled = true\nmemory.enabled = true\n";
  const ofCached = (match: string) => {
    const text = `[[vhosts]]\nname = "a"\nhosts = ["a.test"]\n${cached}${route("x", match)}`;
    return loadText(text, [...cache.schema, ...respond.schema], []).problems.map(({ key }) => key);
  };
  assert.deepEqual(ofCached('{ headers = { a = "1" } }'), ["vhosts[0].routes[0].match"]);
  assert.deepEqual(ofCached('{ queries = { a = "1" }, scheme = "http" }'), []);
  assert.match(problems('{ header = { a = "1" } }'), /match\.header/);
});
