/** Pages in place of the gateway's own failures (spec 02 section 7.6). */
import assert from "node:assert/strict";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

function page(status: number, path: string, web = ""): string {
  return `[[vhosts.proxy.error_pages]]
status = ${status}
path = "${path}"
web = { root = "{dir}/pages"${web} }
`;
}

function config(port: number, pages: string, vhost = "", rest = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
${vhost}
[vhosts.proxy]
upstream = "127.0.0.1:${port}"
${pages}
${rest}
`;
}

const FILES = { "pages/502.html": "<h1>sorry</h1>", "pages/500.txt": "broken" };

Deno.test("a page keeps the status, and has the fields of its own table and of header policy", async () => {
  await using gateway = await TestGateway.start(
    config(
      DEAD_PORT,
      page(502, "/502.html", ', cache_control = "no-cache", expires = "0"'),
      '[vhosts.headers.response]\nset = { x-page = "yes" }',
    ),
    FILES,
  );
  const response = await fetch(gateway.url("/any/path?x"));
  assert.equal(response.status, 502);
  assert.equal(await response.text(), "<h1>sorry</h1>");
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-cache");
  assert.equal(response.headers.get("expires"), "0");
  assert.equal(response.headers.get("x-page"), "yes");
  assert.equal(response.headers.get("x-frame-options"), "DENY");
});

Deno.test("conditions and ranges of the request play no part", async () => {
  await using gateway = await TestGateway.start(config(DEAD_PORT, page(502, "/502.html")), FILES);
  const first = await fetch(gateway.url("/"));
  const etag = first.headers.get("etag") ?? "";
  await first.body?.cancel();
  for (
    const [name, value] of [
      ["if-none-match", etag === "" ? "*" : etag],
      ["if-match", '"other"'],
      ["range", "bytes=0-1"],
    ]
  ) {
    const response = await fetch(gateway.url("/"), { headers: { [name]: value } });
    assert.equal(response.status, 502);
    assert.equal(await response.text(), "<h1>sorry</h1>");
  }
});

Deno.test("HEAD has the page's fields and length, and no body; POST has the page", async () => {
  await using gateway = await TestGateway.start(config(DEAD_PORT, page(502, "/502.html")), FILES);
  using client = await RawClient.connect(gateway.port);
  await client.send("HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  const head = await client.answer(false);
  assert.equal(head?.status, 502);
  assert.equal(head.fields.get("content-length"), "14");
  // The connection goes on: nothing followed the head.
  await client.send("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nhi");
  assert.equal((await client.answer())?.body, "<h1>sorry</h1>");
});

Deno.test("a page that is missing leaves the bare failure", async () => {
  await using gateway = await TestGateway.start(config(DEAD_PORT, page(502, "/gone.html")), FILES);
  const response = await fetch(gateway.url("/"));
  assert.equal(response.status, 502);
  assert.equal(await response.text(), "");
  assert.equal(response.headers.get("cache-control"), "private, no-store");
});

Deno.test("a page for another status changes nothing", async () => {
  await using gateway = await TestGateway.start(config(DEAD_PORT, page(500, "/500.txt")), FILES);
  const response = await fetch(gateway.url("/"));
  assert.equal(response.status, 502);
  assert.equal(await response.text(), "");
});

Deno.test("an upstream's own errors pass, and so do the gateway's refusals", async () => {
  await using upstream = await Upstream.start((_request, response) => {
    response.writeHead(502);
    response.end("the upstream's own");
  });
  const pages = page(502, "/502.html") + page(403, "/502.html");
  await using gateway = await TestGateway.start(
    config(
      upstream.port,
      pages,
      "",
      `[[vhosts.routes]]
name = "closed"
path_prefix = "/closed"
access = { deny = ["127.0.0.1"] }
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream.port}"
`,
    ),
    FILES,
  );
  assert.equal(await (await fetch(gateway.url("/"))).text(), "the upstream's own");
  assert.equal(await (await fetch(gateway.url("/closed"))).text(), "forbidden");
});

Deno.test("a failure of the auth service has its page too; its refusals are its own", async () => {
  await using app = await Upstream.start((_request, response) => response.end("ok"));
  const answers = [
    "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 502 Bad\r\nContent-Length: 2\r\n\r\nno",
    "nonsense\r\n\r\n",
  ];
  await using auth = new RawUpstream(async (connection) => {
    while (await connection.head() !== undefined) await connection.send(answers.shift() ?? "");
  });
  await using gateway = await TestGateway.start(
    config(
      app.port,
      page(502, "/502.html") + page(500, "/500.txt") +
        `[vhosts.proxy.auth_request]\nenabled = true\nurl = "http://127.0.0.1:${auth.port}/"`,
    ),
    FILES,
  );
  const told = [];
  for (let i = 0; i < 3; i++) {
    const response = await fetch(gateway.url("/"));
    told.push(`${response.status} ${await response.text()}`);
  }
  assert.deepEqual(told, ["500 broken", "502 no", "502 <h1>sorry</h1>"]);
});

Deno.test("a route's files that pass on to the vhost's upstream have the vhost's pages", async () => {
  await using gateway = await TestGateway.start(
    config(
      DEAD_PORT,
      page(502, "/502.html"),
      "",
      `[[vhosts.routes]]
name = "files"
path_prefix = "/files"
[vhosts.routes.web]
root = "{dir}/pages"
`,
    ),
    FILES,
  );
  const response = await fetch(gateway.url("/files/none"));
  assert.equal(response.status, 502);
  assert.equal(await response.text(), "<h1>sorry</h1>");
});

Deno.test("two pages for one status, an invalid path and a missing root are refused", async () => {
  const refused = (pages: string, reason: RegExp) =>
    assert.rejects(TestGateway.start(config(1, pages), FILES), reason);
  await refused(
    page(502, "/502.html") + page(502, "/other.html"),
    /error_pages\[1\]\.status.*502 has a page already/,
  );
  await refused(page(399, "/502.html"), /error_pages\[0\]\.status/);
  await refused(page(502, "/../502.html"), /error_pages\[0\]\.path/);
  await refused(
    '[[vhosts.proxy.error_pages]]\nstatus = 502\npath = "/x"\nweb = {}\n',
    /error_pages\[0\]\.web\.root/,
  );
});

Deno.test("the access record tells of the failure that a page stands for", async () => {
  await using gateway = await TestGateway.start(config(DEAD_PORT, page(502, "/502.html")), FILES);
  await (await fetch(gateway.url("/"))).body?.cancel();
  await until("the record is written", () => gateway.process.output.includes('"status":502'));
  assert.match(gateway.process.output, /"status":502,"status_class":"5xx","error":true/);
});
