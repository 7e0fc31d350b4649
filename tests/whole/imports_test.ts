/** Who may import whom: the rules of CONTRIBUTING.md, read off the files. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../../src/", import.meta.url));

/** An import in one file of another; both paths are relative to `src`. */
interface Import {
  readonly from: string;
  readonly to: string;
}

/** Top folders that each top folder may import from, beside itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  http: ["net"],
  net: [],
  zones: ["net"],
  // Data alone.
  catalog: [],
  config: ["http", "net", "catalog"],
  gateway: ["http", "net", "zones", "config"],
  modules: ["http", "net", "zones", "config", "gateway"],
  runtime: ["http", "net", "zones", "catalog", "config", "gateway"],
  profiles: ["net", "modules", "runtime"],
  cli: ["http", "net", "zones", "catalog", "config", "gateway", "modules", "runtime", "profiles"],
  "main.ts": ["cli", "profiles"],
};

/** Profiles start the program and name its modules, and know nothing else of it. */
const RUNTIME_FOR_PROFILES = [
  "runtime/threads/profile.ts",
  "runtime/threads/edge_worker.ts",
  "runtime/threads/service_thread.ts",
  "runtime/permissions/unguarded.ts",
  "runtime/log/records.ts",
  "runtime/permissions/plan.ts",
];

const files = [...walk("")];
const imports = files.flatMap(importsOf);

Deno.test("folders import only what is below them", () => {
  const wrong = imports.filter(({ from, to }) => {
    const [source, target] = [top(from), top(to)];
    return source !== target && !(ALLOWED[source] ?? []).includes(target) &&
      !isEntryOfService({ from, to });
  });
  assert.deepEqual(wrong, []);
});

Deno.test("the protocols of http import nothing of one another", () => {
  const protocol = (path: string) => /^http\/(h\d)\//.exec(path)?.[1];
  const wrong = imports.filter(({ from, to }) => {
    const [own, other] = [protocol(from), protocol(to)];
    return own !== undefined && other !== undefined && own !== other;
  });
  assert.deepEqual(wrong, []);
});

Deno.test("a module imports of another one only its faces", () => {
  const wrong = imports.filter(({ from, to }) =>
    top(from) === "modules" && top(to) === "modules" && module(from) !== module(to) && !isFace(to)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("no file reaches itself by imports, types included", () => {
  const targets = new Map<string, string[]>(files.map((file) => [file, []]));
  for (const { from, to } of imports) targets.get(from)?.push(to);
  const circles = files.filter((file) => reaches(targets, file));
  assert.deepEqual(circles, []);
});

Deno.test("tests beside their files need nothing of the tests of the whole program", () => {
  const wrong = [...walk("", () => true)].flatMap(importsOf).filter(({ to }) =>
    to.startsWith("../tests/")
  );
  assert.deepEqual(wrong, []);
});

Deno.test("modules do not import one another in a circle", () => {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) {
    if (top(from) !== "modules" || top(to) !== "modules" || module(from) === module(to)) continue;
    targets.set(module(from), [...targets.get(module(from)) ?? [], module(to)]);
  }
  assert.deepEqual([...targets.keys()].filter((name) => reaches(targets, name)), []);
});

Deno.test("profiles import module faces and nothing else of them", () => {
  const wrong = imports.filter(({ from, to }) =>
    top(from) === "profiles" &&
    (top(to) === "modules" && !isFace(to) ||
      top(to) === "runtime" && !RUNTIME_FOR_PROFILES.includes(to))
  );
  assert.deepEqual(wrong, []);
});

/** Whether the arrows of `targets` lead from `start` back to it. */
function reaches(targets: ReadonlyMap<string, readonly string[]>, start: string): boolean {
  const seen = new Set<string>();
  const left = [...targets.get(start) ?? []];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (at === start) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    left.push(...targets.get(at) ?? []);
  }
  return false;
}

/** The runtime's part in the entry of a service's thread, which is in its module. */
const RUNTIME_FOR_SERVICES = [
  "runtime/threads/service_thread.ts",
  "runtime/permissions/unguarded.ts",
];

/** `service.ts` of a module is the entry of a thread, as `<profile>_worker.ts` is. */
function isEntryOfService({ from, to }: Import): boolean {
  return /^modules\/\w+\/service(?:_without_files)?\.ts$/.test(from) &&
    RUNTIME_FOR_SERVICES.includes(to);
}

/**
 * What a module shows others: `module.ts` in the keeper and the command line, `edge.ts` in workers,
 * `control.ts` and `telemetry.ts` in those services, `client.ts` in commands, and `table.ts` in all of them.
 */
function isFace(path: string): boolean {
  return /\/(module|edge|control|telemetry|table|client)\.ts$/.test(path);
}

function top(path: string): string {
  return path.split("/")[0];
}

function module(path: string): string {
  return path.split("/")[1];
}

/** Tests may look at everything. */
function isPartOfTests(path: string): boolean {
  return /(_test|_for_tests|testing)\.ts$|testing\//.test(path);
}

function* walk(
  folder: string,
  isMeant = (path: string) => !isPartOfTests(path),
): Generator<string> {
  for (const entry of Deno.readDirSync(src + folder)) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* walk(path, isMeant);
    else if (/\.ts$/.test(path) && isMeant(path)) yield path;
  }
}

/** Static imports, re-exports and literal dynamic imports; not `declare module`. */
function importsOf(from: string): Import[] {
  const text = Deno.readTextFileSync(src + from).replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const found: Import[] = [];
  for (const [, target] of text.matchAll(/(?:from|import|import\()\s*"(\.[^"]+)"/g)) {
    found.push({ from, to: normalize(join(dirname(from), target)) });
  }
  return found;
}

Deno.test("helpers of tests are in folders called testing, or in tests/peers with the peers", () => {
  const others = ["support", "helpers", "helper", "fixtures", "utils", "util", "common"];
  const odd = ["src", "tests"].flatMap(pathsBelow).filter((path) =>
    path.split("/").some((part) => others.includes(part.replace(/\.ts$/, "")))
  );
  assert.deepEqual(odd, []);
});

/** Everything below a folder of the repository. */
function pathsBelow(folder: string): string[] {
  const url = new URL(`../../${folder}/`, import.meta.url);
  return [...Deno.readDirSync(url)].flatMap(({ name, isDirectory }) =>
    isDirectory ? pathsBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

/** A folder with more is several rooms; files of tests are beside what they test, and do not count. */
const MOST_FILES = 20;

Deno.test("folders of more than twenty files have rooms", () => {
  const counts = new Map<string, number>();
  for (const path of files) {
    // The entries of profiles are written by a task.
    if (path.endsWith("_test.ts") || dirname(path) === "profiles") continue;
    counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  }
  const crowded = [...counts].filter(([, count]) => count > MOST_FILES);
  assert.deepEqual(crowded, []);
});
