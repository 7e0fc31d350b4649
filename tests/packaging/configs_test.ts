/** The configurations that packages install. */
import assert from "node:assert/strict";
import { load } from "../../src/cli/load.ts";
import type { Loaded } from "../../src/config/load.ts";
import { ROOT } from "../../src/cli/tasks/entry_files.ts";
import { builtProfiles } from "../../src/cli/tasks/generated.ts";
import { profile } from "../../src/profiles/development.ts";
import type { Profile } from "../../src/runtime/threads/profile.ts";
import { TempDir } from "../testing/peer.ts";

for (const name of ["fluxheim.toml", "containers/fluxheim.toml"]) {
  Deno.test(`packaging/${name} is a right configuration with the packaged values`, async () => {
    const { config, problems } = await loadCopy(profile, `packaging/${name}`);
    assert.ok(config !== undefined, JSON.stringify(problems));
    const { process } = config.server;
    assert.equal(process.pid_file, "/run/fluxheim/fluxheim.pid");
    assert.equal(process.threads, navigator.hardwareConcurrency);
    assert.equal(process.grace_period_seconds, 2);
    assert.equal(process.graceful_shutdown_timeout_seconds, 5);
    assert.equal(config.vhosts[0].web?.root, "/srv/fluxheim");
    assert.equal(config.vhosts[0].web?.deny_dotfiles, true);
    assert.deepEqual(config.server.tls_listen, []);
  });
}

for (const { name } of builtProfiles()) {
  Deno.test(`the container of profile ${name} has a configuration that its build can run`, async () => {
    const file = `${ROOT}packaging/containers/${name}.Containerfile`;
    const copied = /COPY --chown=\S+ (\S+\.toml) \/etc/.exec(await Deno.readTextFile(file))?.[1];
    assert.ok(copied !== undefined);
    const entry: { profile: Profile } = await import(`${ROOT}src/profiles/${name}.ts`);
    const { config, problems } = await loadCopy(entry.profile, copied);
    assert.ok(config !== undefined, JSON.stringify(problems));
    assert.deepEqual(config.server.listen, ["0.0.0.0:8080"]);
  });
}

/** Loads what a package installs, with the modes of an installed file rather than of this checkout. */
async function loadCopy(profile: Profile, file: string): Promise<Loaded> {
  await using dir = new TempDir();
  return await load(profile, dir.write("fluxheim.toml", await Deno.readTextFile(ROOT + file)));
}
