/** Commands that work on the snapshot store, and those that ask a running gateway. */
import assert from "node:assert/strict";
import { fluxheim } from "../testing/cli.ts";
import { TempDir, until } from "../testing/peer.ts";
import { AdminGateway } from "../testing/admin.ts";

const S = "/_fluxheim/";

const CONFIG = `
[server]
listen = ["127.0.0.1:1"]
[[vhosts]]
name = "site"
hosts = ["site.test"]
[vhosts.redirect]
enabled = true
to = "https://site.test/one"
`;

Deno.test("snapshots are made, listed, pruned and gone back to without a gateway", async () => {
  await using dir = new TempDir();
  const config = dir.write("fluxheim.toml", CONFIG);
  const store = ["--store", `${dir.path}/store`];
  const first = await fluxheim("snapshot", ...store, "-c", config, "--message", "one");
  assert.equal(first.code, 0, first.err);
  const id = /^snapshot: (\S+)$/m.exec(first.out)?.[1] ?? "";
  assert.equal(
    first.out,
    `snapshot: ${id}\nconfig: ${dir.path}/store/configs/${id}.toml\ncurrent: ${dir.path}/store/current\n`,
  );
  Deno.writeTextFileSync(config, CONFIG.replace("/one", "/two"));
  const second = JSON.parse((await fluxheim("snapshot", ...store, "-c", config, "--json")).out);
  const listed = await fluxheim("snapshots", ...store);
  assert.equal(listed.out, `  ${id} one\n* ${second.snapshot} no message\n`);
  const back = await fluxheim("rollback", ...store);
  assert.equal(back.code, 0, back.err);
  assert.match(back.out, new RegExp(`^rollback target: ${id}\nconfig: .*\naction: `));
  const none = await fluxheim("rollback", ...store);
  assert.equal(none.code, 1);
  assert.match(none.err, /^fluxheim: there is no snapshot before the current one/);
  const pruned = await fluxheim("snapshots", ...store, "--prune", "0");
  assert.equal(pruned.out, `* ${id} one\n`);
  const wrong = await fluxheim("rollback", ...store, "--to", "nothing");
  assert.match(wrong.err, /there is no snapshot nothing/);
  assert.equal((await fluxheim("rollback", "--frm", "x")).code, 2);
});

Deno.test("a store that others can change, or a snapshot that is not valid, is refused", async () => {
  await using dir = new TempDir();
  const config = dir.write("fluxheim.toml", CONFIG);
  Deno.mkdirSync(`${dir.path}/open`);
  Deno.chmodSync(`${dir.path}/open`, 0o777);
  const open = await fluxheim("snapshot", "--store", `${dir.path}/open/s`, "-c", config);
  assert.equal(open.code, 1);
  assert.match(open.err, /is an unsafe path/);
  const store = ["--store", `${dir.path}/store`];
  const made = JSON.parse((await fluxheim("snapshot", ...store, "-c", config, "--json")).out);
  Deno.writeTextFileSync(made.config, "[server]\nlisten = 3\n");
  const back = await fluxheim("rollback", ...store, "--to", made.snapshot);
  assert.equal(back.code, 1);
  assert.match(back.err, /is not valid: .*server\.listen/);
  const nameless = await fluxheim("snapshots", "-c", config);
  assert.match(nameless.err, /no snapshot store is named: use --store/);
});

Deno.test("status and top ask the running gateway, and say why they cannot", async () => {
  await using admin = await AdminGateway.start();
  const config = ["-c", admin.gateway.configPath];
  const status = await fluxheim("status", ...config);
  assert.equal(status.code, 0, status.err);
  assert.match(status.out, /^state: +ready, process \d+, up \d+ s$/m);
  assert.match(status.out, /^threads: +1 edge, 1 control$/m);
  const { pid } = JSON.parse((await fluxheim("status", "--json", ...config)).out).process;
  assert.match(status.out, new RegExp(`process ${pid},`));
  const top = await fluxheim("top", "--count", "2", "--interval", "1", ...config);
  assert.equal(top.code, 0, top.err);
  assert.equal(top.out.match(/^ +per second +total {2}counter$/mg)?.length, 2);
  const json = await fluxheim("top", "--count", "1", "--json", ...config);
  assert.ok(Array.isArray(JSON.parse(json.out).counters));
  const wrong = admin.gateway.dir.write("wrong", "guess");
  const refused = await fluxheim(
    "status",
    "--listen",
    `127.0.0.1:${admin.port}`,
    "--token-file",
    wrong,
  );
  assert.equal(refused.code, 1);
  assert.match(refused.err, /asks for another token/);
  const dead = await fluxheim("status", "--socket", `${admin.gateway.dir.path}/none.sock`);
  assert.equal(dead.code, 1);
  assert.match(dead.err, /does not answer/);
  assert.equal((await fluxheim("top", "--interval", "0", ...config)).code, 1);
});

Deno.test("reload asks the admin API, and ends with what came of it", async () => {
  await using admin = await AdminGateway.start();
  const config = ["-c", admin.gateway.configPath];
  admin.rewrite("/two");
  const done = await fluxheim("reload", ...config);
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /^reload: the new configuration serves \(snapshot s/);
  assert.equal(await admin.target(), "/two");
  assert.equal((await fluxheim("reload", ...config)).out, "reload: nothing has changed\n");
  admin.gateway.rewrite("threads = 1", "threads = 2");
  const restart = await fluxheim("reload", ...config);
  assert.equal(restart.code, 1);
  assert.match(restart.err, /reload: needs a restart \(process-settings-changed\)/);
});

Deno.test("without the token a signal asks, and the ops socket says what came of it", async () => {
  await using admin = await AdminGateway.start({
    admin: '[admin.ops_socket]\nenabled = true\npath = "{dir}/ops.sock"',
  });
  Deno.removeSync(`${admin.gateway.dir.path}/token`);
  Deno.writeTextFileSync(`${admin.gateway.dir.path}/token`, "not the one that was read\n");
  admin.rewrite("/two");
  const done = await fluxheim("reload", "-c", admin.gateway.configPath);
  assert.equal(done.code, 0, done.err);
  assert.equal(done.out, "reload: the new configuration serves\n");
  assert.equal(await admin.target(), "/two");
  await until("it is stored", () => admin.currentId() !== "");
  assert.equal((await admin.ask("GET", `${S}status`, {}, "not the one that was read")).status, 200);
});
