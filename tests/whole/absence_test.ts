/** What a build does not contain is not there: neither in its module graph nor in the compiled program. */
import assert from "node:assert/strict";
import { FOLDER_ORDER } from "../../src/catalog/modules.ts";
import { NOT_WITH_PRIVACY } from "../../src/catalog/profiles.ts";
import { expandFeatures, foldersOf, profileFeatures } from "../../src/cli/features/feature_set.ts";
import { compileProgram, threadEntries } from "../../src/cli/tasks/compiler.ts";
import { ROOT } from "../../src/cli/tasks/entry_files.ts";
import { builtProfiles } from "../../src/cli/tasks/generated.ts";
import { contains } from "../../src/cli/testing/embedded.ts";
import { graphOf, writeEntry } from "../testing/build.ts";
import { TempDir } from "../testing/peer.ts";

/** Sets beside the profiles, each without most of the modules. */
const SETS: readonly (readonly string[])[] = [
  ["web"],
  ["proxy"],
  ["proxy", "geoip"],
  ["proxy", "compression-gzip"],
  ["proxy", "web", "privacy-mode"],
];

function absentFolders(present: readonly string[]): string[] {
  return FOLDER_ORDER.filter((folder) => !present.includes(folder));
}

/** Code that could put something down: on a disk, or in something that outlives a request. */
const WRITES = [
  /\bDeno\.(?:write|mkdir|makeTemp|rename|remove|symlink|link|truncate|ftruncate|chmod|chown|copyFile|create|utime)(?:File|Dir|TextFile)?(?:Sync)?\(/,
  /\bDeno\.open(?:Sync)?\([^)]*\b(?:write|append|create|truncate): true/,
  /\b(?:write|append|cp|copyFile|rename|mkdir|mkdtemp|rm|unlink|symlink|truncate)(?:File)?(?:Sync)? *[,}].* from "node:fs/,
  /\b(?:localStorage|sessionStorage|caches)\./,
  /\bnode:sqlite\b/,
  /\bopenKv\b/,
];

/** Code that keeps what it is asked to count. */
const COUNTS =
  /\bimplements Metrics\b|: Metrics = (?!Object\.freeze\(\{\n {2}counter: \(\) => UNCOUNTED,\n {2}gauge: \(\) => UNSET,\n {2}histogram: \(\) => UNOBSERVED,\n\}\);)/;

async function checkGraph(entry: string, present: readonly string[]): Promise<void> {
  const files = [...await graphOf(entry)];
  for (const folder of present) {
    for (const face of ["module", "edge"]) {
      assert.ok(
        files.includes(`src/modules/${folder}/${face}.ts`),
        `${face} of ${folder} is in it`,
      );
    }
  }
  for (const folder of absentFolders(present)) {
    const found = files.filter((file) => file.startsWith(`src/modules/${folder}/`));
    assert.deepEqual(found, [], `${folder} is not in it`);
  }
  assert.ok(!files.some((file) => /_test\.ts$|\/testing\/|^src\/cli\/tasks\//.test(file)));
}

for (const profile of builtProfiles()) {
  Deno.test(`the profile ${profile.name} loads no file of a module it does not list`, () =>
    checkGraph(
      `${ROOT}src/cli/entries/${profile.name}.ts`,
      foldersOf(profileFeatures(profile).modules),
    ));
}

for (const features of SETS) {
  Deno.test(`the set ${features.join(", ")} loads no file of another module`, async () => {
    await using dir = new TempDir();
    const entry = await writeEntry(dir, "set", features);
    await checkGraph(entry, foldersOf(expandFeatures(features).modules));
  });
}

Deno.test("the profile privacy loads no file that can write, cache, count or trace", async () => {
  const files = [...await graphOf(`${ROOT}src/cli/entries/privacy.ts`)];
  for (const name of NOT_WITH_PRIVACY) {
    const folder = `src/modules/${name.replaceAll("-", "_")}/`;
    assert.ok(!files.some((file) => file.startsWith(folder)), name);
  }
  for (const file of files) {
    const text = await Deno.readTextFile(ROOT + file);
    for (const pattern of [...WRITES, COUNTS]) assert.doesNotMatch(text, pattern, file);
  }
  assert.ok(files.includes("src/gateway/reports/metrics_none.ts"));
  assert.ok(files.includes("src/profiles/privacy_control.ts"));
});

Deno.test("the same look finds what other builds write with", async () => {
  const found = [];
  for (const file of await graphOf(`${ROOT}src/cli/entries/development.ts`)) {
    const text = await Deno.readTextFile(ROOT + file);
    if (WRITES.some((pattern) => pattern.test(text))) found.push(file);
  }
  const writers = [
    "src/modules/acme/cli/init.ts",
    "src/modules/acme/store/files.ts",
    "src/modules/acme/store/lock.ts",
    "src/modules/acme/store/pair_store.ts",
    "src/modules/cache/store/disk/bins.ts",
    "src/modules/cache/store/disk/checkpoint.ts",
    "src/modules/cache/store/disk/files.ts",
    "src/modules/load_balancer/care/state_file.ts",
    "src/modules/php/managed/safety.ts",
    "src/modules/admin/store/files.ts",
    "src/modules/admin/store/lock.ts",
    "src/net/listen/socket_file.ts",
    "src/runtime/log/file.ts",
    "src/runtime/log/syslog.ts",
    "src/runtime/pid_file.ts",
    "src/runtime/service_manager.ts",
  ];
  assert.deepEqual(found.sort(), writers.sort());
  assert.match(await Deno.readTextFile(`${ROOT}src/gateway/testing/metrics_fixture.ts`), COUNTS);
});

/** The first sentence of a module's documentation, which is in no other file. */
async function signature(folder: string): Promise<string> {
  const text = await Deno.readTextFile(`${ROOT}src/modules/${folder}/module.ts`);
  const line = text.split("\n").find((line) => /^(?: \*|\/\*\*) \w/.test(line)) ?? "";
  return line.replace(/^(?: \*|\/\*\*) /, "").replace(/ (?:@module )?\*\/$/, "");
}

Deno.test("a compiled program has the code of its modules and of no others", async () => {
  await using dir = new TempDir();
  const features = ["proxy", "web", "privacy-mode"];
  const present = foldersOf(expandFeatures(features).modules);
  // Within the checkout: what is compiled is embedded by its path from there.
  const custom = `${ROOT}dist/custom`;
  await Deno.mkdir(custom, { recursive: true });
  const name = `absence-${Deno.pid}`;
  const written = await writeEntry(dir, name, features);
  const entry = `${custom}/${name}.ts`;
  const parts = ["", "_profile", "_worker", "_control"];
  for (const part of parts) {
    await Deno.copyFile(written.replace(/\.ts$/, `${part}.ts`), `${custom}/${name}${part}.ts`);
  }
  Deno.env.set("DENORT_BIN", Deno.execPath());
  try {
    const output = `${dir.path}/program`;
    const flags = ["--allow-net", "--allow-read"];
    const lock = { kind: "deployment", flags, source: "/f.toml" } as const;
    const { profile } = await import(`file://${entry}`);
    const threads = threadEntries(profile);
    await compileProgram({ entry, threads, name, lock, output, target: undefined });
    const program = await Deno.readFile(output);
    for (const folder of FOLDER_ORDER) {
      const face = `${ROOT}src/modules/${folder}/module.ts`;
      if (!(await Deno.stat(face).then(() => true, () => false))) continue;
      const text = await signature(folder);
      assert.ok(text.length > 10, folder);
      const expected = present.some((name) => name === folder);
      assert.equal(contains(program, text), expected, `${folder}: ${text}`);
    }
  } finally {
    Deno.env.delete("DENORT_BIN");
    for (const part of parts) await Deno.remove(`${custom}/${name}${part}.ts`);
  }
});
