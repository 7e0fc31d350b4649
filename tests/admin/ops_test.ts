/** The read-only ops socket of a real gateway, asked by curl. */
import assert from "node:assert/strict";
import { launchArguments } from "../testing/gateway.ts";
import { Process, until } from "../testing/peer.ts";
import { AdminGateway, TOKEN } from "../testing/admin.ts";

const S = "/_fluxheim/";
const BEARER = ["-H", `Authorization: Bearer ${TOKEN}`];

function opsGateway(more = ""): Promise<AdminGateway> {
  return AdminGateway.start({
    admin: `[admin.ops_socket]\nenabled = true\npath = "{dir}/ops.sock"\n${more}`,
  });
}

function asker(admin: AdminGateway) {
  return async (path: string, ...args: string[]): Promise<{ status: number; body: string }> => {
    const socket = `${admin.gateway.dir.path}/ops.sock`;
    const { stdout } = await new Deno.Command("curl", {
      args: [
        "-s",
        "-m",
        "30",
        "-w",
        "\n%{http_code}",
        "--unix-socket",
        socket,
        ...args,
        `http://x${path}`,
      ],
    }).output();
    const text = new TextDecoder().decode(stdout);
    const at = text.lastIndexOf("\n");
    return { status: Number(text.slice(at + 1)), body: text.slice(0, at) };
  };
}

Deno.test("a client that may connect can look, and list snapshots only with the token", async () => {
  await using admin = await opsGateway();
  const ask = asker(admin);
  const { mode, isSocket } = await Deno.lstat(`${admin.gateway.dir.path}/ops.sock`);
  assert.ok(isSocket);
  assert.equal((mode ?? 0) & 0o777, 0o600);
  assert.equal(JSON.parse((await ask(`${S}status`)).body).status, "ok");
  assert.equal((await ask(`${S}health`)).status, 200);
  assert.equal((await ask(`${S}live`)).status, 200);
  assert.equal((await ask(`${S}cache/status`)).status, 200);
  assert.equal((await ask(`${S}load-balancer/status`)).status, 200);
  assert.equal((await ask(`${S}udp/status`)).status, 200);
  assert.deepEqual(await ask(`${S}snapshots`), { status: 401, body: '{"error":"unauthorized"}' });
  assert.equal((await ask(`${S}snapshots`, ...BEARER)).status, 200);
  assert.equal((await ask(`${S}nothing`)).status, 404);
  assert.equal((await ask(`${S}reload`)).status, 404);
});

Deno.test("nothing can be changed by it, with any token", async () => {
  await using admin = await opsGateway();
  const ask = asker(admin);
  for (const path of ["reload", "rollback?live=1", "snapshot", "status", "nothing"]) {
    assert.equal((await ask(S + path, "-X", "POST", ...BEARER)).status, 405, path);
  }
  const long = await ask(`${S}${"a".repeat(2048)}`);
  assert.deepEqual(long, { status: 414, body: '{"error":"path_too_large"}' });
  assert.equal((await ask(`${S}status?${"a".repeat(17_000)}`)).body, '{"error":"query_too_large"}');
});

Deno.test("with require_bearer_token nothing is answered without it", async () => {
  await using admin = await opsGateway('require_bearer_token = true\nmode = "0660"');
  const ask = asker(admin);
  for (const path of ["status", "health", "nothing"]) {
    assert.equal((await ask(S + path)).status, 401, path);
  }
  assert.equal((await ask(`${S}status`, ...BEARER)).status, 200);
  const { mode } = await Deno.lstat(`${admin.gateway.dir.path}/ops.sock`);
  assert.equal((mode ?? 0) & 0o777, 0o660);
});

Deno.test("a file that is not a socket is in the way, and the gateway does not start", async () => {
  const setup = { admin: '[admin.ops_socket]\nenabled = true\npath = "{dir}/token"' };
  await assert.rejects(AdminGateway.start(setup), (error: Error) => {
    assert.match(error.message, /admin\.ops_socket\.path: must name a socket or nothing/);
    return true;
  });
});

Deno.test("a socket that a killed process has left is replaced, and it goes with the gateway", async () => {
  await using admin = await opsGateway();
  const path = `${admin.gateway.dir.path}/ops.sock`;
  admin.gateway.process.signal("SIGKILL");
  await until("it has ended", () => admin.gateway.process.status !== undefined);
  assert.ok(Deno.lstatSync(path).isSocket);
  const { configPath } = admin.gateway;
  await using next = new Process(Deno.execPath(), await launchArguments(configPath));
  await until("the API is there", () => /the service control runs/.test(next.output));
  assert.equal((await asker(admin)(`${S}status`)).status, 200);
  await next.stop();
  assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
});
