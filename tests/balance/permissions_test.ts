/** Discovery and the state file with exactly the permissions that their configuration asks for. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { TempDir, until } from "../testing/peer.ts";
import { Upstream } from "../testing/upstream.ts";

const QUIET = "[proxy.load_balance.health_check]\nenabled = false\n";

function pool(keys: string, port: number, policy = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[proxy]
${keys}
[proxy.load_balance]
member_ranges = ["127.0.0.0/8:${port}"]
${policy}
${QUIET}`;
}

async function text(gateway: TestGateway): Promise<string> {
  const response = await fetch(gateway.url("/"));
  return `${response.status} ${await response.text()}`;
}

Deno.test("members are read from a file that changes", async () => {
  await using upstream = await Upstream.start((request, response) =>
    response.end(request.socket.localAddress)
  );
  const { port } = upstream;
  await using dir = new TempDir();
  const file = dir.write("pool", `127.0.0.1:${port}\n127.0.0.3:${port}\n`);
  const keys = `upstreams_file = "${file}"\nupstreams_file_refresh_secs = 1`;
  await using gateway = await TestGateway.start(pool(keys, port));
  const seen = new Set<string>();
  for (let i = 0; i < 8; i++) seen.add(await text(gateway));
  assert.ok(seen.has("200 127.0.0.1"), [...seen].join());
  dir.write("pool", `127.0.0.1:${port}\n127.0.0.1:1\n`);
  await until(
    "the other one is dropped",
    () => gateway.process.output.includes("outside of member_ranges"),
  );
  for (let i = 0; i < 4; i++) assert.equal(await text(gateway), "200 127.0.0.1");
});

Deno.test("members are asked of a service with a token", async () => {
  await using upstream = await Upstream.start((_, response) => response.end("ok"));
  const { port } = upstream;
  await using list = await Upstream.start((_, response) =>
    response.end(
      JSON.stringify([`127.0.0.1:${port}`, `127.0.0.9:${port}`]),
    )
  );
  await using dir = new TempDir();
  const token = dir.write("token", "secret\n");
  const keys = `upstreams_http_url = "http://127.0.0.1:${list.port}/members"
upstreams_http_bearer_token_file = "${token}"
upstreams_http_allow_private_backends = true`;
  await using gateway = await TestGateway.start(pool(keys, port));
  assert.match(await text(gateway), /^200|^502/);
  assert.equal(list.last.headers.authorization, "Bearer secret");
});

Deno.test("names are resolved by the system", async () => {
  await using upstream = await Upstream.start((_, response) => response.end("ok"));
  const { port } = upstream;
  const keys = `upstreams = ["localhost:${port}", "127.0.0.1:${port}"]
upstream_dns_refresh_secs = 1
upstream_dns_allow_private_backends = true`;
  await using gateway = await TestGateway.start(
    pool(keys, port).replace(
      "member_ranges = [",
      `member_ranges = ["[::1]:${port}", `,
    ),
  );
  await until("it answers", async () => await text(gateway) === "200 ok");
});

Deno.test("sessions are saved and taken up again", async () => {
  await using one = await Upstream.start((_, response) => response.end("one"));
  await using two = await Upstream.start((_, response) => response.end("two"));
  await using dir = new TempDir();
  const state = `${dir.path}/state.json`;
  const config = `[server]
listen = ["127.0.0.1:{port}"]
[proxy]
upstreams = ["127.0.0.1:${one.port}", "127.0.0.1:${two.port}"]
[proxy.load_balance]
runtime_state_file = "${state}"
${QUIET}
[proxy.load_balance.persistence]
enabled = true
`;
  let member = "";
  {
    await using gateway = await TestGateway.start(config);
    member = await text(gateway);
  }
  assert.match(Deno.readTextFileSync(state), /"ttl_remaining_secs":\d+/);
  for (let start = 0; start < 3; start++) {
    await using gateway = await TestGateway.start(config);
    assert.equal(await text(gateway), member);
  }
});

Deno.test("a member that leaves takes its connections with it, and comes back with new ones", async () => {
  await using stays = await Upstream.start((_, response) => response.end("stays"));
  await using leaves = await Upstream.start((_, response) => response.end("leaves"));
  await using dir = new TempDir();
  const both = `127.0.0.1:${stays.port}\n127.0.0.1:${leaves.port}\n`;
  const file = dir.write("pool", both);
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 2
[proxy]
upstreams_file = "${file}"
upstreams_file_refresh_secs = 1
[proxy.load_balance]
member_ranges = ["127.0.0.1:${stays.port}", "127.0.0.1:${leaves.port}", "127.0.0.1:1"]
${QUIET}`);
  const open = () =>
    new Promise<number>((resolve) => leaves.server.getConnections((_, count) => resolve(count)));
  await until("it has a connection", async () => {
    await text(gateway);
    return await open() > 0;
  });
  const before = leaves.connections;
  dir.write("pool", `127.0.0.1:${stays.port}\n127.0.0.1:1\n`);
  await until("no connection is left", async () => await open() === 0);
  dir.write("pool", both);
  await until("it is asked again", async () => await text(gateway) === "200 leaves");
  assert.ok(leaves.connections > before);
});
