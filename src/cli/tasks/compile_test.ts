import assert from "node:assert/strict";
import { contains, type Embedded, readEmbedded } from "../testing/embedded.ts";
import { withConfig } from "../testing/run.ts";
import { ROOT } from "./entry_files.ts";
import { builtProfiles } from "./generated.ts";

/** Stands in for the base binary: what is appended to it is the same. */
const STAND_IN = Deno.execPath();

interface Built {
  readonly program: Uint8Array;
  readonly licences: string;
  readonly embedded: Embedded;
}

async function task(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${ROOT}src/cli/tasks/compile.ts`, ...args],
    env,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, said: text(stdout) + text(stderr) };
}

async function build(...args: string[]): Promise<Built> {
  const directory = await Deno.makeTempDir();
  try {
    const output = `${directory}/program`;
    const { code, said } = await task({ DENORT_BIN: STAND_IN }, ...args, "--output", output);
    assert.equal(code, 0, said);
    const program = await Deno.readFile(output);
    const licences = await Deno.readTextFile(`${output}.licences.txt`);
    return { program, licences, embedded: readEmbedded(program) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The permission set of `permissions/<profile>.json`, spelled as the compiled program has it. */
async function lockedSet(profile: string): Promise<Record<string, readonly string[] | null>> {
  const { permissions } = JSON.parse(await Deno.readTextFile(`${ROOT}permissions/${profile}.json`));
  const locked: Record<string, readonly string[] | null> = {};
  for (const [kind, value] of Object.entries(permissions)) {
    locked[`allow_${kind}`] = value === true ? [] : Array.isArray(value) ? value : null;
  }
  return locked;
}

let development: Promise<Built> | undefined;

/** Built once for all tests that only look at it. */
function built(): Promise<Built> {
  return development ??= build("development");
}

for (const { name } of builtProfiles()) {
  Deno.test(`the permissions of ${name} are locked in, and no others`, async () => {
    const { embedded } = name === "development" ? await built() : await build(name);
    assert.equal(embedded.entrypoint_key, `src/profiles/${name}.ts`);
    const { prompt, ...kinds } = embedded.permissions;
    assert.equal(prompt, false);
    const locked = await lockedSet(name);
    for (const [kind, value] of Object.entries(kinds)) {
      assert.deepEqual(value, locked[kind] ?? null, kind);
    }
    assert.equal(kinds.allow_run, null);
    assert.equal(kinds.allow_ffi, null);
  });
}

Deno.test("a privacy program may not write, anywhere", async () => {
  const { allow_write } = (await build("privacy")).embedded.permissions;
  assert.equal(allow_write, null);
});

Deno.test("nothing of the building environment changes how the program runs", async () => {
  const { embedded } = await built();
  assert.deepEqual(embedded.argv, []);
  assert.deepEqual(embedded.env_vars_from_env_file, {});
  assert.deepEqual(embedded.unsafely_ignore_certificate_errors, null);
  assert.equal(embedded.otel_config.tracing_enabled, false);
  assert.equal(embedded.otel_config.metrics_enabled, false);
  assert.equal(embedded.code_cache_key, null, "would be written to a temporary directory");
  assert.deepEqual([...embedded.unstable_config.features].sort(), ["net", "worker-options"]);
});

Deno.test("the entry is the profile, its worker and its modules are inside", async () => {
  const { program, embedded } = await built();
  assert.equal(embedded.entrypoint_key, "src/profiles/development.ts");
  assert.equal(embedded.app_name, "fluxheim-development");
  for (
    const text of [
      "runEdgeWorker(profile)",
      "export class EdgeListeners",
      'name: "rate-limit"',
    ]
  ) {
    assert.ok(contains(program, text), text);
  }
});

Deno.test("no path of the building machine is inside, and no file of tests and tasks", async () => {
  const { program } = await built();
  for (
    const path of [
      ROOT,
      `${Deno.env.get("HOME")}/`,
      "cli_test.ts",
      "compileProgram",
      "Property failed after",
    ]
  ) {
    assert.ok(!contains(program, path), path);
  }
});

Deno.test("the licences of the packages inside go with it, and of no others", async () => {
  const { licences } = await built();
  assert.match(licences, /^zod \d+\.\d+\.\d+\n=+\n\nMIT License/m);
  assert.match(licences, /^mmdb-lib /m, "a package that another one needs");
  assert.doesNotMatch(licences, /^fast-check /m);
});

Deno.test("a second build is the same byte for byte, wherever it is written", async () => {
  const digest = async (bytes: Uint8Array) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes))).toHex();
  const again = await build("development");
  assert.equal(await digest(again.program), await digest((await built()).program));
});

Deno.test("V8 flags and telemetry of the environment do not get in", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const output = `${directory}/program`;
    const env = { DENORT_BIN: STAND_IN, OTEL_DENO: "true", DENO_V8_FLAGS: "--max-lazy" };
    const { code, said } = await task(env, "development", "--output", output);
    assert.equal(code, 0, said);
    const { otel_config, v8_flags } = readEmbedded(await Deno.readFile(output));
    assert.equal(otel_config.tracing_enabled, false);
    assert.ok(!v8_flags.includes("--max-lazy"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("with a configuration, exactly that deployment is locked in", () =>
  withConfig(
    '[server]\nlisten = ["127.0.0.1:18080"]\n[proxy]\nupstream = "127.0.0.1:19090"\n',
    async (path) => {
      const { embedded } = await build("development", "--config", path);
      assert.deepEqual(embedded.argv, ["--config", path]);
      const { allow_net, allow_read, allow_run, allow_import } = embedded.permissions;
      assert.deepEqual(allow_net, ["127.0.0.1:18080", "127.0.0.1:19090"]);
      assert.ok(Array.isArray(allow_read) && allow_read.includes(path));
      assert.ok(!allow_read.some((read) => ROOT.startsWith(read)), "the checkout");
      assert.equal(allow_run, null);
      assert.deepEqual(allow_import, ["none.invalid:443"]);
    },
  ));

Deno.test("a wrong configuration builds nothing", () =>
  withConfig("[server]\nlisen = []\n", async (path) => {
    const { code, said } = await task({ DENORT_BIN: STAND_IN }, "development", "--config", path);
    assert.equal(code, 1);
    assert.match(said, /server\.lisen/);
    assert.match(said, /nothing was built/);
  }));

Deno.test("a profile that lacks modules is refused by their names", async () => {
  const { code, said } = await task({ DENORT_BIN: STAND_IN }, "cache");
  assert.equal(code, 1);
  assert.match(said, /module cache is not built yet/);
});

Deno.test("a FIPS profile fails closed and says why", async () => {
  const { code, said } = await task({ DENORT_BIN: STAND_IN }, "fips-openssl");
  assert.equal(code, 1);
  assert.match(said, /no way to load or prove a FIPS 140-3/);
});

Deno.test("where the base binary cannot be had, the error says how to get it", async () => {
  const scratch = await Deno.makeTempDir();
  try {
    // A file that is none: fails in the same place as a download, on machines with and without a network.
    const { code, said } = await task({ DENORT_BIN: `${scratch}/denort` }, "development");
    assert.equal(code, 1);
    assert.match(said, /set DENORT_BIN to the path of the unpacked denort/);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});

Deno.test("the same entry runs under the permission set of the same name", async () => {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "-P=development",
      `${ROOT}src/profiles/development.ts`,
      "--version",
      "--json",
    ],
    cwd: ROOT,
  }).output();
  assert.ok(success);
  const { profile, modules } = JSON.parse(new TextDecoder().decode(stdout));
  const manifest = JSON.parse(await Deno.readTextFile(`${ROOT}permissions/development.json`));
  assert.equal(profile, "development");
  assert.deepEqual(modules, manifest.modules);
});
