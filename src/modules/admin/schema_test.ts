import assert from "node:assert/strict";
import { loadText } from "../../config/load.ts";
import { module } from "./module.ts";

const ON = `
[admin]
enabled = true
token_env = "FLUXHEIM_ADMIN_TOKEN"
snapshot_store = "/var/lib/fluxheim/snapshots"
`;

function problemsOf(text: string): string[] {
  const checks = module.check === undefined ? [] : [module.check];
  return loadText(text, module.schema, checks).problems
    .filter(({ warning }) => warning !== true).map(({ key, message }) => `${key}: ${message}`);
}

function assertRefused(text: string, problem: RegExp): void {
  assert.match(problemsOf(text).join("\n"), problem, text);
}

Deno.test("what is switched off is harmless, whatever it says", () => {
  assert.deepEqual(problemsOf('[admin]\nlisten = "0.0.0.0:1"\n'), []);
  assert.deepEqual(
    problemsOf(`${ON}[admin.auth_throttle]\nenabled = false\nwindow_secs = 0\n`),
    [],
  );
  assert.deepEqual(problemsOf(`${ON}[admin.self_healing]\nvalidation_window_secs = 0\n`), []);
});

Deno.test("exactly one of token_env and token_file is required, and a store", () => {
  assert.deepEqual(problemsOf(ON), []);
  assertRefused("[admin]\nenabled = true\n", /admin\.token_env: or token_file must be given/);
  assertRefused("[admin]\nenabled = true\n", /admin\.snapshot_store: must be given/);
  assertRefused(`${ON}token_file = "/t"\n`, /admin\.token_env: must not stand beside token_file/);
  assertRefused(ON.replace("FLUXHEIM_ADMIN_TOKEN", " "), /must be the name of an environment/);
});

Deno.test("an address beyond loopback needs both keys that say so, and no open health", () => {
  const wide = `${ON}listen = "10.0.0.1:9090"\n`;
  assertRefused(wide, /admin\.listen: must be a loopback address while require_loopback/);
  const open = `${wide}require_loopback = false\n`;
  assertRefused(open, /admin\.listen: must be a loopback address unless transport\.mode/);
  const terminated = `${open}[admin.transport]\nmode = "trusted_tls_terminator"\n`;
  assert.deepEqual(problemsOf(terminated), []);
  assertRefused(
    `${terminated}[admin.health]\nunauthenticated = true\n`,
    /admin\.health\.unauthenticated: must be false/,
  );
});

Deno.test("health paths, socket modes and bounds are held", () => {
  const healing = (more: string) => `${ON}[admin.self_healing]\nenabled = true\n${more}`;
  for (const path of ["/_fluxheim/status", "/a b", "/a?b", "a", "/a\\\\b"]) {
    assertRefused(healing(`health_path = "${path}"\n`), /health_path: must be/);
  }
  assertRefused(healing("max_error_rate_per_mille = 1001\n"), /max_error_rate_per_mille/);
  assertRefused(healing("validation_window_secs = 0\n"), /validation_window_secs/);
  for (const mode of ["0606", "0400", "1600", "rw", "77"]) {
    assertRefused(`${ON}[admin.ops_socket]\nmode = "${mode}"\n`, /ops_socket\.mode: must be/);
  }
  assertRefused(
    `${ON}[admin.auth_throttle]\nbase_lockout_secs = 60\nmax_lockout_secs = 59\n`,
    /max_lockout_secs: must be at least base_lockout_secs/,
  );
});

Deno.test("an address that requests are served on is refused, and keys that are not there by name", () => {
  assertRefused(
    `[server]\nlisten = ["127.0.0.1:9090"]\n${ON}`,
    /admin\.listen: must be an address/,
  );
  assertRefused(`${ON}dashboards = true\n`, /admin\.dashboards/);
  assertRefused(`${ON}[admin.transport]\nca = "x"\n`, /admin\.transport\.ca/);
});
