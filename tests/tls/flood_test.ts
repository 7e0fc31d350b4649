/** Peers that send or take faster than the gateway works, and everybody else meanwhile. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, Process, until } from "../testing/peer.ts";
import { authority, pairFiles, pairTable } from "./testing/tls_site.ts";

const PAIR = authority.issue({ name: "localhost", names: ["localhost", "127.0.0.1"] });
const FILES = {
  ...pairFiles("a", PAIR),
  "tls/root.pem": authority.root,
  "site/index.html": "page",
  "site/big.bin": new Uint8Array(8 * 1024 * 1024),
};
/** Others that come while the flood goes on, one after the other. */
const OTHERS = 10;

const TLS = `listen = []\ntls_listen = ["127.0.0.1:{port}"]`;
const TABLE = `[tls]\nenabled = true\ncertificates = [${pairTable("a")}]`;

/** Both kinds of connections whose reads and writes the runtime settles at once. */
const LISTENERS = [
  {
    listener: "fast TLS listener",
    tls: true,
    listen: TLS,
    table: `${TABLE}\nfast_listener = true`,
  },
  { listener: "cleartext", tls: false, listen: `listen = ["127.0.0.1:{port}"]`, table: "" },
];

const FLOODS = [
  ["an upload", "upload"],
  ["an upload in small chunks", "chunks"],
  ["a pipeline of requests", "pipeline"],
  ["one that downloads as fast as it can", "downloads"],
  ["an upstream that never stops sending", "upstream"],
  ["one side of a tunnel", "tunnel"],
] as const;

for (const { listener, tls, listen, table } of LISTENERS) {
  for (const [what, kind] of FLOODS) {
    Deno.test(`${listener}: ${what} does not keep others waiting for ever`, async () => {
      const upstream = freePort();
      await using gateway = await TestGateway.start(
        `
[server]
${listen}
[server.process]
threads = 1
[server.limits]
max_request_body_bytes = "1024GiB"
${table}
[[vhosts]]
name = "a"
hosts = ["localhost"]
[vhosts.web]
root = "{dir}/site"
[[vhosts.routes]]
name = "up"
path_prefix = "/up"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream}"
`,
        FILES,
      );
      const root = tls ? [`${gateway.dir.path}/tls/root.pem`] : [];
      const file = fileURLToPath(new URL("_flood.ts", import.meta.url));
      await using flood = new Process(Deno.execPath(), [
        "run",
        "-q",
        "--no-check",
        "--allow-net=127.0.0.1",
        `--allow-read=${gateway.dir.path}`,
        file,
        ...[kind, upstream, gateway.port, ...root].map(String),
      ]);
      await until("the flood is under way", () => flood.output.includes("under way"));
      for (let i = 0; i < OTHERS; i++) assert.match(await page(gateway, tls), /^HTTP\/1\.1 200 /);
      assert.equal(flood.status, undefined, flood.output);
      assert.equal(gateway.process.status, undefined);
    });
  }
}

/** The answer a client of its own gets. */
async function page({ port }: TestGateway, tls: boolean): Promise<string> {
  const options = { hostname: "127.0.0.1", port };
  using client = tls
    ? await Deno.connectTls({ ...options, caCerts: [authority.root] })
    : await Deno.connect(options);
  await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const answer = new Uint8Array(4096);
  return new TextDecoder().decode(answer.subarray(0, await client.read(answer) ?? 0));
}
