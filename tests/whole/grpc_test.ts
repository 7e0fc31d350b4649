/** gRPC through the whole gateway (spec 02 section 4.7), with a real client and a real server. */
import assert from "node:assert/strict";
import { pythonWith, scriptPath } from "../h2/_python.ts";
import { accessRecord } from "../peers/gateway_log.ts";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../support/gateway.ts";
import { find, Process, testWith, until } from "../support/peer.ts";

const python = pythonWith("grpc");
const client = new URL("../peers/grpc_gateway_client.py", import.meta.url).pathname;

function config(upstream: number, tables: string, keys = ""): string {
  return `[server]
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
${keys}
`;
}

/** The gRPC server of the tests. */
async function server(): Promise<Process & { port: number }> {
  const process = new Process(python!, [scriptPath("grpc_server_peer.py")]);
  await until("the server has told its port", () => /^\d+\n/.test(process.output));
  return Object.assign(process, { port: Number.parseInt(process.output) });
}

/** A test with a real gRPC server behind a gateway that serves TLS. */
function grpcTest(
  name: string,
  run: (gateway: TestGateway, server: Process, root: string) => Promise<void>,
  keys = "",
): void {
  Deno.test({
    name: python === undefined ? `${name} (python3-grpcio is not installed)` : name,
    ignore: python === undefined,
    async fn() {
      await using certificate = new TestCertificate();
      await using upstream = await server();
      await using gateway = await TestGateway.start(
        config(upstream.port, certificate.tables, keys),
      );
      await run(gateway, upstream, certificate.rootPath);
    },
  });
}

async function call(gateway: TestGateway, root: string, method: string): Promise<string> {
  await using process = new Process(python!, [client, String(gateway.port), root, method]);
  await process.ended;
  await process.stop();
  return process.output;
}

grpcTest(
  "all four kinds of call pass, with metadata, statuses, deadlines and cancellation",
  async (gateway, upstream, root) => {
    await using process = new Process(python!, [client, String(gateway.port), root]);
    const { code } = await process.ended;
    await process.stop();
    assert.equal(code, 0, process.output);
    assert.deepEqual(JSON.parse(process.output), {
      unary: "HELLO",
      initial: "1",
      trailing: ["2", "00ff"],
      large: 1_000_000,
      collect: 500_000,
      count: true,
      talk: ["one", "two", "three"],
      fail: ["FAILED_PRECONDITION", "not now \u00e9"],
      unknown: "UNIMPLEMENTED",
      deadline: "DEADLINE_EXCEEDED",
      cancel: "CANCELLED",
      many: true,
    });
    // The calls that hung were ended at the server too, when their client had gone.
    await until("both are told", () => upstream.output.match(/cancelled/g)?.length === 2);
    assert.equal((await accessRecord(gateway, "/test/talk")).status, 200);
  },
);

grpcTest("a server that is lost ends its calls as UNAVAILABLE or INTERNAL", async (
  gateway,
  upstream,
  root,
) => {
  await using process = new Process(python!, [client, String(gateway.port), root, "/test/hang"]);
  await until("the call is under way", () => process.output.includes("began"));
  // Most likely it has come through by then; a call that has not ends in the same way.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await upstream.stop("SIGKILL");
  await process.ended;
  await process.stop();
  assert.match(process.output, /began\n(UNAVAILABLE|INTERNAL)\n/);
  // And one that is not there at all: 502 is UNAVAILABLE to gRPC.
  assert.match(await call(gateway, root, "/test/unary"), /began\nUNAVAILABLE\n/);
});

testWith(["curl"], "other methods and content types are refused before the upstream", async () => {
  await using certificate = new TestCertificate();
  // Nobody is there: what is refused does not need it.
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
