/** An auth service in front of whatever a vhost or a route serves. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { type Responder, Upstream } from "../testing/upstream.ts";

/** Lets those in who have a session, and sends others to log in. */
const LOGIN: Responder = (request, response) => {
  if (request.headers.cookie?.includes("session=1") === true) {
    response.setHeader("x-user", "alice");
    response.end();
    return;
  }
  response.statusCode = 302;
  response.setHeader("location", "https://login.example/?back=/private");
  response.setHeader("set-cookie", ["csrf=1; Path=/", "other=2"]);
  response.end("to the login page");
};

function config(auth: number, keys: string, more = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
web.root = "{dir}/site"
[[vhosts.routes]]
name = "private"
path_prefix = "/private"
web.root = "{dir}/site"
[vhosts.routes.auth_request]
enabled = true
url = "http://127.0.0.1:${auth}/check"
forward_headers = ["cookie", "x-original-uri"]
${keys}
${more}`;
}

const FILES = { "site/private/index.html": "inside", "site/index.html": "outside" };

Deno.test("files are there for those whom the service lets in, and others are sent to log in", async () => {
  await using auth = await Upstream.start(LOGIN);
  await using gateway = await TestGateway.start(config(auth.port, "pass_redirects = true"), FILES);
  const away = await fetch(gateway.url("/private/?x=1"), { redirect: "manual" });
  assert.equal(away.status, 302);
  assert.equal(away.headers.get("location"), "https://login.example/?back=/private");
  assert.deepEqual(away.headers.getSetCookie(), ["csrf=1; Path=/", "other=2"]);
  assert.equal(away.headers.get("cache-control"), "no-store");
  assert.equal(await away.text(), "");
  assert.equal(auth.last.headers["x-original-uri"], "/private/?x=1");
  const inside = await fetch(gateway.url("/private/"), { headers: { cookie: "session=1" } });
  assert.equal(await inside.text(), "inside");
  // Another spelling of the path, and a file under the guarded name, are guarded.
  const spelled = await fetch(gateway.url("/%70rivate/"), { redirect: "manual" });
  assert.equal(spelled.status, 302);
  await spelled.text();
  assert.equal(await (await fetch(gateway.url("/"))).text(), "outside");
});

Deno.test("without pass_redirects a redirect of the service is no answer", async () => {
  await using auth = await Upstream.start(LOGIN);
  await using gateway = await TestGateway.start(config(auth.port, ""), FILES);
  const odd = await fetch(gateway.url("/private/"), { redirect: "manual" });
  assert.equal(odd.status, 500);
  await odd.text();
});

Deno.test("how to log in is passed on with a 401", async () => {
  await using auth = await Upstream.start((_request, response) => {
    response.statusCode = 401;
    response.setHeader("www-authenticate", 'Bearer realm="api"');
    response.end("token, please");
  });
  await using gateway = await TestGateway.start(config(auth.port, ""), FILES);
  const response = await fetch(gateway.url("/private/"));
  assert.equal(response.status, 401);
  assert.equal(response.headers.get("www-authenticate"), 'Bearer realm="api"');
  assert.equal(await response.text(), "token, please");
});

Deno.test("what the service says of a client reaches the upstream of the route", async () => {
  await using auth = await Upstream.start(LOGIN);
  await using app = await Upstream.start((_request, response) => response.end("app"));
  const text = config(auth.port, 'allow_response_headers = ["x-user"]')
    .replace(
      'path_prefix = "/private"\nweb.root = "{dir}/site"',
      `path_prefix = "/private"
proxy.upstream = "127.0.0.1:${app.port}"`,
    );
  await using gateway = await TestGateway.start(text, FILES);
  const headers = { cookie: "session=1", "x-user": "root", "x.user": "root" };
  assert.equal(await (await fetch(gateway.url("/private/"), { headers })).text(), "app");
  assert.equal(app.last.headers["x-user"], "alice");
  assert.equal(app.last.headers["x.user"], undefined);
});
