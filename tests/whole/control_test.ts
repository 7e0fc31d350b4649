/** The health endpoints of a real gateway, asked by curl. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, until } from "../testing/peer.ts";

function configText(health: string, more = ""): string {
  return `
[server]
listen = ["127.0.0.1:{port}"]
control_hosts = ["probe.internal"]
${more}
[server.health]
listen = [${health}]
[server.process]
pid_file = "{dir}/fluxheim.pid"
threads = 1
graceful_shutdown_timeout_seconds = 60
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.web]
root = "{dir}/www"
`;
}

const FILES = { "www/index.html": "page" };

interface Answer {
  /** `000` when there was no connection. */
  readonly status: string;
  readonly head: string;
  readonly body: string;
}

async function curl(...args: string[]): Promise<Answer> {
  const { stdout, stderr } = await new Deno.Command("curl", {
    args: ["-s", "-m", "20", "-D", "/dev/stderr", "-w", "\n%{http_code}", ...args],
  }).output();
  const text = new TextDecoder().decode(stdout);
  const end = text.lastIndexOf("\n");
  return {
    status: text.slice(end + 1),
    head: new TextDecoder().decode(stderr),
    body: text.slice(0, end),
  };
}

async function started(
  health: (port: number) => string,
): Promise<{ gateway: TestGateway; base: string } & AsyncDisposable> {
  const port = freePort();
  const gateway = await TestGateway.start(configText(health(port)), FILES);
  await until("the service runs", () => /the service control runs/.test(gateway.process.output));
  return {
    gateway,
    base: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

const tcp = (port: number) => `"127.0.0.1:${port}"`;

Deno.test("a gateway that serves is alive and ready", async () => {
  await using run = await started(tcp);
  for (const path of ["/livez", "/readyz", "/healthz"]) {
    const text = await curl(run.base + path);
    assert.equal(text.status, "200", text.head);
    assert.equal(text.body, "ready\n");
    assert.match(text.head, /^cache-control: no-store\r$/im);
    const json = await curl("-H", "Accept: application/json", run.base + path);
    assert.deepEqual(JSON.parse(json.body), { state: "ready" });
    const head = await curl("-I", run.base + path);
    assert.equal(head.status, "200");
    assert.match(head.head, /^content-length: 6\r$/im);
  }
});

Deno.test("other methods, paths and hosts are refused", async () => {
  await using run = await started(tcp);
  const post = await curl("-d", "x", `${run.base}/readyz`);
  assert.equal(post.status, "405");
  assert.match(post.head, /^allow: GET, HEAD\r$/im);
  assert.equal((await curl(`${run.base}/`)).status, "404");
  assert.equal((await curl("-X", "POST", `${run.base}/metrics`)).status, "404");
  const ask = (host: string) => curl("-H", `Host: ${host}`, `${run.base}/readyz`);
  assert.equal((await ask("evil.example")).status, "421");
  assert.equal((await ask("a..b")).status, "400");
  for (const host of ["localhost", "localhost:1", "[::1]", "10.0.0.1", "PROBE.internal"]) {
    assert.equal((await ask(host)).status, "200", host);
  }
});

Deno.test("names of loopback listeners are taken up by a reload, and listeners are not", async () => {
  await using run = await started(tcp);
  const { gateway } = run;
  gateway.rewrite("probe.internal", "other.internal");
  gateway.process.signal("SIGHUP");
  await until("it is reloaded", () => /the new configuration serves/.test(gateway.process.output));
  const ask = (host: string) => curl("-H", `Host: ${host}`, `${run.base}/readyz`);
  await until("the service has it", async () => (await ask("other.internal")).status === "200");
  assert.equal((await ask("probe.internal")).status, "421");
  gateway.rewrite(
    '[server.health]\nlisten = ["127',
    '[server.health]\nlisten = ["127.0.0.1:1", "127',
  );
  gateway.process.signal("SIGHUP");
  await until("it is refused", () => /listener-changed/.test(gateway.process.output));
});

Deno.test("a socket answers, has its mode, and is removed at the end", async () => {
  const gateway = await TestGateway.start(configText('"unix:{dir}/health.sock"'), FILES);
  await using _ = gateway;
  const path = `${gateway.dir.path}/health.sock`;
  await until("the service runs", () => /the service control runs/.test(gateway.process.output));
  const { mode, isSocket } = await Deno.lstat(path);
  assert.ok(isSocket);
  assert.equal((mode ?? 0) & 0o777, 0o660);
  const ask = () => curl("--unix-socket", path, "-H", "Host: anything", "http://x/readyz");
  assert.equal((await ask()).status, "200");
  await gateway.process.stop();
  await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("readiness ends with the stop signal, and liveness with the process", async () => {
  await using run = await started(tcp);
  const { gateway, base } = run;
  // A request under way keeps the gateway draining.
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: gateway.port });
  await connection.write(
    new TextEncoder().encode("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-"),
  );
  await until("it is taken", async () => (await curl(gateway.url("/"))).status === "200");
  gateway.process.signal("SIGTERM");
  await until("it drains", async () => (await curl(`${base}/readyz`)).status === "503");
  const ready = await curl("-H", "Accept: application/json", `${base}/readyz`);
  const body = { state: "draining", reason: "the process is about to end" };
  assert.deepEqual(JSON.parse(ready.body), body);
  assert.equal((await curl(`${base}/livez`)).status, "200");
  assert.equal((await curl(gateway.url("/"))).status, "000");
});

Deno.test("connections are bounded, and half a head is not waited for", async () => {
  await using run = await started(tcp);
  const port = Number(run.base.slice(run.base.lastIndexOf(":") + 1));
  const open: Deno.TcpConn[] = [];
  for (let i = 0; i < 64; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode("GET /readyz HTTP/1.1\r\nHo"));
    open.push(connection);
  }
  // One more is closed without an answer.
  assert.equal((await curl(`${run.base}/readyz`)).status, "000");
  for (const connection of open) {
    assert.equal(await connection.read(new Uint8Array(1)).catch(() => null), null);
    connection.close();
  }
  await until("there is room", async () => (await curl(`${run.base}/readyz`)).status === "200");
});

Deno.test("a gateway without the key runs no service", async () => {
  await using gateway = await TestGateway.start(
    configText("").replace(/\[server.health\]\nlisten = \[\]\n/, ""),
    FILES,
  );
  assert.equal((await curl(gateway.url("/"))).status, "200");
  assert.doesNotMatch(gateway.process.output, /service control/);
});
