import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { load } from "../../src/cli/load.ts";
import { profile as development } from "../../src/profiles/development.ts";
import { profile as privacy } from "../../src/profiles/privacy.ts";
import { launchArguments, TestGateway } from "../testing/gateway.ts";
import { find, freePort, nginx, Process, TempDir, testWith, until } from "../testing/peer.ts";
import { UnixClient } from "../../src/net/testing/unix_client.ts";
import { Upstream } from "../testing/upstream.ts";

/** A gateway with a socket `run/app.sock` beside its configuration. */
function config(server = "", rest = ""): string {
  return `[server]
listen = ["unix:run/app.sock", "127.0.0.1:{port}"]
${server}
[logging.access]
enabled = true
include_listener = true
[[vhosts]]
name = "app"
hosts = ["app.example", "127.0.0.1"]
${rest}
`;
}

const SITE = '[vhosts.web]\nroot = "{dir}/site"\n';
const FILES = { "site/index.html": "hello", "run/.keep": "" };

/** Starts it; the sockets are there a moment after the ports. */
async function start(text: string, files: Readonly<Record<string, string>>): Promise<TestGateway> {
  const gateway = await TestGateway.start(text, files);
  await until("the socket is there", () => exists(socketOf(gateway)));
  return gateway;
}

function socketOf(gateway: TestGateway): string {
  return `${gateway.dir.path}/run/app.sock`;
}

/** Body and status as curl sees them, or its exit status. */
async function curl(socket: string, ...args: string[]): Promise<string> {
  const { code, stdout } = await new Deno.Command(find("curl")!, {
    args: [
      "-s",
      "-o",
      "-",
      "-w",
      " %{http_code}",
      "--unix-socket",
      socket,
      ...args,
      "http://app.example/",
    ],
  }).output();
  return code === 0 ? new TextDecoder().decode(stdout) : `curl ${code}`;
}

/** Everything that comes back for one request, perhaps after a PROXY header. */
async function ask(socket: string, head = "", fields = ""): Promise<string> {
  using client = await UnixClient.connect(socket);
  await client.send(
    `${head}GET / HTTP/1.1\r\nhost: app.example\r\n${fields}connection: close\r\n\r\n`,
  );
  return await client.rest();
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

testWith(["curl"], "a unix socket is served with its mode, and removed at the end", async () => {
  await using gateway = await start(config("", SITE), FILES);
  const socket = socketOf(gateway);
  assert.equal(await curl(socket), "hello 200");
  const { mode, isSocket } = Deno.lstatSync(socket);
  assert.deepEqual([isSocket, (mode ?? 0) & 0o7777], [true, 0o660]);
  assert.equal(exists(`${gateway.dir.path}/run/.app.sock.new`), false);
  const { code } = await gateway.process.stop();
  assert.equal(code, 0);
  assert.equal(exists(socket), false);
  assert.ok(gateway.process.output.includes(`listening on unix:${socket} (unix)`));
  assert.ok(gateway.process.output.includes('"client_ip":""'));
  assert.ok(gateway.process.output.includes(`,"listener":"unix:${socket}"}`));
  assert.deepEqual(gateway.audit.finish(), []);
});

Deno.test("mode and group are those of the configuration", async () => {
  const group = Deno.gid() ?? 0;
  const unix = `[server.unix]\nmode = "600"\ngroup = ${group}`;
  await using gateway = await start(config(unix, SITE), FILES);
  const { mode, gid } = Deno.lstatSync(socketOf(gateway));
  assert.deepEqual([(mode ?? 0) & 0o7777, gid], [0o600, group]);
});

Deno.test("a socket that a killed gateway has left is taken over", async () => {
  await using gateway = await start(config("", SITE), FILES);
  const socket = socketOf(gateway);
  await gateway.process.stop("SIGKILL");
  assert.equal(exists(socket), true);
  await using next = new Process(Deno.execPath(), await launchArguments(gateway.configPath));
  await until("it listens", () => next.output.includes(`listening on unix:${socket}`));
  assert.match(await ask(socket), /hello$/);
});

Deno.test("a socket that another program serves is left alone, and so is what is not a socket", async () => {
  await using dir = new TempDir();
  const path = `${dir.path}/app.sock`;
  const other = Deno.listen({ transport: "unix", path });
  const file = dir.write(
    "fluxheim.toml",
    config("", "").replace("unix:run/app.sock", `unix:${path}`)
      .replace('"127.0.0.1:{port}"', '"127.0.0.1:0"'),
  );
  const begin = () => new Process(Deno.execPath(), ["run", "-A", "-q", MAIN, "--config", file]);
  {
    await using refused = begin();
    const { code } = await refused.ended;
    assert.notEqual(code, 0);
    await refused.stop();
    assert.match(refused.output, /server\.listen\[0\].*another program serves this socket/);
  }
  assert.equal(Deno.lstatSync(path).isSocket, true);
  (await Deno.connect({ transport: "unix", path })).close();
  other.close();
  Deno.writeTextFileSync(path, "mine");
  await using refused = begin();
  await refused.ended;
  await refused.stop();
  assert.match(refused.output, /server\.listen\[0\].*not a socket/);
  assert.equal(Deno.readTextFileSync(path), "mine");
});

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

Deno.test("a gateway that ends leaves the socket of one that has taken its place", async () => {
  await using gateway = await start(config("", SITE), FILES);
  const socket = socketOf(gateway);
  const other = Deno.listen({ transport: "unix", path: `${gateway.dir.path}/other.sock` });
  Deno.renameSync(`${gateway.dir.path}/other.sock`, socket);
  await gateway.process.stop();
  assert.equal(exists(socket), true);
  other.close();
});

Deno.test("a peer of a socket has no address, and what it says of its client counts only when trusted", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("ok"));
  const proxy = `[vhosts.proxy]\nupstream = "127.0.0.1:${upstream.port}"\n`;
  const asked = async (server: string) => {
    await using gateway = await start(config(server, proxy), FILES);
    const fields = "x-forwarded-for: 192.0.2.7\r\n";
    assert.match(await ask(socketOf(gateway), "", fields), /ok$/);
    await gateway.process.stop();
    const { headers } = upstream.last;
    const logged = /"client_ip":"([^"]*)"/.exec(gateway.process.output)?.[1];
    return [headers["x-forwarded-for"], logged];
  };
  assert.deepEqual(await asked(""), [undefined, ""]);
  assert.deepEqual(await asked('trusted_proxies = ["127.0.0.0/8"]'), [undefined, ""]);
  assert.deepEqual(await asked('trusted_proxies = ["unix:"]'), ["192.0.2.7", "192.0.2.7"]);
});

Deno.test("PROXY headers name the client on a unix socket", async () => {
  const server = 'proxy_protocol = "v1"\ntrusted_proxies = ["unix:", "127.0.0.0/8"]';
  await using gateway = await start(config(server, SITE), FILES);
  const header = "PROXY TCP4 192.0.2.9 192.0.2.1 4000 80\r\n";
  assert.match(await ask(socketOf(gateway), header), /hello$/);
  assert.equal(await ask(socketOf(gateway)), "");
  await gateway.process.stop();
  assert.ok(gateway.process.output.includes('"client_ip":"192.0.2.9"'));
});

testWith(["nginx"], "nginx forwards to the socket, over kept connections", async () => {
  await using gateway = await start(
    config('trusted_proxies = ["unix:"]', SITE),
    FILES,
  );
  await using peer = await nginx(
    `upstream app { server unix:${socketOf(gateway)}; keepalive 4; }
     server { listen 127.0.0.1:{port};
       location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
         proxy_set_header Host app.example; proxy_set_header X-Forwarded-For $remote_addr; } }`,
  );
  for (let i = 0; i < 5; i++) {
    const response = await fetch(`http://127.0.0.1:${peer.port}/`);
    assert.equal(await response.text(), "hello");
  }
  await gateway.process.stop();
  assert.ok(gateway.process.output.includes('"client_ip":"127.0.0.1"'));
});

testWith(["haproxy"], "haproxy sends PROXY headers of version 2 to the socket", async () => {
  const server = 'proxy_protocol = "v2"\ntrusted_proxies = ["unix:", "127.0.0.0/8"]';
  await using gateway = await start(config(server, SITE), FILES);
  const front = freePort();
  const file = gateway.dir.write(
    "haproxy.cfg",
    `defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend in
  bind 127.0.0.1:${front}
  default_backend out
backend out
  server gw unix@${socketOf(gateway)} send-proxy-v2
`,
  );
  await using proxy = new Process(find("haproxy")!, ["-f", file, "-db"]);
  await proxy.listening(front);
  const response = await fetch(`http://127.0.0.1:${front}/`, { headers: { connection: "close" } });
  assert.equal(await response.text(), "hello");
  await gateway.process.stop();
  assert.ok(gateway.process.output.includes('"client_ip":"127.0.0.1"'));
});

Deno.test("no more connections than max_connections are open on a socket", async () => {
  const server = "[server.limits]\nmax_connections = 1";
  await using gateway = await start(config(server, SITE), FILES);
  const path = socketOf(gateway);
  using first = await UnixClient.connect(path);
  await first.send("GET / HTTP/1.1\r\nhost: app.example\r\n\r\n");
  await first.until(/hello$/);
  assert.equal(await ask(path).catch(() => ""), "");
});

Deno.test("unix sockets cannot be TLS listeners, listed twice, or in privacy builds", async () => {
  await using dir = new TempDir();
  const problemsOf = async (text: string, profile = development) =>
    (await load(profile, dir.write("fluxheim.toml", text))).problems
      .map(({ key, message }) => `${key} ${message}`).join("\n");
  const one = '[server]\nlisten = ["unix:/run/a.sock"]\n';
  assert.equal(await problemsOf(one), "");
  assert.match(
    await problemsOf('[server]\ntls_listen = ["unix:/run/a.sock"]\n'),
    /^server\.tls_listen\[0\] must be an address and port/m,
  );
  assert.match(
    await problemsOf('[server]\nlisten = ["unix:/run/a.sock", "unix:/run/./a.sock"]\n'),
    /^server\.listen\[1\] must not be in the list twice/m,
  );
  assert.match(
    await problemsOf(`[server]\nlisten = ["unix:/${"a".repeat(100)}"]\n`),
    /^server\.listen\[0\] .*at most 100 bytes/m,
  );
  assert.match(
    await problemsOf(`${one}proxy_protocol = "v1"\ntrusted_proxies = ["10.0.0.1"]\n`),
    /"unix:"/,
  );
  assert.match(
    await problemsOf(`${one}trusted_proxies = ["unix:"]\n[server.unix]\nmode = "0666"\n`),
    /^server\.unix\.mode .*every user/m,
  );
  assert.match(await problemsOf('[server]\ntrusted_proxies = ["unix:"]\n'), /has no effect/);
  assert.match(await problemsOf(one, privacy), /^server\.listen\[0\] must not be a unix socket/m);
});
