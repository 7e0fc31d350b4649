/** Snapshots, reloads and rollbacks over the admin API of a real gateway. */
import assert from "node:assert/strict";
import { until } from "../testing/peer.ts";
import { AdminGateway } from "../testing/admin.ts";

const S = "/_fluxheim/";

Deno.test("a snapshot of what is served is stored, listed, and private", async () => {
  await using admin = await AdminGateway.start();
  const before = await admin.get(`${S}status`);
  assert.equal(before.body.snapshot_current, null);
  assert.equal(before.body.snapshots, 0);
  const made = await admin.post(`${S}snapshot`, { "X-Fluxheim-Message": "  before the change " });
  assert.equal(made.status, 201);
  assert.deepEqual(Object.keys(made.body).sort(), ["config_path", "snapshot", "status"]);
  const { snapshot, config_path } = made.body;
  assert.match(snapshot, /^s\d+-\d{9}-\d+-\d+$/);
  assert.equal(config_path, `${admin.store}/configs/${snapshot}.toml`);
  assert.match(Deno.readTextFileSync(config_path), /to = "https:\/\/site\.example\/one"/);
  const mode = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o777;
  assert.equal(mode(config_path), 0o600);
  assert.equal(mode(admin.store), 0o700);
  assert.equal(mode(`${admin.store}/configs`), 0o700);
  const list = await admin.get(`${S}snapshots`);
  const [entry] = list.body.snapshots;
  assert.deepEqual(Object.keys(entry).sort(), ["created_unix_secs", "current", "id", "message"]);
  assert.equal(entry.message, "before the change");
  assert.equal(entry.current, true);
  const after = await admin.get(`${S}status`);
  assert.equal(after.body.runtime_snapshot, snapshot);
  assert.equal(after.body.known_good_snapshot, snapshot);
  assert.equal(after.body.pending_validation, null);
});

Deno.test("a message that is too long or has a tab is refused, and nothing is stored", async () => {
  await using admin = await AdminGateway.start();
  for (const message of ["x".repeat(4097), "a\tb"]) {
    const answer = await admin.post(`${S}snapshot`, { "X-Fluxheim-Message": message });
    assert.equal(answer.status, 400);
    assert.equal(answer.body.status, "error");
  }
  assert.deepEqual((await admin.get(`${S}snapshots`)).body.snapshots, []);
});

Deno.test("reload-config stores what the file has now and serves it; again it is noop", async () => {
  await using admin = await AdminGateway.start({ threads: 2 });
  admin.rewrite("/two");
  const done = await admin.post(`${S}reload-config`);
  assert.equal(done.status, 200, JSON.stringify(done.body));
  assert.equal(done.body.impact, "snapshot");
  assert.equal(done.body.live_apply, true);
  assert.equal(await admin.target(), "/two");
  assert.equal(admin.currentId(), done.body.snapshot);
  const again = await admin.post(`${S}reload-config`);
  assert.equal(again.body.impact, "noop");
  assert.equal(again.body.snapshot, done.body.snapshot);
  const { body } = await admin.get(`${S}status`);
  assert.equal(body.last_reload.source, "reload-config");
  assert.equal(body.last_reload.outcome, "noop");
  assert.equal(body.runtime_snapshot, done.body.snapshot);
});

Deno.test("a signal does the same, and the status tells", async () => {
  await using admin = await AdminGateway.start();
  admin.rewrite("/two");
  admin.gateway.process.signal("SIGHUP");
  await until("it is served", async () => await admin.target() === "/two");
  await until(
    "it is known",
    async () => (await admin.get(`${S}status`)).body.last_reload.number === 1,
  );
  const { body } = await admin.get(`${S}status`);
  assert.equal(body.last_reload.source, "signal");
  assert.equal(body.last_reload.outcome, "applied");
  assert.equal(body.snapshot_current, body.runtime_snapshot);
  assert.equal(body.snapshots, 1);
});

Deno.test("a file with a mistake is refused with what is wrong, and nothing is stored of it", async () => {
  await using admin = await AdminGateway.start();
  admin.gateway.rewrite("https://", "ftp://");
  const refused = await admin.post(`${S}reload-config`);
  assert.equal(refused.status, 400);
  assert.match(refused.body.error, /redirect/);
  assert.equal(await admin.target(), "/one");
  assert.deepEqual((await admin.get(`${S}snapshots`)).body.snapshots, []);
  // What is mended is not compared with what was tried.
  admin.rewrite("/three");
  assert.equal((await admin.post(`${S}reload-config`)).body.impact, "snapshot");
  assert.equal(await admin.target(), "/three");
});

Deno.test("a change that needs a new process is 409 with its reasons, and changes nothing", async () => {
  await using admin = await AdminGateway.start();
  const { snapshot } = (await admin.post(`${S}snapshot`)).body;
  admin.gateway.rewrite("threads = 1", "threads = 2");
  const { status, body } = await admin.post(`${S}reload-config`);
  assert.equal(status, 409);
  assert.equal(body.error, "process_upgrade_required");
  assert.equal(body.impact, "process-upgrade");
  assert.deepEqual(body.reasons, ["process-settings-changed"]);
  assert.equal(body.live_apply, false);
  assert.equal(admin.currentId(), snapshot);
  assert.equal((await admin.get(`${S}snapshots`)).body.snapshots.length, 1);
});

Deno.test("a rollback moves the pointer alone; reload then serves what it names", async () => {
  await using admin = await AdminGateway.start();
  const first = (await admin.post(`${S}snapshot`)).body.snapshot;
  admin.rewrite("/two");
  const second = (await admin.post(`${S}reload-config`)).body.snapshot;
  const moved = await admin.post(`${S}rollback`);
  assert.deepEqual(moved.body, {
    status: "ok",
    rollback_target: first,
    config_path: `${admin.store}/configs/${first}.toml`,
    live_apply: false,
  });
  assert.equal(await admin.target(), "/two");
  const { body } = await admin.get(`${S}status`);
  assert.equal(body.snapshot_current, first);
  assert.equal(body.runtime_snapshot, second);
  const reloaded = await admin.post(`${S}reload`);
  assert.deepEqual(reloaded.body, {
    status: "ok",
    snapshot: first,
    impact: "snapshot",
    live_apply: true,
  });
  assert.equal(await admin.target(), "/one");
});

Deno.test("a live rollback serves the snapshot at once, named by header or by query", async () => {
  await using admin = await AdminGateway.start();
  const first = (await admin.post(`${S}snapshot`)).body.snapshot;
  admin.rewrite("/two");
  const second = (await admin.post(`${S}reload-config`)).body.snapshot;
  const back = await admin.post(`${S}rollback?to=${first}&live=yes`);
  assert.equal(back.status, 200);
  assert.equal(back.body.impact, "snapshot");
  assert.equal(back.body.live_apply, true);
  assert.equal(await admin.target(), "/one");
  // A header wins over its query twin.
  const forth = await admin.post(`${S}rollback?to=${first}`, {
    "X-Fluxheim-Rollback-To": second,
    "X-Fluxheim-Live-Apply": "TRUE",
  });
  assert.equal(forth.body.rollback_target, second);
  assert.equal(await admin.target(), "/two");
  assert.equal((await admin.get(`${S}status`)).body.pending_validation, null);
});

Deno.test("rollbacks that lead nowhere are refused by name", async () => {
  await using admin = await AdminGateway.start();
  const error = async (path: string) => {
    const { status, body } = await admin.post(path);
    assert.equal(status, 400);
    return body.error;
  };
  assert.match(await error(`${S}rollback`), /empty/);
  assert.equal(await error(`${S}reload`), "snapshot store has no current pointer");
  await admin.post(`${S}snapshot`);
  assert.match(await error(`${S}rollback`), /no snapshot before/);
  assert.match(await error(`${S}rollback?to=s1-2-3-4`), /there is no snapshot s1-2-3-4/);
  assert.match(await error(`${S}rollback?to=../../../etc/passwd`), /there is no snapshot/);
});

Deno.test("a rollback to a snapshot that needs wider permissions is 409", async () => {
  await using admin = await AdminGateway.start();
  const { config_path, snapshot } = (await admin.post(`${S}snapshot`)).body;
  admin.rewrite("/two");
  await admin.post(`${S}reload-config`);
  const text = Deno.readTextFileSync(config_path);
  const wider = text.replace(/\[vhosts\.redirect\][^[]*/, '[vhosts.web]\nroot = "/usr/share"\n');
  assert.notEqual(wider, text);
  Deno.writeTextFileSync(config_path, wider);
  const refused = await admin.post(`${S}rollback?to=${snapshot}&live=1`);
  assert.equal(refused.status, 409);
  assert.deepEqual(refused.body.reasons, ["permissions-changed"]);
  assert.equal(await admin.target(), "/two");
  assert.notEqual(admin.currentId(), snapshot);
});

Deno.test("a damaged store is refused with what is wrong, and the gateway serves on", async () => {
  await using admin = await AdminGateway.start();
  const { config_path, snapshot } = (await admin.post(`${S}snapshot`)).body;
  Deno.writeTextFileSync(`${admin.store}/configs/${snapshot}.meta.toml`, 'id = "other"\n');
  const [entry] = (await admin.get(`${S}snapshots`)).body.snapshots;
  assert.match(entry.problem, /are of another snapshot/);
  Deno.writeTextFileSync(config_path, "server = nonsense");
  const broken = await admin.post(`${S}reload`);
  assert.equal(broken.status, 400);
  assert.match(broken.body.error, new RegExp(`the snapshot ${snapshot} is not valid`));
  Deno.removeSync(config_path);
  Deno.symlinkSync("/etc/hostname", config_path);
  assert.match((await admin.post(`${S}reload`)).body.error, /not a regular file/);
  Deno.writeTextFileSync(`${admin.store}/current`, "no id at all\n");
  assert.match((await admin.post(`${S}reload`)).body.error, /does not hold an id/);
  assert.match((await admin.get(`${S}status`)).body.store_problem, /does not hold an id/);
  assert.equal(await admin.target(), "/one");
});

Deno.test("fifty operations at once are all answered, and the pointer is that of the last success", async () => {
  await using admin = await AdminGateway.start({ threads: 2 });
  const first = (await admin.post(`${S}snapshot`)).body.snapshot;
  admin.rewrite("/two");
  const second = (await admin.post(`${S}reload-config`)).body.snapshot;
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => {
    switch (i % 4) {
      case 0:
        return admin.post(`${S}reload`);
      case 1:
        return admin.post(`${S}rollback?to=${i % 8 === 1 ? first : second}&live=1`);
      case 2:
        return admin.post(`${S}self-heal/report?health=ok`);
      default:
        return admin.get(`${S}status`);
    }
  }));
  for (const { status, body } of answers) {
    assert.ok([200, 400, 409].includes(status), JSON.stringify(body));
    assert.match(body.status, /^(ok|error)$/);
  }
  const { body } = await admin.get(`${S}status`);
  assert.equal(body.snapshot_current, body.runtime_snapshot);
  assert.equal(await admin.target(), body.runtime_snapshot === first ? "/one" : "/two");
});
