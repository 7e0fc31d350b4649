import assert from "node:assert/strict";
import { newDirectory, putFile } from "../../../config/testing/files.ts";
import type { Config } from "../../../config/types.ts";
import { fpmSchema } from "../fpm_schema.ts";
import { sharedSecrets } from "./secrets.ts";

/** The keys of the problems that a configuration with a key at `path` has. */
function problems(path: string, keys: object, uid = 1000): string[] {
  const config = { tls: { certificates: [{ cert_path: "/x", key_path: path }] } };
  return sharedSecrets(config as unknown as Config, fpmSchema.parse(keys), "fpm", uid).map((
    { key },
  ) => key);
}

Deno.test("sites must not run as a user that reads the gateway's keys", () => {
  const path = `${newDirectory()}/key.pem`;
  putFile(path, "key");
  Deno.chmodSync(path, 0o600);
  const owner = Deno.statSync(path).uid ?? 0;
  const site = { user: "site", group: "site" };
  assert.deepEqual(problems(path, {}, owner), ["fpm.mode"]);
  assert.deepEqual(problems(path, site, owner), []);
  assert.deepEqual(problems(path, { allow_same_user: true }, owner), []);
  Deno.chmodSync(path, 0o644);
  assert.deepEqual(problems(path, site, owner), ["fpm.user"]);
});

Deno.test("a configuration without secrets has none to share", () => {
  const config = { vhosts: [{ web: { root: "/srv" } }] };
  assert.deepEqual(
    sharedSecrets(config as unknown as Config, fpmSchema.parse({}), "fpm", 1000),
    [],
  );
});
