/**
 * A control service that was taken over, against the calls that the keeper takes for the admin API: each has an
 * answer, nothing is read or written outside of the store, and serving goes on.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { load, planFor } from "../../src/cli/load.ts";
import { KEEPER_CALLS } from "../../src/modules/admin/calls.ts";
import { toFlags } from "../../src/runtime/permissions/plan.ts";
import type { Profile } from "../../src/runtime/threads/profile.ts";
import { freePort, Process, TempDir, until } from "../testing/peer.ts";
import { ADMIN_SAYS } from "./hostile_says.ts";

const here = new URL(".", import.meta.url);
const root = new URL("../..", import.meta.url);

const ENTRY = `
  import { profile as real } from "${root}src/profiles/static-site.ts";
  export const profile = {
    ...real,
    services: { ...real.services, control: new URL("${here}hostile_admin.ts") },
  };
  if (import.meta.main) {
    const { main } = await import("${root}src/cli/main.ts");
    await main(profile);
  }`;

Deno.test("whatever is asked of the keeper has an answer, and costs the one who asks alone", async () => {
  await using dir = new TempDir();
  await using program = new TempDir();
  const port = freePort();
  dir.write("www/index.html", "page");
  dir.write("token", "secret-token");
  const config = dir.write(
    "fluxheim.toml",
    `[server]
listen = ["127.0.0.1:${port}"]
[admin]
enabled = true
listen = "127.0.0.1:${freePort()}"
token_file = "token"
snapshot_store = "store"
[admin.self_healing]
enabled = true
validation_window_secs = 600
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.web]
root = "www"
`,
  );
  const entry = program.write("entry.ts", ENTRY);
  const { profile }: { profile: Profile } = await import(`file://${entry}`);
  const loaded = await load(profile, config);
  assert.ok(loaded.config !== undefined, JSON.stringify(loaded.problems));
  const flags = toFlags(planFor(profile, loaded.config, config));
  const project = `--config=${fileURLToPath(root)}deno.json`;
  const args = ["run", "-q", project, ...flags, entry, "--config", config];
  await using process = new Process(Deno.execPath(), args);
  const serves = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    return await answer?.text() === "page";
  };
  await until("it serves", serves);
  await until("all is asked", () => process.output.includes(ADMIN_SAYS));
  const line = process.output.split("\n").find((one) => one.includes(ADMIN_SAYS)) ?? "";
  const text: string = JSON.parse(line).message;
  const found: Record<string, number> = JSON.parse(text.slice(ADMIN_SAYS.length));
  for (const [what, count] of Object.entries(found)) {
    const [name, outcome] = what.split(/ (.*)/);
    assert.ok(KEEPER_CALLS.some((known) => known === name), what);
    assert.match(outcome, /^status (200|201|400|409)$/, `${what}: ${count}`);
  }
  assert.ok(found["admin.rollback status 400"] >= 5, text);
  assert.ok(found["admin.heal status 400"] >= 23, text);
  assert.doesNotMatch(process.output, /root:x:/);
  const names = [...Deno.readDirSync(`${dir.path}/store`)].map(({ name }) => name).sort();
  const known = [".snapshot.lock", "configs", "current", "self-healing.toml"];
  assert.deepEqual(names.filter((name) => !known.includes(name)), []);
  assert.ok(await serves());
  assert.equal((await process.stop()).code, 0, process.output);
});
