/** Sessions that clients resume, and what they may not bring along (spec 05 section 1.3). */
import assert from "node:assert/strict";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { TestGateway } from "../testing/gateway.ts";
import { testWith, until } from "../testing/peer.ts";
import { authority, pairFiles, pairTable, run } from "./testing/tls_site.ts";

const FIRST = new TestAuthority("First");
const SECOND = new TestAuthority("Second");
const CLIENT = FIRST.issue({ name: "client.test" });

const FILES = {
  ...pairFiles("a", authority.issue({ name: "a.test" })),
  ...pairFiles("client", CLIENT),
  "tls/clients.pem": FIRST.root,
  "a/index.html": "page of a",
};

const config = (mode: "optional" | "required") => `
[server]
listen = []
tls_listen = ["127.0.0.1:{port}"]
[server.process]
pid_file = "{dir}/fluxheim.pid"
[tls]
enabled = true
certificates = [${pairTable("a")}]
client_auth = { mode = "${mode}", ca_path = "{dir}/tls/clients.pem" }
[[vhosts]]
name = "a"
hosts = ["a.test"]
[vhosts.web]
root = "{dir}/a"
`;

/** Asks for the page, in a session that is kept in a file or comes from there. */
async function ask(
  gateway: TestGateway,
  version: string,
  session: "-sess_out" | "-sess_in",
): Promise<{ readonly isResumed: boolean; readonly status: string }> {
  const { path } = gateway.dir;
  const request = "GET / HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: close\\r\\n\\r\\n";
  const { out } = await run("sh", [
    "-c",
    `printf '${request}' | timeout 10 openssl s_client "$@" -ign_eof`,
    "sh",
    ...["-connect", `127.0.0.1:${gateway.port}`, "-servername", "a.test", version],
    ...["-cert", `${path}/tls/client.pem`, "-key", `${path}/tls/client.key`],
    ...[session, `${path}/session${version}`],
  ]);
  return {
    isResumed: out.includes("\nReused, "),
    status: /HTTP\/1\.1 (\d+)/.exec(out)?.[1] ?? "none",
  };
}

/** Makes the gateway take up what was written. */
async function reload(gateway: TestGateway): Promise<void> {
  const applied = () => gateway.process.output.split("the new configuration serves").length;
  const before = applied();
  gateway.process.signal("SIGHUP");
  await until("the reload is applied", () => applied() > before);
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  for (const mode of ["optional", "required"] as const) {
    testWith(
      ["openssl"],
      `a resumed session ends with its authority: ${mode}, ${version}`,
      async () => {
        await using gateway = await TestGateway.start(config(mode), FILES);
        assert.equal((await ask(gateway, version, "-sess_out")).status, "200");
        const again = await ask(gateway, version, "-sess_in");
        assert.deepEqual(again, { isResumed: true, status: "200" });

        gateway.dir.write("tls/clients.pem", SECOND.root);
        await reload(gateway);
        assert.equal((await ask(gateway, version, "-sess_in")).status, "none");

        gateway.dir.write("tls/clients.pem", SECOND.root + FIRST.root);
        await reload(gateway);
        assert.equal((await ask(gateway, version, "-sess_in")).status, "200");
      },
    );
  }
}
