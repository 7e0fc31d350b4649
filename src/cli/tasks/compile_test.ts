import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { graphOf, writeEntry } from "../testing/build.ts";
import { freePort, Process, TempDir } from "../../runtime/testing/program.ts";
import { foldersOf, profileFeatures } from "../features/feature_set.ts";
import { contains, type Embedded, embeddedFiles, readEmbedded } from "../testing/embedded.ts";
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
  return await taskOf(ROOT, env, ...args);
}

/** The task of the checkout at `root`. */
async function taskOf(
  root: string,
  env: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${root}src/cli/tasks/compile.ts`, ...args],
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

const builds = new Map<string, Promise<Built>>();

/** A profile, built once for all tests that only look at it. */
function built(profile = "development"): Promise<Built> {
  const known = builds.get(profile);
  if (known !== undefined) return known;
  const made = build(profile);
  builds.set(profile, made);
  return made;
}

for (const profile of builtProfiles()) {
  const { name } = profile;
  Deno.test(`${name} is compiled with its modules and permissions, and with no others`, async () => {
    const { embedded, program } = await built(name);
    // Any file of a module counts, not its face alone.
    const folders = [...embeddedFiles(program).keys()].flatMap((path) =>
      /^src\/modules\/(\w+)\//.exec(path)?.[1] ?? []
    );
    assert.deepEqual(
      [...new Set(folders)].sort(),
      foldersOf(profileFeatures(profile).modules).sort(),
    );
    assert.equal(embedded.entrypoint_key, `src/cli/entries/${name}.ts`);
    const { prompt, ...kinds } = embedded.permissions;
    assert.equal(prompt, false);
    const locked = await lockedSet(name);
    for (const [kind, value] of Object.entries(kinds)) {
      assert.deepEqual(value, locked[kind] ?? null, kind);
    }
    assert.equal(kinds.allow_ffi, null);
  });
}

Deno.test("a privacy program may not write, anywhere", async () => {
  const { allow_write } = (await built("privacy")).embedded.permissions;
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
  assert.equal(embedded.entrypoint_key, "src/cli/entries/development.ts");
  assert.equal(embedded.app_name, "fluxheim-development");
  for (
    const text of [
      "Entry of the edge workers of profile `development`",
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

Deno.test("another checkout, of another time and place, builds the same byte for byte", async () => {
  const other = await Deno.makeTempDir();
  try {
    for (const part of ["src", "deno.json", "deno.lock"]) {
      await new Deno.Command("cp", { args: ["-r", ROOT + part, other] }).output();
    }
    const changed = new Date("2011-02-03T04:05:06Z");
    await Deno.utime(`${other}/src/cli/entries/development.ts`, changed, changed);
    const output = `${other}/program`;
    const env = { DENORT_BIN: STAND_IN };
    const { code, said } = await taskOf(`${other}/`, env, "development", "--output", output);
    assert.equal(code, 0, said);
    const { program } = await built();
    assert.ok(Buffer.from(program.buffer).equals(await Deno.readFile(output)));
  } finally {
    await Deno.remove(other, { recursive: true });
  }
});

/** The project's own files in a program; the others are of packages. */
function ownFiles(program: Uint8Array): Map<string, Uint8Array> {
  const files = [...embeddedFiles(program)];
  return new Map(files.filter(([path]) => !path.startsWith(".deno_compile_node_modules/")));
}

Deno.test("the files inside are those that entry and worker load, as they are in the checkout", async () => {
  const files = ownFiles((await built()).program);
  const graph = await graphOf(`${ROOT}src/cli/entries/development.ts`);
  for (const [path, bytes] of files) {
    assert.ok(graph.has(path), path);
    assert.ok(Buffer.from(bytes).equals(await Deno.readFile(ROOT + path)), path);
  }
  for (const path of graph) {
    if (files.has(path)) continue;
    // What has nothing but types is not needed to run.
    const text = await Deno.readTextFile(ROOT + path);
    assert.doesNotMatch(
      text,
      /^(?:export )?(?:async |abstract )?(?:const|let|class|function) /m,
      path,
    );
  }
});

Deno.test("the files inside serve, under the permissions that are locked in", async () => {
  const { program, embedded } = await built("static-site");
  await using dir = new TempDir();
  for (const [path, bytes] of ownFiles(program)) dir.write(`inside/${path}`, bytes);
  dir.write("inside/deno.json", await Deno.readTextFile(`${ROOT}deno.json`));
  dir.write("www/index.html", "from inside");
  const port = freePort();
  const health = freePort();
  const config = dir.write(
    "fluxheim.toml",
    `[server]\nlisten = ["127.0.0.1:${port}"]\nhealth.listen = ["127.0.0.1:${health}"]\n` +
      `[proxy]\n[web]\nroot = "www"\n`,
  );
  const flags = Object.entries(embedded.permissions).flatMap(([kind, value]) => {
    if (!Array.isArray(value)) return [];
    const flag = `--${kind.replace("_", "-")}`;
    return value.length === 0 ? flag : `${flag}=${value.join(",")}`;
  });
  const entry = `${dir.path}/inside/${embedded.entrypoint_key}`;
  const args = ["run", "--quiet", "--no-prompt", "--cached-only", ...flags, entry];
  await using gateway = new Process(Deno.execPath(), [...args, "--config", config]);
  await gateway.listening(port);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "from inside");
  await gateway.listening(health);
  assert.equal(await (await fetch(`http://127.0.0.1:${health}/readyz`)).text(), "ready\n");
  assert.equal((await gateway.stop()).code, 0);
});

Deno.test("a set of one's own is compiled with the permissions of its modules", async () => {
  await Deno.mkdir(`${ROOT}dist/custom`, { recursive: true });
  await using dir = new TempDir();
  const name = `compiled-${Deno.pid}`;
  await writeEntry(dir, name, ["web", "privacy-mode"]);
  const files = ["", "_profile", "_worker", "_control"].map((part) =>
    `${ROOT}dist/custom/${name}${part}.ts`
  );
  try {
    for (const file of files) {
      await Deno.copyFile(`${dir.path}/${file.slice(file.lastIndexOf("/") + 1)}`, file);
    }
    const { permissions, entrypoint_key } = (await build(files[0])).embedded;
    assert.equal(entrypoint_key, `dist/custom/${name}.ts`);
    assert.deepEqual(permissions.allow_net, []);
    assert.deepEqual(permissions.allow_sys, ["uid"]);
    assert.equal(permissions.allow_write, null);
    assert.equal(permissions.allow_run, null);
  } finally {
    for (const file of files) await Deno.remove(file);
  }
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

Deno.test("a FIPS profile fails closed and says why", async () => {
  const { code, said } = await task({ DENORT_BIN: STAND_IN }, "fips-openssl");
  assert.equal(code, 1);
  assert.match(said, /no way to load or prove a FIPS 140-3/);
});

Deno.test("where the base binary cannot be had, the error says how to get it", async () => {
  const scratch = await Deno.makeTempDir();
  try {
    // A file that is not an archive: fails in the same place as a download, on machines with and without a network.
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
      `${ROOT}src/cli/entries/development.ts`,
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
