/** gRPC through the whole gateway (spec 02 section 4.7), with a real client and a real server. */
import assert from "node:assert/strict";
import { accessRecord } from "../peers/gateway_log.ts";
import { EVERY_CALL, GRPC_CLIENT, GRPC_SERVER } from "../peers/grpc.ts";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../testing/gateway.ts";
import { find, Process, testWith, until } from "../testing/peer.ts";
import { pythonTests } from "../testing/python.ts";

function config(upstream: number, tables: string): string {
  return `[server]
listen = []
tls_listen = ["127.0.0.1:{port}"]
${tables}
[[vhosts]]
name = "grpc"
hosts = ["localhost", "127.0.0.1"]
[[vhosts.routes]]
name = "calls"
path_prefix = "/"
[vhosts.routes.grpc]
enabled = true
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream}"
upstream_http_version = "http2"
upstream_h2_max_streams = 32
`;
}

/** More of `[vhosts.routes.proxy]` for a server with TLS. */
function upstreamTls({ rootPath }: TestCertificate): string {
  return `upstream_tls = true
upstream_sni = "localhost"
upstream_ca_path = "${rootPath}"
`;
}

/** A real gRPC server behind a gateway that serves TLS, and clients of it. */
interface Calls {
  readonly gateway: TestGateway;
  readonly server: Process;
  /** A client that makes every kind of call, or the one that is named. */
  client(...call: string[]): Process;
}

function grpcTest(
  sentence: string,
  run: (calls: Calls) => Promise<void>,
  through: "cleartext" | "TLS" = "cleartext",
): void {
  pythonTests("python3-grpcio")(sentence, async (python) => {
    await using certificate = new TestCertificate();
    const { certPath, keyPath } = certificate;
    const pair = through === "TLS" ? [certPath, keyPath] : [];
    await using server = new Process(python, [GRPC_SERVER, ...pair]);
    await until("the server has told its port", () => /^\d+\n/.test(server.output));
    const port = Number.parseInt(server.output);
    const proxy = through === "TLS" ? upstreamTls(certificate) : "";
    await using gateway = await TestGateway.start(config(port, certificate.tables) + proxy);
    const { rootPath } = certificate;
    await run({
      gateway,
      server,
      client: (...call) =>
        new Process(python, [GRPC_CLIENT, String(gateway.port), rootPath, ...call]),
    });
  });
}

for (const through of ["cleartext", "TLS"] as const) {
  grpcTest(
    `all four kinds of call pass to ${through}, with statuses, deadlines and cancellation`,
    async ({ gateway, server, client }) => {
      await using process = client();
      const { code } = await process.ended;
      await process.stop();
      assert.equal(code, 0, process.output);
      assert.deepEqual(JSON.parse(process.output), EVERY_CALL);
      // The calls that hung were ended at the server too, when their client had gone.
      await until("both are told", () => server.output.match(/cancelled/g)?.length === 2);
      assert.equal((await accessRecord(gateway, "/test/talk")).status, 200);
    },
    through,
  );
}

grpcTest(
  "a server that is lost ends its calls as UNAVAILABLE or INTERNAL",
  async ({ server, client }) => {
    await using hanging = client("/test/hang");
    await until("the call has come through", () => server.output.includes("hanging"));
    await server.stop("SIGKILL");
    await hanging.ended;
    await hanging.stop();
    assert.match(hanging.output, /began\n(UNAVAILABLE|INTERNAL)\n/);
    // And one that is not there at all: 502 is UNAVAILABLE to gRPC.
    await using refused = client("/test/unary");
    await refused.ended;
    await refused.stop();
    assert.match(refused.output, /began\nUNAVAILABLE\n/);
  },
);

testWith(["curl"], "other methods and content types are refused before the upstream", async () => {
  await using certificate = new TestCertificate();
  // No upstream is there: what is refused does not need it.
  await using gateway = await TestGateway.start(config(1, certificate.tables));
  const curl = async (...args: string[]): Promise<string> => {
    const { stdout } = await new Deno.Command(find("curl")!, {
      args: [
        "-s",
        "-i",
        "--http2",
        "--cacert",
        certificate.rootPath,
        ...args,
        `https://localhost:${gateway.port}/test/unary`,
      ],
    }).output();
    return new TextDecoder().decode(stdout);
  };
  const get = await curl();
  assert.match(get, /^HTTP\/2 405/);
  assert.match(get, /\r\nallow: POST\r\n/);
  assert.match(get, /\r\nx-frame-options: DENY\r\n/);
  const json = await curl("-X", "POST", "-H", "content-type: application/json", "-d", "{}");
  assert.match(json, /^HTTP\/2 415[^]*\r\n\r\nunsupported media type$/);
  const grpc = await curl("-X", "POST", "-H", "content-type: application/grpc", "-d", "x");
  assert.match(grpc, /^HTTP\/2 502/);
});
