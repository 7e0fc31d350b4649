/** `auth_request` (spec 02 section 9.8). */
import assert from "node:assert/strict";
import { accessRecord } from "../peers/gateway_log.ts";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { PACED, TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT, moment, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { type Responder, Upstream } from "../testing/upstream.ts";

/** A gateway that asks `auth` about every path before it forwards to `app`. */
function config(auth: number, app: number, keys = "", server = "", vhost = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
${server}
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
${vhost}
[vhosts.proxy]
upstream = "127.0.0.1:${app}"
[vhosts.proxy.auth_request]
enabled = true
url = "http://127.0.0.1:${auth}/check/me"
${keys}
`;
}

const OK: Responder = (_request, response) => response.end("ok");

/** Both services, and a gateway between. */
async function start(respond: Responder, keys = "", server = "", vhost = "") {
  const stack = new AsyncDisposableStack();
  const app = stack.use(await Upstream.start(OK));
  const auth = stack.use(await Upstream.start(respond));
  const text = config(auth.port, app.port, keys, server, vhost);
  const gateway = stack.use(await TestGateway.start(text));
  return { app, auth, gateway, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function get(url: string, init: RequestInit = {}): Promise<[number, string]> {
  const response = await fetch(url, init);
  return [response.status, await response.text()];
}

Deno.test("the service is asked with a bodyless GET, and told nothing that is not listed", async () => {
  await using all = await start(OK);
  const response = await fetch(all.gateway.url("/a?b=c"), {
    method: "POST",
    body: "secret",
    headers: { cookie: "session=1", "x-own": "1" },
  });
  assert.equal(await response.text(), "ok");
  assert.equal(all.auth.last.method, "GET");
  assert.equal(all.auth.last.url, "/check/me");
  assert.equal(all.auth.last.body, "");
  assert.deepEqual(all.auth.last.headers, {
    host: `127.0.0.1:${all.auth.port}`,
    "cache-control": "no-store",
  });
  assert.equal(all.app.last.method, "POST");
  assert.equal(all.app.last.body, "secret");
});

Deno.test("what it learns of the request is the gateway's word, not the client's", async () => {
  const made = {
    "x-original-uri": "/a%20b?c=d",
    "x-forwarded-uri": "/a%20b?c=d",
    "x-auth-request-redirect": "/a%20b?c=d",
    "x-original-method": "PUT",
    "x-forwarded-method": "PUT",
    "x-forwarded-for": "127.0.0.1",
    "x-real-ip": "127.0.0.1",
    "x-forwarded-proto": "http",
  };
  const copied = { "x-own": "1, 2", authorization: "Basic eDp5" };
  const names = [...Object.keys(made), ...Object.keys(copied), "cookie", "x-forwarded-host"];
  await using all = await start(OK, `forward_headers = ${JSON.stringify([...names, "x-absent"])}`);
  using client = await RawClient.connect(all.gateway.port);
  const forged = Object.keys(made).map((name) => `${name}: forged\r\n`).join("");
  await client.send(
    `PUT /a%20b?c=d HTTP/1.1\r\nHost: 127.0.0.1\r\n${forged}X-Forwarded-Host: forged\r\n` +
      "X-Own: 1\r\nX-Own: 2\r\nCookie: a=1\r\nCookie: b=2\r\nAuthorization: Basic eDp5\r\n\r\n",
  );
  assert.equal((await client.answer())?.body, "ok");
  const { host: _host, ...told } = all.auth.last.headers;
  assert.deepEqual(told, {
    ...made,
    ...copied,
    cookie: "a=1; b=2",
    "x-forwarded-host": "127.0.0.1",
    "cache-control": "no-store",
  });
});

Deno.test("a request with two Authorization lines is refused before anything is asked", async () => {
  await using all = await start(OK, 'forward_headers = ["authorization"]');
  using client = await RawClient.connect(all.gateway.port);
  await client.send(
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer mine\r\n" +
      "Authorization: Bearer theirs\r\n\r\n",
  );
  assert.equal((await client.answer())?.status, 400);
  assert.deepEqual([all.auth.seen.length, all.app.seen.length], [0, 0]);
});

Deno.test("a trusted proxy's word on the client is what the service gets", async () => {
  await using all = await start(
    OK,
    'forward_headers = ["x-real-ip", "x-forwarded-for"]',
    'trusted_proxies = ["127.0.0.1"]',
  );
  await get(all.gateway.url("/"), { headers: { "x-forwarded-for": "6.6.6.6, 192.0.2.9" } });
  assert.equal(all.auth.last.headers["x-real-ip"], "192.0.2.9");
  assert.equal(all.auth.last.headers["x-forwarded-for"], "192.0.2.9");
});

Deno.test("listed fields of its answer reach the upstream, and a client's own copies never do", async () => {
  await using all = await start((_request, response) => {
    response.setHeader("x-user", "alice");
    response.setHeader("x-groups", ["a", "b"]);
    response.setHeader("x-unlisted", "1");
    response.writeHead(204);
    response.end();
  }, 'allow_response_headers = ["X-User", "X-Groups", "X-Admin"]');
  await get(all.gateway.url("/"), {
    headers: { "x-user": "mallory", "x-admin": "yes", "x-unlisted": "mine" },
  });
  const { headers } = all.app.last;
  assert.equal(headers["x-user"], "alice");
  assert.equal(headers["x-groups"], "a, b");
  assert.equal(headers["x-admin"], undefined);
  assert.equal(headers["x-unlisted"], "mine");
});

Deno.test("a client's other spelling of what the service owns never reaches the upstream", async () => {
  await using all = await start((request, response) => {
    if (request.headers["x-as"] !== undefined) response.setHeader("x-user", "alice");
    response.end();
  }, 'allow_response_headers = ["X-User"]\nforward_headers = ["x-as"]');
  using client = await RawClient.connect(all.gateway.port);
  for (const [as, user] of [["X-As: 1\r\n", "alice"], ["", undefined]] as const) {
    await client.send(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX_User: mallory\r\nx_USER: mallory\r\n${as}X_Own: 1\r\n\r\n`,
    );
    assert.equal((await client.answer())?.body, "ok");
    const { headers } = all.app.last;
    assert.equal(headers["x-user"], user);
    assert.equal(headers.x_user, undefined);
    assert.equal(headers.x_own, "1");
  }
});

Deno.test("the header policy has the last word over what the service says", async () => {
  await using all = await start(
    (_request, response) => {
      response.setHeader("x-user", "alice");
      response.setHeader("x-real-ip", "6.6.6.6");
      response.end();
    },
    'allow_response_headers = ["x-user", "x-real-ip"]',
    "",
    '[vhosts.headers.request]\nset = { x-user = "policy" }',
  );
  await get(all.gateway.url("/"));
  assert.equal(all.app.last.headers["x-user"], "policy");
  assert.equal(all.app.last.headers["x-real-ip"], "127.0.0.1");
});

Deno.test("4xx and 5xx are the client's answer, with the service's text", async () => {
  await using all = await start((request, response) => {
    response.writeHead(Number(request.headers["x-want"]), {
      "content-type": "text/html",
      "www-authenticate": 'Basic realm="here"',
      "x-secret": "1",
    });
    response.end("<b>no</b>");
  }, 'forward_headers = ["x-want"]');
  for (const status of [400, 401, 403, 404, 429, 500, 503]) {
    const response = await fetch(all.gateway.url("/"), { headers: { "x-want": `${status}` } });
    assert.equal(response.status, status);
    assert.equal(await response.text(), "<b>no</b>");
    assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("x-secret"), null);
    const challenge = status === 401 ? 'Basic realm="here"' : null;
    assert.equal(response.headers.get("www-authenticate"), challenge);
  }
  const head = await fetch(all.gateway.url("/"), {
    method: "HEAD",
    headers: { "x-want": "403" },
  });
  assert.equal(head.status, 403);
  assert.equal(await head.text(), "");
  assert.equal(all.app.seen.length, 0);
});

Deno.test("a redirect is not followed: it is a 500", async () => {
  await using all = await start((_request, response) => {
    response.writeHead(302, { location: "/login" });
    response.end("elsewhere");
  });
  assert.deepEqual(await get(all.gateway.url("/")), [500, ""]);
  assert.equal(all.auth.seen.length, 1);
  assert.equal(all.app.seen.length, 0);
});

Deno.test("an answer that switches protocols is a 500", async () => {
  await using app = await Upstream.start(OK);
  await using auth = new RawUpstream(async (connection) => {
    await connection.head();
    await connection.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    await connection.end();
  });
  await using gateway = await TestGateway.start(config(auth.port, app.port));
  assert.deepEqual(await get(gateway.url("/")), [500, ""]);
  assert.equal(app.seen.length, 0);
});

Deno.test("any 2xx lets the request through, interim answers in front of it or not", async () => {
  const heads = [
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nfine",
    "HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  ];
  await using app = await Upstream.start(OK);
  await using auth = new RawUpstream(async (connection) => {
    while (await connection.head() !== undefined) await connection.send(heads.shift() ?? "");
  });
  await using gateway = await TestGateway.start(config(auth.port, app.port));
  for (let i = 0; i < 3; i++) assert.deepEqual(await get(gateway.url("/")), [200, "ok"]);
  // One connection served all: answers are read to their end.
  assert.equal(auth.connections.length, 1);
});

for (
  const [name, answer] of [
    ["cannot be understood", "HTTP/1.1 abc\r\n\r\n"],
    ["is cut short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"],
    ["is larger than max_response_bytes", `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(1001)}`],
    [
      "announces more than max_response_bytes",
      `HTTP/1.1 403 Forbidden\r\nContent-Length: 1001\r\n\r\n${"x".repeat(1001)}`,
    ],
  ]
) {
  Deno.test(`an answer that ${name} is a 502`, async () => {
    await using app = await Upstream.start(OK);
    await using auth = new RawUpstream(async (connection) => {
      await connection.head();
      await connection.send(answer);
    });
    await using gateway = await TestGateway.start(
      config(auth.port, app.port, "max_response_bytes = 1000"),
    );
    assert.deepEqual(await get(gateway.url("/")), [502, ""]);
    assert.equal(app.seen.length, 0);
    await until("it is logged", () => gateway.process.output.includes("/check/me failed"));
  });
}

Deno.test("an answer of exactly max_response_bytes is one", async () => {
  await using all = await start(
    (_request, response) => response.end("x".repeat(1000)),
    "max_response_bytes = 1000",
  );
  assert.deepEqual(await get(all.gateway.url("/")), [200, "ok"]);
});

Deno.test("a service that does not run is a 502", async () => {
  await using app = await Upstream.start(OK);
  await using gateway = await TestGateway.start(config(DEAD_PORT, app.port));
  assert.deepEqual(await get(gateway.url("/")), [502, ""]);
  assert.equal(app.seen.length, 0);
});

Deno.test("the sum of both time limits is for the whole call, however busily it dribbles", async () => {
  await using app = await Upstream.start(OK);
  await using auth = new RawUpstream(async (connection) => {
    await connection.head();
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    try {
      for (;;) {
        await connection.send("x");
        await moment();
      }
    } catch {
      // The gateway has given up.
    }
  });
  await using gateway = await TestGateway.start(
    config(auth.port, app.port, "connect_timeout_secs = 1\nread_timeout_secs = 1"),
    {},
    PACED,
  );
  assert.deepEqual(await get(gateway.url("/")), [502, ""]);
  await until("the reason is logged", () => gateway.process.output.includes("it took too long"));
});

Deno.test("a kept connection that the service has dropped costs no request", async () => {
  await using all = await start(OK);
  for (let i = 0; i < 10; i++) {
    assert.deepEqual(await get(all.gateway.url("/")), [200, "ok"]);
    all.auth.drop();
  }
  assert.equal(all.auth.seen.length, 10);
});

Deno.test("a client that leaves takes the question with it", async () => {
  let closed = false;
  await using all = await start((_request, response) => {
    response.on("close", () => closed = true);
  });
  const client = await RawClient.connect(all.gateway.port);
  await client.send("GET /gone HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  await until("the service is asked", () => all.auth.seen.length === 1);
  client[Symbol.dispose]();
  await until("its connection is closed", () => closed);
  assert.equal((await accessRecord(all.gateway, "/gone")).status, null);
  assert.equal(all.app.seen.length, 0);
});

Deno.test("a client's body waits for the answer, and is not asked for in vain", async () => {
  await using all = await start((_request, response) => {
    response.writeHead(403);
    response.end("no");
  });
  using client = await RawClient.connect(all.gateway.port);
  await client.send(
    "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
  );
  // The final answer comes first: there was no 100 in front of it.
  assert.equal((await client.answer())?.status, 403);
});

Deno.test("access, rate and size limits are asked first; the mirror and the upstream behind", async () => {
  await using mirror = await Upstream.start(OK);
  await using all = await start(
    (_request, response) => {
      response.writeHead(403);
      response.end();
    },
    `[vhosts.proxy.mirror]\nenabled = true\nbase_url = "http://127.0.0.1:${mirror.port}"`,
    "",
    "max_request_body_bytes = 10\n[vhosts.rate_limit]\nenabled = true\nrequests_per_second = 1\nburst = 2",
  );
  const large = await get(all.gateway.url("/"), { method: "POST", body: "more than ten" });
  assert.equal(large[0], 413);
  assert.equal(all.auth.seen.length, 0);
  assert.equal((await get(all.gateway.url("/")))[0], 403);
  assert.equal((await get(all.gateway.url("/")))[0], 429);
  assert.equal(all.auth.seen.length, 1);
  assert.equal(mirror.seen.length, 0);
});

Deno.test("fields of a connection in allow_response_headers change nothing upstream", async () => {
  await using all = await start((_request, response) => {
    response.setHeader("content-length", "2");
    response.setHeader("expect", "100-continue");
    response.end("ok");
  }, 'allow_response_headers = ["content-length", "host", "expect"]');
  assert.equal((await get(all.gateway.url("/"), { method: "POST", body: "four" }))[0], 200);
  assert.equal(all.app.last.body, "four");
  assert.equal(all.app.last.headers["content-length"], "4");
  assert.match(all.app.last.headers.host ?? "", /^127\.0\.0\.1/);
  assert.equal(all.app.last.headers.expect, undefined);
});

Deno.test("the URL of an auth service needs a path", async () => {
  await assert.rejects(
    TestGateway.start(config(1, 2).replace("/check/me", "")),
    /auth_request\.url.*must have a path/,
  );
});

/** `/admin` has an upstream and a service of its own; the vhost has what `vhost` says, and files. */
function guarded(auth: number, app: number, vhost: string): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
${vhost}
[[vhosts.routes]]
name = "admin"
path_prefix = "/admin"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${app}"
auth_request = { enabled = true, url = "http://127.0.0.1:${auth}/admin", allow_response_headers = ["x-user", "x-role"] }
`;
}

Deno.test("another spelling of a path does not get around the service of its route", async () => {
  let served = 0;
  await using app = await Upstream.start((_request, response) => {
    served++;
    response.end("ok");
  });
  await using auth = await Upstream.start((_request, response) => {
    response.statusCode = 401;
    response.end("who are you?");
  });
  const vhosts = {
    "an upstream": [`proxy = { upstream = "127.0.0.1:${app.port}" }`, "/%61dmin/x"],
    "a file": ['web = { root = "{dir}/www" }', "/%61dmin/page.txt"],
    "a redirect": [
      '[[vhosts.routes]]\nname = "old"\npath_exact = "/%61dmin"\nredirect = { to = "https://new.test" }',
      "/%61dmin",
    ],
  };
  for (const [what, [vhost, path]] of Object.entries(vhosts)) {
    await using gateway = await TestGateway.start(guarded(auth.port, app.port, vhost), {
      "www/admin/page.txt": "page",
    });
    using client = await RawClient.connect(gateway.port);
    for (const spelled of ["/admin/x", path]) {
      await client.send(`GET ${spelled} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      const answer = await client.answer();
      assert.deepEqual([answer?.status, answer?.body], [401, "who are you?"], `${what} ${spelled}`);
    }
  }
  assert.equal(served, 0);
});

Deno.test("the services of both routes are asked, the action's own has the last word", async () => {
  await using app = await Upstream.start(OK);
  const asked: string[] = [];
  await using auth = await Upstream.start((request, response) => {
    asked.push(String(request.url));
    if (request.url === "/admin") response.setHeader("x-role", "root");
    response.setHeader("x-user", String(request.url));
    response.end();
  });
  const vhost = `[vhosts.proxy]
upstream = "127.0.0.1:${app.port}"
auth_request = { enabled = true, url = "http://127.0.0.1:${auth.port}/all", allow_response_headers = ["x-user"] }`;
  await using gateway = await TestGateway.start(guarded(auth.port, app.port, vhost));
  using client = await RawClient.connect(gateway.port);
  await client.send(
    "GET /%61dmin HTTP/1.1\r\nHost: 127.0.0.1\r\nX-User: eve\r\nX-Role: eve\r\n\r\n",
  );
  assert.equal((await client.answer())?.status, 200);
  assert.deepEqual(asked, ["/admin", "/all"]);
  assert.equal(app.last.headers["x-user"], "/all");
  assert.equal(app.last.headers["x-role"], "root");
});

Deno.test("a service that both routes have is asked once", async () => {
  await using app = await Upstream.start(OK);
  let asked = 0;
  await using auth = await Upstream.start((_request, response) => {
    asked++;
    response.setHeader("x-user", "ann");
    response.end();
  });
  const vhost = `[vhosts.proxy]
upstream = "127.0.0.1:${app.port}"
auth_request = { enabled = true, url = "http://127.0.0.1:${auth.port}/admin", allow_response_headers = ["x-user", "x-role"] }`;
  await using gateway = await TestGateway.start(guarded(auth.port, app.port, vhost));
  using client = await RawClient.connect(gateway.port);
  await client.send("GET /%61dmin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  assert.equal((await client.answer())?.status, 200);
  assert.equal(asked, 1);
  assert.equal(app.last.headers["x-user"], "ann");
});
