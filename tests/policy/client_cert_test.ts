import assert from "node:assert/strict";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { TestGateway } from "../testing/gateway.ts";
import { find, freePort, testWith } from "../testing/peer.ts";

testWith(
  ["curl"],
  "client certificates open what asks for them, and only for those who own them",
  async () => {
    const authority = new TestAuthority();
    const server = authority.issue({ name: "localhost", names: ["localhost"] });
    const known = authority.issue({ name: "known" });
    const unknown = authority.issue({ name: "unknown" });
    const secure = freePort();
    await using gateway = await TestGateway.start(
      `[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${secure}"]
[tls]
enabled = true
[[tls.certificates]]
cert_path = "server.pem"
key_path = "server.key"
[tls.client_auth]
mode = "optional"
ca_path = "clients.pem"
[[vhosts]]
name = "app"
hosts = ["localhost"]
web = { root = "{dir}/www" }
[[vhosts.routes]]
name = "members"
path_prefix = "/members"
web = { root = "{dir}/www" }
access = { require_client_cert = true }
[[vhosts.routes]]
name = "one"
path_prefix = "/one"
web = { root = "{dir}/www" }
access = { allow_client_cert_sha256 = ["${known.sha256.toUpperCase()}"] }
[[vhosts.routes]]
name = "not-one"
path_prefix = "/not-one"
web = { root = "{dir}/www" }
access = { deny_client_cert_sha256 = ["${known.sha256}"] }
`,
      {
        "server.pem": server.cert,
        "server.key": server.key,
        "clients.pem": authority.root,
        "www/index.html": "hello",
        "www/members/index.html": "hello",
        "www/one/index.html": "hello",
        "www/not-one/index.html": "hello",
        "known.pem": known.cert + known.key,
        "unknown.pem": unknown.cert + unknown.key,
      },
    );
    const ask = async (path: string, certificate?: string): Promise<string> => {
      const args = ["-sk", "-o", "/dev/null", "-w", "%{http_code}", "-m", "10"];
      if (certificate !== undefined) args.push("--cert", `${gateway.dir.path}/${certificate}`);
      const { stdout } = await new Deno.Command(find("curl")!, {
        args: [...args, `https://localhost:${secure}${path}`],
      }).output();
      return new TextDecoder().decode(stdout);
    };
    assert.equal(await ask("/"), "200");
    assert.equal(await ask("/members/"), "403");
    assert.equal(await ask("/members/", "unknown.pem"), "200");
    assert.equal(await ask("/one/"), "403");
    assert.equal(await ask("/one/", "unknown.pem"), "403");
    assert.equal(await ask("/one/", "known.pem"), "200");
    assert.equal(await ask("/not-one/"), "200");
    assert.equal(await ask("/not-one/", "known.pem"), "403");
  },
);
