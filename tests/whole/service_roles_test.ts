/** What each service holds where a configuration asks for all of them: grants, files, tables. */
import assert from "node:assert/strict";
import { load } from "../../src/cli/load.ts";
import { newDirectory, putFile } from "../../src/config/testing/files.ts";
import { profile } from "../../src/profiles/development.ts";
import { deploymentOf, filesFor, tablesFor } from "../../src/runtime/deployment.ts";
import { workerPermissions } from "../../src/runtime/permissions/plan.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:8080"]
tls_listen = ["127.0.0.1:8443"]
default_vhost = "shop"
[server.process]
certificate_reload_sock = "{dir}/reload.sock"
[server.health]
listen = ["127.0.0.1:9099"]
[tls]
enabled = true
[tls.acme]
enabled = true
storage = "{dir}/acme"
contact_email = "admin@shop.example"
default_issuer = "own"
[[tls.acme.issuers]]
name = "own"
directory_url = "https://127.0.0.1:14000/dir"
[admin]
enabled = true
listen = "127.0.0.1:9000"
token_file = "{dir}/token"
snapshot_store = "{dir}/snapshots"
[tracing]
enabled = true
[tracing.otlp]
enabled = true
endpoint = "http://127.0.0.1:4318/v1/traces"
[udp]
enabled = true
[[udp.routes]]
name = "dns"
mode = "dns-load-balance"
listen = ["127.0.0.1:5353"]
upstreams = ["127.0.0.1:5300"]
[[vhosts]]
name = "site"
hosts = ["site.example"]
[vhosts.auth_basic]
enabled = true
users_file = "{dir}/users"
[vhosts.cache]
enabled = true
[vhosts.cache.disk]
enabled = true
path = "{dir}/cache"
max_size_bytes = 104857600
[vhosts.proxy]
upstreams = ["127.0.0.1:3000", "127.0.0.1:3001"]
[vhosts.proxy.load_balance.health_check]
enabled = true
[[vhosts]]
name = "shop"
hosts = ["shop.example"]
[vhosts.tls]
enabled = true
[vhosts.tls.acme]
enabled = true
[vhosts.php]
enabled = true
root = "{dir}/www"
[vhosts.php.fpm]
mode = "managed"
php_fpm_binary = "/usr/sbin/php-fpm8.2"
socket_dir = "{dir}/php"
workers = 8
user = "shop"
group = "shop"
`;

/** What a service holds. What is not there it has not. */
interface Holdings {
  readonly net?: readonly string[];
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly run?: readonly string[];
  readonly files?: readonly string[];
  readonly tables?: readonly string[];
}

const RELOAD_SOCKET = ["{dir}/.reload.sock.new", "{dir}/reload.sock"];

const EXPECTED: Readonly<Record<string, Holdings>> = {
  acme: {
    net: [
      "127.0.0.1:14000",
      "unix:{dir}/.reload.sock.new/s",
      "unix:{dir}/reload.sock",
    ],
    read: [...RELOAD_SOCKET, "{dir}/acme"],
    write: [...RELOAD_SOCKET, "{dir}/acme"],
    tables: ["server", "tls", "vhosts"],
  },
  auth: { files: ["{dir}/users"] },
  balancer: { net: ["127.0.0.1:3000", "127.0.0.1:3001"], tables: ["vhosts"] },
  control: {
    net: ["127.0.0.1:9000", "127.0.0.1:9099"],
    files: ["{dir}/token"],
    tables: ["admin", "server", "udp", "vhosts"],
  },
  php: {
    net: ["unix:{dir}/php/{socket}"],
    read: ["{dir}/php", "/usr/sbin/php-fpm8.2"],
    write: ["{dir}/php"],
    run: ["/bin/kill", "/usr/sbin/php-fpm8.2"],
    tables: ["vhosts"],
  },
  // Of `server` the name of the default vhost alone.
  store: { read: ["{dir}/cache"], write: ["{dir}/cache"], tables: ["server", "vhosts"] },
  telemetry: { net: ["127.0.0.1:4318"], tables: ["tracing"] },
  // Whom it answers on this machine, and ports that the system picks for its questions.
  udp: {
    net: ["0.0.0.0:0", "127.0.0.0/8", "127.0.0.1:5300", "127.0.0.1:5353", "[::1]"],
    tables: ["udp"],
  },
};

Deno.test("each service holds what it is for, and nothing else", async () => {
  const directory = newDirectory();
  const relative = (text: string) =>
    text.replaceAll(directory, "{dir}").replaceAll(/fh-fpm-[0-9a-f]+\.sock/g, "{socket}");
  putFile(`${directory}/token`, "0123456789abcdef0123456789abcdef\n");
  putFile(`${directory}/fluxheim.toml`, CONFIG.replaceAll("{dir}", directory));
  const { config, problems } = await load(profile, `${directory}/fluxheim.toml`);
  await Deno.remove(directory, { recursive: true });
  assert.ok(config !== undefined, JSON.stringify(problems));
  const deployment = deploymentOf(config, profile.modules);
  const files = new Map(deployment.files.map(({ path }) => [path, new Uint8Array(1)]));

  const found: Record<string, Holdings> = {};
  for (const { spec: { role, tables } } of deployment.services) {
    const { atStart } = workerPermissions(deployment.plan, role, { blanketNet: true });
    const { net, read, write, run, ...others } = atStart;
    assert.deepEqual(others, { env: false, sys: false, ffi: false, import: false }, role);
    const lists = Object.entries({
      net,
      read,
      write,
      run,
      files: [...filesFor(deployment, role, files).keys()],
      tables: Object.keys(tablesFor(config, tables)),
    }).map(([name, list]): [string, readonly string[]] => {
      assert.notEqual(list, true, `${role}: ${name}`);
      return [name, Array.isArray(list) ? list.map((entry) => relative(String(entry))) : []];
    });
    found[role] = Object.fromEntries(
      lists.filter(([, list]) => list.length > 0).map(([name, list]) => [name, list.toSorted()]),
    );
  }
  assert.deepEqual(found, sorted(EXPECTED));
});

/** With every list in the order of its texts. */
function sorted(holdings: Readonly<Record<string, Holdings>>): Record<string, Holdings> {
  const lists = (held: Holdings) =>
    Object.fromEntries(Object.entries(held).map(([name, list]) => [name, list.toSorted()]));
  return Object.fromEntries(Object.entries(holdings).map(([role, held]) => [role, lists(held)]));
}
