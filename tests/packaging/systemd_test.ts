import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { testWith } from "../testing/peer.ts";

const folder = fileURLToPath(new URL("../../packaging/systemd", import.meta.url));

async function run(tool: string, ...args: string[]): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(tool, { args }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, said);
  return said;
}

/** The unit as installed, with a program that exists in place of the gateway. */
async function withUnit(use: (path: string) => Promise<void>): Promise<void> {
  const scratch = await Deno.makeTempDir();
  try {
    const path = `${scratch}/fluxheim.service`;
    const text = await Deno.readTextFile(`${folder}/fluxheim.service`);
    await Deno.writeTextFile(path, text.replaceAll("/usr/bin/fluxheim", "/bin/true"));
    await use(path);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

testWith(
  ["systemd-analyze"],
  "systemd accepts the unit without a remark",
  () =>
    withUnit(async (path) => {
      assert.equal(await run("systemd-analyze", "verify", "--man=no", path), "");
    }),
);

testWith(
  ["systemd-analyze"],
  "systemd rates the unit's exposure below 2 of 10",
  () =>
    withUnit(async (path) => {
      await run("systemd-analyze", "security", "--offline=true", "--threshold=20", path);
    }),
);

Deno.test("the unit lets V8 make code executable", async () => {
  const unit = await Deno.readTextFile(`${folder}/fluxheim.service`);
  assert.doesNotMatch(unit, /^MemoryDenyWriteExecute=/m);
});

Deno.test("the unit keeps session secrets and foreign module runners out of the environment", async () => {
  const unit = await Deno.readTextFile(`${folder}/fluxheim.service`);
  const unset = [...unit.matchAll(/^UnsetEnvironment=(.*)$/gm)].flatMap((m) => m[1].split(" "));
  assert.deepEqual(unset.sort(), [
    "DENO_INTERNAL_CHILD_ENTRYPOINT",
    "NODE_CHANNEL_FD",
    "SSLKEYLOGFILE",
  ]);
});

testWith(["systemd-sysusers"], "systemd-sysusers creates the service user", async () => {
  const said = await run("systemd-sysusers", "--dry-run", `${folder}/sysusers.conf`);
  // Silent where the packages have made the user already.
  if (said !== "") assert.match(said, /Creating user 'fluxheim' \(Fluxheim edge gateway\)/);
});

testWith(["systemd-tmpfiles"], "systemd-tmpfiles makes every directory with its mode", async () => {
  const root = await Deno.makeTempDir();
  try {
    const text = await Deno.readTextFile(`${folder}/tmpfiles.conf`);
    const rules = `${root}/tmpfiles.conf`;
    // The service user need not exist where the tests run, and only root may give files away.
    const owned = text.replaceAll(/ (?:root|fluxheim) +(?:root|fluxheim) +-$/gm, " - - -");
    await Deno.writeTextFile(rules, owned);
    await run("systemd-tmpfiles", "--create", `--root=${root}`, rules);
    const mode = (path: string) => (Deno.statSync(root + path).mode ?? 0) & 0o777;
    assert.equal(mode("/etc/fluxheim"), 0o755);
    assert.equal(mode("/etc/fluxheim/secrets"), 0o700);
    assert.equal(mode("/var/lib/fluxheim"), 0o750);
    assert.equal(mode("/srv/fluxheim"), 0o755);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
