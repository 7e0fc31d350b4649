/** Health checks against the programs that they are made for. */
import assert from "node:assert/strict";
import { createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { GRPC_HEALTH } from "../peers/grpc.ts";
import { MARIADB, POSTGRES, startMariaDb, startPostgres } from "../testing/databases.ts";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, nginx, Process, TempDir, testWith, until } from "../testing/peer.ts";
import { pythonTests } from "../testing/python.ts";

/** A gateway with a pool of the port of a peer and of one that nothing listens on. */
function probing(
  port: number,
  check: string,
  more = "",
  files: Record<string, string> = {},
): Promise<TestGateway> {
  return TestGateway.start(
    `[server]
listen = ["127.0.0.1:{port}"]
[proxy]
upstreams = ["127.0.0.1:${port}", "127.0.0.1:1"]
${more}
[proxy.load_balance.health_check]
${check}
`,
    files,
  );
}

/** The peer is well while its port is open, and down afterwards, however it ends. */
async function followed(
  port: number,
  protocol: string,
  peer: Process,
  signal: Deno.Signal,
): Promise<void> {
  await using gateway = await probing(port, `protocol = "${protocol}"`);
  const { process } = gateway;
  const says = (text: string) => process.output.includes(`127.0.0.1:${text}`);
  await until(
    "the closed port is down",
    () => says(`1 of pool default via ${protocol} is unhealthy`),
  );
  assert.ok(!says(`${port} of`), process.output);
  peer.signal(signal);
  await until(
    "the peer is down",
    () => says(`${port} of pool default via ${protocol} is unhealthy`),
  );
  if (signal !== "SIGSTOP") return;
  peer.signal("SIGCONT");
  await until("the peer is up", () => says(`${port} of pool default via ${protocol} is healthy`));
}

testWith(["redis-server"], "Redis answers its probe until it is stopped, and again", async () => {
  const port = freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  await using redis = await new Process("redis-server", args).listening(port);
  await followed(port, "redis", redis, "SIGSTOP");
});

testWith(["redis-server"], "a Redis that wants a password is not well", async () => {
  const port = freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--requirepass", "secret"];
  await using _ = await new Process("redis-server", [...args, "--save", ""]).listening(port);
  await using gateway = await probing(port, 'protocol = "redis"');
  await until("it is down", () => gateway.process.output.includes("it did not answer PONG"));
});

testWith(MARIADB, "MariaDB greets its probe until it ends", async () => {
  await using dir = new TempDir();
  const port = freePort();
  await using server = await startMariaDb(dir, port);
  await followed(port, "mysql", server, "SIGTERM");
});

testWith(POSTGRES, "PostgreSQL answers its probe until it ends", async () => {
  await using dir = new TempDir();
  const port = freePort();
  await using server = await startPostgres(dir, port);
  await followed(port, "postgres", server, "SIGINT");
});

pythonTests("python3-grpcio")("a gRPC server says itself whether it serves", async (python) => {
  await using dir = new TempDir();
  const mark = `${dir.path}/down`;
  await using server = new Process(python, [GRPC_HEALTH, mark]);
  await until("it has a port", () => /^\d+\n/.test(server.output));
  const port = Number(server.output);
  const check = 'protocol = "grpc"\nread_timeout_secs = 10\n';
  await using gateway = await probing(port, `${check}grpc_service = "app"`);
  const says = (text: string) => gateway.process.output.includes(text);
  await until("the closed port is down", () => says("127.0.0.1:1 of"));
  assert.ok(!says(`${port} of`), gateway.process.output);
  dir.write("down", "");
  await until(
    "it is down",
    () => says(`${port} of pool default via grpc is unhealthy: it is not serving`),
  );
  Deno.removeSync(mark);
  await until("it is up", () => says(`${port} of pool default via grpc is healthy`));
  await using other = await probing(port, `${check}grpc_service = "other"`);
  await until(
    "an unknown service is down",
    () => other.process.output.includes(`${port} of pool default via grpc is unhealthy`),
  );
});

testWith(["nginx"], "nginx is well by its page, over a kept connection", async () => {
  await using peer = await nginx(
    'server { listen 127.0.0.1:{port}; location = /healthz { return 200 "ready"; } location / { return 404; } }',
  );
  await using gateway = await probing(
    peer.port,
    'protocol = "http"\npath = "/healthz"\nexpected_body_contains = ["ready"]\nreuse_connection = true',
  );
  const says = (text: string) => gateway.process.output.includes(text);
  await until("the closed port is down", () => says("127.0.0.1:1 of"));
  assert.ok(!says(`${peer.port} of`), gateway.process.output);
  peer.signal("SIGKILL");
  await until("it is down", () => says(`${peer.port} of pool default via http is unhealthy`));
});

Deno.test("a probe of TLS trusts what requests trust, and nothing else", async () => {
  const authority = new TestAuthority("Pool");
  const { cert, key } = authority.issue({ name: "app.test" });
  const server = createServer({ cert, key });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const files = { "ca.pem": authority.root };
    const tls = (name: string) =>
      `upstream_tls = true\nupstream_sni = "${name}"\nupstream_ca_path = "{dir}/ca.pem"`;
    await using good = await probing(port, "", tls("app.test"), files);
    await until("the closed port is down", () => good.process.output.includes("127.0.0.1:1 of"));
    assert.ok(!good.process.output.includes(`${port} of`), good.process.output);
    await using wrong = await probing(port, "", tls("other.test"), files);
    await until("another name is down", () => wrong.process.output.includes(`${port} of`));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("a health program is the only one that the process may run", async () => {
  await using gateway = await probing(
    2,
    'protocol = "exec"\nexec_command = "/bin/false"\nexec_allowed_commands = ["/bin/false"]',
  );
  const says = (text: string) => gateway.process.output.includes(text);
  await until("it is down", () => says("127.0.0.1:2 of pool default via exec is unhealthy"));
});
