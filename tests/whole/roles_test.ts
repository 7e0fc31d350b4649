/** What each role holds of a configuration: tables, files, zones, grants. */
import assert from "node:assert/strict";
import { load } from "../../src/cli/load.ts";
import type { Config } from "../../src/config/types.ts";
import { newDirectory, putFile } from "../../src/config/testing/files.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { profile } from "../../src/profiles/development.ts";
import {
  type Deployment,
  deploymentOf,
  filesFor,
  tablesFor,
} from "../../src/runtime/deployment.ts";
import { workerPermissions } from "../../src/runtime/permissions/plan.ts";
import { count } from "../../src/zones/count.ts";
import { zone } from "../../src/zones/layout.ts";
import { ZoneRegistry } from "../../src/zones/registry.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:8080"]
tls_listen = ["127.0.0.1:8443"]
control_hosts = ["probe.internal"]
[server.health]
listen = ["127.0.0.1:9099", "unix:/run/fluxheim/health.sock"]
[tls]
enabled = true
certificates = [{ cert_path = "cert.pem", key_path = "key.pem" }]
[[vhosts]]
name = "site"
hosts = ["site.example"]
[vhosts.rate_limit]
enabled = true
requests_per_second = 1
[vhosts.proxy]
upstream = "127.0.0.1:3000"
`;

async function deployed(): Promise<{ deployment: Deployment; config: Config; directory: string }> {
  const directory = newDirectory();
  try {
    const { cert, key } = new TestAuthority().issue({ name: "localhost", names: ["localhost"] });
    putFile(`${directory}/cert.pem`, cert);
    putFile(`${directory}/key.pem`, key);
    putFile(`${directory}/fluxheim.toml`, CONFIG);
    const { config, problems } = await load(profile, `${directory}/fluxheim.toml`);
    assert.ok(config !== undefined, JSON.stringify(problems));
    return { config, directory, deployment: deploymentOf(config, profile.modules) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the control service holds its own two keys, and no file and no zone", async () => {
  const { deployment, config } = await deployed();
  const [{ spec }, ...more] = deployment.services;
  assert.deepEqual(more, []);
  assert.equal(spec.role, "control");
  assert.deepEqual(tablesFor(config, spec.tables), {
    server: {
      health: { listen: ["127.0.0.1:9099", "unix:/run/fluxheim/health.sock"] },
      control_hosts: ["probe.internal"],
    },
  });
  const { files, zones } = contents(deployment);
  assert.deepEqual([...filesFor(deployment, "control", files)], []);
  assert.deepEqual([...zones.sentTo("control", 0)], []);
  assert.deepEqual(workerPermissions(deployment.plan, "control", { blanketNet: true }), {
    atStart: {
      net: [
        "127.0.0.1:9099",
        "unix:/run/fluxheim/.health.sock.new/s",
        "unix:/run/fluxheim/health.sock",
      ],
      read: ["/run/fluxheim/.health.sock.new", "/run/fluxheim/health.sock"],
      write: ["/run/fluxheim/.health.sock.new", "/run/fluxheim/health.sock"],
      run: false,
      env: false,
      sys: false,
      ffi: false,
      import: false,
    },
    givenUp: [
      "127.0.0.1:9099",
      "unix:/run/fluxheim/.health.sock.new/s",
      "unix:/run/fluxheim/health.sock",
    ],
  });
});

Deno.test("edge workers hold the certificates, the tables they share, and no grant of another role", async () => {
  const { deployment, directory } = await deployed();
  const { files, zones } = contents(deployment);
  const held = [...filesFor(deployment, "edge", files).keys()].sort();
  assert.deepEqual(held, [`${directory}/cert.pem`, `${directory}/key.pem`]);
  const shared = [...zones.sentTo("edge", 0).keys()];
  assert.ok(shared.includes("runtime/connections/127.0.0.1:8080"), shared.join());
  assert.equal(shared.length, deployment.zones.length);
  const { atStart } = workerPermissions(deployment.plan, "edge", { blanketNet: true });
  assert.deepEqual(atStart.net, ["127.0.0.1:3000", "127.0.0.1:8080", "127.0.0.1:8443"]);
  assert.equal(atStart.write, false);
  assert.equal(atStart.read, false);
});

Deno.test("what a module needs for a role of its own goes to that role alone", () => {
  const made = new ZoneRegistry(2, [
    zone(count, { name: "ring", roles: ["telemetry"] }),
    zone(count, { name: "both", roles: ["edge", "telemetry"] }),
    zone(count, { name: "edge", roles: ["edge"] }),
  ]);
  const files = [
    { path: "/token", key: "otlp.token", maxBytes: 1, for: "telemetry" },
    { path: "/cert", key: "tls", maxBytes: 1 },
  ] as const;
  const deployment = { files };
  const of = (role: "edge" | "telemetry" | "control") => {
    const content = new Map([["/token", new Uint8Array()], ["/cert", new Uint8Array()]]);
    return {
      zones: [...made.sentTo(role, 0).keys()],
      files: [...filesFor(deployment, role, content).keys()],
    };
  };
  assert.deepEqual(of("telemetry"), { zones: ["ring", "both"], files: ["/token"] });
  assert.deepEqual(of("edge"), { zones: ["both", "edge"], files: ["/cert"] });
  assert.deepEqual(of("control"), { zones: [], files: [] });
});

/** Files as they would be read, and zones as they would be made. */
function contents(deployment: Deployment) {
  const zones = new ZoneRegistry(2, deployment.zones);
  const files = new Map(deployment.files.map(({ path }) => [path, new Uint8Array(1)]));
  return { files, zones };
}
