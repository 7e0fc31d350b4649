/** Self-healing: a reload that is not confirmed is gone back on, by a restart too. */
import assert from "node:assert/strict";
import { launchArguments } from "../testing/gateway.ts";
import { Process, until } from "../testing/peer.ts";
import { AdminGateway } from "../testing/admin.ts";

const S = "/_fluxheim/";

const healing = (more = "", window = 600) =>
  `[admin.self_healing]\nenabled = true\nvalidation_window_secs = ${window}\n${more}`;

/** A gateway that serves `/two` and waits for that to be confirmed. */
async function watched(
  more = "",
  window = 600,
): Promise<{ admin: AdminGateway; first: string; second: string }> {
  const admin = await AdminGateway.start({ admin: healing(more, window) });
  const first = (await admin.post(`${S}snapshot`)).body.snapshot;
  admin.rewrite("/two");
  const reloaded = await admin.post(`${S}reload-config`);
  assert.equal(reloaded.status, 200, JSON.stringify(reloaded.body));
  return { admin, first, second: reloaded.body.snapshot };
}

Deno.test("a reload is watched, and good reports confirm it", async () => {
  const { admin, first, second } = await watched("min_successful_checks = 2");
  await using _ = admin;
  const { pending_validation: pending, known_good_snapshot } = (await admin.get(`${S}status`)).body;
  assert.equal(known_good_snapshot, first);
  assert.deepEqual(
    { ...pending, expires_unix_secs: 0 },
    {
      target_snapshot: second,
      previous_snapshot: first,
      impact: "snapshot",
      expires_unix_secs: 0,
      successful_checks: 0,
      failed_checks: 0,
      error_rate_per_mille: 0,
    },
  );
  assert.ok(pending.expires_unix_secs > Date.now() / 1000);
  const one = await admin.post(`${S}self-heal/report`, { "X-Fluxheim-Health": "Healthy" });
  assert.deepEqual(one.body, {
    status: "ok",
    action: "recorded",
    snapshot: second,
    successful_checks: 1,
    failed_checks: 0,
    error_rate_per_mille: 0,
  });
  const two = await admin.post(`${S}self-heal/report?ok=1`);
  assert.equal(two.body.action, "confirmed");
  assert.equal(two.body.known_good_snapshot, second);
  const { body } = await admin.get(`${S}status`);
  assert.equal(body.pending_validation, null);
  assert.equal(body.known_good_snapshot, second);
  assert.equal((await admin.post(`${S}self-heal/confirm`)).status, 400);
});

Deno.test("bad reports over the limit go back, before good ones are counted", async () => {
  const { admin, first, second } = await watched("max_error_rate_per_mille = 400");
  await using _ = admin;
  const bad = await admin.post(`${S}self-heal/report?health=down`);
  assert.equal(bad.status, 400);
  const back = await admin.post(`${S}self-heal/report?health=unhealthy`);
  assert.deepEqual(back.body, {
    status: "ok",
    reason: "error-rate",
    failed_snapshot: second,
    rollback_target: first,
    impact: "snapshot",
    live_apply: true,
  });
  assert.equal(await admin.target(), "/one");
  const { body } = await admin.get(`${S}status`);
  assert.equal(body.snapshot_current, first);
  assert.equal(body.runtime_snapshot, first);
  assert.equal(body.last_reload.outcome, "rolled-back");
});

Deno.test("an operator confirms or fails it", async () => {
  const { admin, first, second } = await watched();
  await using _ = admin;
  const confirmed = await admin.post(`${S}self-heal/confirm`);
  assert.deepEqual(confirmed.body, {
    status: "ok",
    known_good_snapshot: second,
    confirmed_snapshot: second,
  });
  admin.rewrite("/three");
  await admin.post(`${S}reload-config`);
  assert.equal(await admin.target(), "/three");
  const failed = await admin.post(`${S}self-heal/fail`);
  assert.equal(failed.body.reason, "manual");
  assert.equal(failed.body.rollback_target, second);
  assert.equal(await admin.target(), "/two");
  assert.notEqual(first, second);
});

Deno.test("a window that ends without a word goes back by itself", async () => {
  const { admin, first } = await watched("", 1);
  await using _ = admin;
  await until("it is gone back", async () => await admin.target() === "/one");
  await until(
    "it is settled",
    async () => (await admin.get(`${S}status`)).body.pending_validation === null,
  );
  const { body } = await admin.get(`${S}status`);
  assert.equal(body.snapshot_current, first);
  assert.equal(body.last_reload.source, "self-healing");
  assert.deepEqual(body.last_reload.reasons, ["expired"]);
});

Deno.test("a second reload within the window keeps what is known to be good", async () => {
  const { admin, first } = await watched();
  await using _ = admin;
  admin.rewrite("/three");
  await admin.post(`${S}reload-config`);
  const { pending_validation } = (await admin.get(`${S}status`)).body;
  assert.equal(pending_validation.previous_snapshot, first);
  await admin.post(`${S}self-heal/fail`);
  assert.equal(await admin.target(), "/one");
});

Deno.test("a reload without any snapshot before stores what was served, to come back to", async () => {
  await using admin = await AdminGateway.start({ admin: healing() });
  admin.rewrite("/two");
  await admin.post(`${S}reload-config`);
  const { body } = await admin.get(`${S}status`);
  assert.equal(body.snapshots, 2);
  await admin.post(`${S}self-heal/fail`);
  assert.equal(await admin.target(), "/one");
});

Deno.test("with self-healing off nothing waits, and reports are refused", async () => {
  await using admin = await AdminGateway.start();
  admin.rewrite("/two");
  const { snapshot } = (await admin.post(`${S}reload-config`)).body;
  assert.equal((await admin.get(`${S}status`)).body.known_good_snapshot, snapshot);
  for (const path of ["confirm", "fail", "report?health=ok"]) {
    const { status, body } = await admin.post(`${S}self-heal/${path}`);
    assert.deepEqual([status, body.error], [400, "self-healing is not enabled"], path);
  }
});

Deno.test("a process that is killed in the window starts with what is known to be good", async () => {
  const { admin, first, second } = await watched();
  await using _ = admin;
  admin.gateway.process.signal("SIGKILL");
  await until("it has ended", () => admin.gateway.process.status !== undefined);
  const { configPath, port } = admin.gateway;
  {
    await using next = new Process(Deno.execPath(), await launchArguments(configPath));
    await next.listening(port);
    assert.equal(await admin.target(), "/one");
    await until("the API is there", () => /the service control runs/.test(next.output));
    await until(
      "it is settled",
      async () => (await admin.get(`${S}status`)).body.pending_validation === null,
    );
    const { body } = await admin.get(`${S}status`);
    assert.equal(body.runtime_snapshot, first);
    assert.equal(body.snapshot_current, first);
    assert.equal(body.last_reload.source, "start");
    assert.equal(body.last_reload.outcome, "rolled-back");
    assert.match(body.last_reload.reasons[0], new RegExp(`${second} was not confirmed`));
    assert.match(next.output, /serving the snapshot .* not --config/);
  }
  // The file has not been mended: the next start does not believe it either.
  await using again = new Process(Deno.execPath(), await launchArguments(configPath));
  await again.listening(port);
  assert.equal(await admin.target(), "/one");
  await until("the API is there", () => /the service control runs/.test(again.output));
  // To reload it is the operator's decision.
  assert.equal((await admin.post(`${S}reload-config`)).status, 200);
  assert.equal(await admin.target(), "/two");
});

Deno.test("a damaged record of what was validated is refused until it is removed", async () => {
  const { admin } = await watched();
  await using _ = admin;
  await admin.gateway.process.stop();
  Deno.writeTextFileSync(`${admin.store}/self-healing.toml`, "pending = 3\n");
  const { configPath, port } = admin.gateway;
  await using next = new Process(Deno.execPath(), await launchArguments(configPath));
  await next.listening(port);
  await until("the API is there", () => /the service control runs/.test(next.output));
  assert.equal(await admin.target(), "/two");
  const refused = await admin.post(`${S}snapshot`);
  assert.equal(refused.status, 400);
  assert.match(refused.body.error, /self-healing\.toml is not what self-healing wrote/);
  Deno.removeSync(`${admin.store}/self-healing.toml`);
  assert.equal((await admin.post(`${S}snapshot`)).status, 201);
});

Deno.test("two gateways on one store take turns, and neither ends what the other is watching", async () => {
  await using one = await AdminGateway.start({ admin: healing() });
  await using other = await AdminGateway.start({ admin: healing() });
  other.gateway.rewrite(other.store, one.store);
  await other.gateway.process.stop();
  const { configPath, port } = other.gateway;
  await using again = new Process(Deno.execPath(), await launchArguments(configPath));
  await again.listening(port);
  await until("the API is there", () => /the service control runs/.test(again.output));
  one.rewrite("/two");
  const { snapshot } = (await one.post(`${S}reload-config`)).body;
  other.rewrite("/three");
  const refused = await other.post(`${S}reload-config`);
  assert.equal(refused.status, 409, JSON.stringify(refused.body));
  assert.match(refused.body.error, new RegExp(`another gateway is watching ${snapshot}`));
  assert.equal(await other.target(), "/one");
  // What the first one watches is there for the process that follows it.
  const kept = Deno.readTextFileSync(`${one.store}/self-healing.toml`);
  assert.match(kept, new RegExp(`target_snapshot = "${snapshot}"`));
  assert.equal((await one.post(`${S}self-heal/confirm`)).status, 200);
  assert.equal((await other.post(`${S}reload-config`)).status, 200);
  assert.equal(await other.target(), "/three");
  const back = await one.post(`${S}self-heal/fail`);
  assert.equal(back.status, 400, "its own window has ended");
});

Deno.test("a store that another process holds the lock of is refused as busy, and serving goes on", async () => {
  await using admin = await AdminGateway.start();
  await admin.post(`${S}snapshot`);
  using lock = Deno.openSync(`${admin.store}/.snapshot.lock`, { read: true, write: true });
  assert.ok(lock.tryLockSync(true));
  admin.rewrite("/two");
  const [stored, reloaded] = await Promise.all([
    admin.post(`${S}snapshot`),
    admin.post(`${S}reload-config`),
  ]);
  for (const { status, body } of [stored, reloaded]) {
    assert.equal(status, 409, JSON.stringify(body));
    assert.match(body.error, /in use by another process|another operation is under way/);
  }
  assert.equal(await admin.target(), "/one");
  assert.equal((await admin.get(`${S}status`)).status, 200, "looking needs no lock");
  assert.equal((await admin.get(`${S}snapshots`)).body.snapshots.length, 1);
  lock.unlockSync();
  assert.equal((await admin.post(`${S}reload-config`)).status, 200);
  assert.equal(await admin.target(), "/two");
});
