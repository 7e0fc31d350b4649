import assert from "node:assert/strict";
import { createServer } from "node:http";
import { load } from "../../src/cli/load.ts";
import { profile as development } from "../../src/profiles/development.ts";
import { profile as privacy } from "../../src/profiles/privacy.ts";
import { TestGateway } from "../testing/gateway.ts";
import { nginx, TempDir, testWith } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";

/** A gateway whose every path goes to the socket `app.sock` of `dir`. */
function config(dir: string, proxy = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[logging.access]
enabled = true
include_upstream = true
[[vhosts]]
name = "app"
hosts = ["127.0.0.1", "app.example"]
[vhosts.proxy]
upstream = "unix:${dir}/app.sock"
${proxy}
`;
}

/** A node server on a unix socket. */
class SocketServer implements AsyncDisposable {
  connections = 0;
  readonly hosts: (string | undefined)[] = [];
  readonly server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    this.hosts.push(request.headers.host);
    let size = 0;
    request.on("data", (part) => size += part.length);
    request.on("end", () => response.end(`${request.method} ${request.url} ${size}`));
  });

  static async listen(path: string): Promise<SocketServer> {
    const made = new SocketServer();
    made.server.on("connection", () => made.connections++);
    await new Promise<void>((resolve) => made.server.listen(path, resolve));
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

Deno.test("requests go to a unix socket over kept connections, with the client's Host", async () => {
  await using dir = new TempDir();
  await using upstream = await SocketServer.listen(`${dir.path}/app.sock`);
  await using gateway = await TestGateway.start(config(dir.path));
  for (let i = 0; i < 10; i++) {
    const response = await fetch(gateway.url("/a%20b?x=1"), {
      method: "PUT",
      body: "x".repeat(100_000),
    });
    assert.equal(await response.text(), "PUT /a%20b?x=1 100000");
    assert.equal(response.headers.get("via"), "1.1 fluxheim");
  }
  assert.equal(upstream.connections, 1);
  assert.deepEqual(new Set(upstream.hosts), new Set([`127.0.0.1:${gateway.port}`]));
  await gateway.process.stop();
  assert.ok(gateway.process.output.includes(`"upstream":"unix:${dir.path}/app.sock"`));
  assert.deepEqual(gateway.audit.finish(), []);
});

Deno.test("a client of HTTP/1.0 that names no host is one of localhost", async () => {
  await using dir = new TempDir();
  await using upstream = await SocketServer.listen(`${dir.path}/app.sock`);
  await using gateway = await TestGateway.start(config(dir.path));
  using client = await RawClient.connect(gateway.port);
  await client.send("GET / HTTP/1.0\r\n\r\n");
  assert.match(await client.rest(), /GET \/ 0$/);
  assert.deepEqual(upstream.hosts, ["localhost"]);
});

Deno.test("a socket that is missing or that no program serves is 502, with the reason in the log", async () => {
  await using dir = new TempDir();
  await using gateway = await TestGateway.start(config(dir.path));
  const status = async () => {
    const response = await fetch(gateway.url("/"));
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await status(), 502);
  {
    await using _upstream = await SocketServer.listen(`${dir.path}/bound.sock`);
    // Under another name than it is bound by, the socket stays when its server has ended.
    Deno.renameSync(`${dir.path}/bound.sock`, `${dir.path}/app.sock`);
    assert.equal(await status(), 200);
  }
  assert.equal(await status(), 502);
  await gateway.process.stop();
  const path = `unix:${dir.path}/app.sock`;
  const { output } = gateway.process;
  assert.ok(output.includes(`upstream ${path} failed (connect): refused: ${path}: No such file`));
  assert.ok(output.includes(`(connect): refused: ${path}: Connection refused`));
});

testWith(["nginx"], "nginx answers on a unix socket, over HTTP/1.1 and HTTP/2", async () => {
  for (const [version, listen] of [["http1", ""], ["http2", " http2"]]) {
    await using peer = await nginx(
      `server { listen 127.0.0.1:{port}; listen unix:{dir}/app.sock${listen};
       location / { return 200 "$server_protocol $host"; } }`,
    );
    const extra = `upstream_http_version = "${version}"`;
    await using gateway = await TestGateway.start(config(peer.dir.path, extra));
    const response = await fetch(gateway.url("/"), { headers: { host: "app.example" } });
    const spoken = version === "http2" ? "HTTP/2.0" : "HTTP/1.1";
    assert.equal(await response.text(), `${spoken} 127.0.0.1`);
  }
});

testWith(
  ["nginx"],
  "a PROXY header tells a program behind a unix socket of the client",
  async () => {
    await using peer = await nginx(
      `server { listen 127.0.0.1:{port}; listen unix:{dir}/app.sock proxy_protocol;
     location / { return 200 "$proxy_protocol_addr"; } }`,
    );
    const extra = 'upstream_proxy_protocol = "v2"';
    await using gateway = await TestGateway.start(config(peer.dir.path, extra));
    assert.equal(await (await fetch(gateway.url("/"))).text(), "127.0.0.1");
  },
);

Deno.test("the path of a socket is absolute or begins at its configuration's directory", async () => {
  await using dir = new TempDir();
  await using _upstream = await SocketServer.listen(`${dir.path}/app.sock`);
  await using gateway = await TestGateway.start(config("run"));
  Deno.mkdirSync(`${gateway.dir.path}/run`);
  Deno.renameSync(`${dir.path}/app.sock`, `${gateway.dir.path}/run/app.sock`);
  assert.equal(await (await fetch(gateway.url("/"))).text(), "GET / 0");
});

Deno.test("paths that others could redirect, that are too long, and TLS are refused by key", async () => {
  await using dir = new TempDir();
  Deno.mkdirSync(`${dir.path}/open`);
  Deno.chmodSync(`${dir.path}/open`, 0o777);
  const cases: [address: string, extra: string, key: string, message: RegExp][] = [
    [`unix:${dir.path}/open/app.sock`, "", "vhosts[0].proxy.upstream", /writable by/],
    [`unix:${dir.path}/../app.sock`, "", "vhosts[0].proxy.upstream", /".." component/],
    [`unix:/${"a".repeat(107)}`, "", "vhosts[0].proxy.upstream", /at most 107 bytes/],
    ["unix:", "", "vhosts[0].proxy.upstream", /unix socket such as/],
    ["unix:/run/app.sock", "upstream_tls = true", "vhosts[0].proxy.upstream_tls", /unix socket/],
  ];
  for (const [address, extra, key, message] of cases) {
    const text = config("x", extra).replace("unix:x/app.sock", address).replace("{port}", "8080");
    const { problems } = await load(development, dir.write("fluxheim.toml", text));
    const found = problems.find((problem) => problem.key === key);
    assert.match(found?.message ?? `none at ${key}`, message);
  }
});

Deno.test("a privacy build refuses unix sockets by name", async () => {
  await using dir = new TempDir();
  const text = config("/run", "").replace(/\[logging[^]*?(?=\[\[)/, "").replace("{port}", "8080");
  const { problems } = await load(privacy, dir.write("fluxheim.toml", text));
  assert.match(
    problems.find(({ key }) => key === "vhosts[0].proxy.upstream")?.message ?? "",
    /must not be a unix socket/,
  );
});
