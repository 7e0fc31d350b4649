/**
 * Tests wait for conditions: no pause for something to have happened, and no upper bound on how long anything
 * took. What is left to a length of time is listed here with the reason.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Timers of tests with a length of time, `path: delay`, and why nothing better is there. */
const PAUSES: Readonly<Record<string, string>> = {
  "src/net/testing/until.ts: NAMED_AFTER_MS": "names a condition that does not come to hold",
  "src/net/testing/until.ts: LOOK_MS": "between two looks at a condition; a slow peer's moment",
  "src/net/fairness_test.ts: 20": "the timer that a flood must let fire",
  "src/runtime/testing/probe_module.ts: ms": "an answer that takes as long as its request asks",
  "src/runtime/testing/probe_module.ts: POLL_MS": "between two looks at a condition, in a worker",
  "src/runtime/testing/probe_control.ts: POLL_MS": "between two looks at a condition, in a service",
  "src/runtime/testing/program.ts: 30_000": "ends a program that does not stop",
  "src/zones/testing/crowd_worker.ts: 1": "a client that leaves at any time of its wait",
  "tests/attacks/hostile_admin.ts: 10": "between two looks at a condition, in a service",
  "tests/attacks/hostile_service.ts: 10": "between two looks at a condition, in a service",
  "tests/peers/chromium.ts: 100": "between two attempts to remove a directory",
  "tests/tools/cache_kills.ts: randomInt(1, 300)": "a kill at any moment of a fill",
  "tests/whole/bounds_test.ts: 200": "between two looks at memory that is to stay the same",
};

/** Comparisons of a time that has passed, `path: line`: how long something is kept up, not how long it may take. */
const DURATIONS: readonly string[] = [
  "tests/whole/upstream_limits_test.ts: while (performance.now() - start < 1_500) {",
  "tests/whole/websocket_test.ts: for (; performance.now() - start < 1_500; sent++) {",
];

/** A time that has passed, compared with the most that it may be. */
const UPPER_BOUND =
  /(performance\.now\(\) - \w+\)*|\b(elapsed|took|spent|slept|lasted)(Ms|Seconds)?\b(\(\w*\)|\))?)\s*<=?\s/;
const SHELL_PAUSE = /\b(sleep \d|time\.sleep)/;

const sources = [...walk("src"), ...walk("tests"), ...walk("examples")]
  .filter((path) => isOfTests(path))
  .map((path): [string, string] => [path, Deno.readTextFileSync(root + path)]);

Deno.test("no test pauses for a length of time, but for those with a reason", () => {
  assert.ok(sources.length > 200, `only ${sources.length} files were found`);
  const pauses = sources.flatMap(([path, text]) =>
    delaysOf(text).filter((delay) => delay !== "0").map((delay) => `${path}: ${delay}`)
  );
  assert.deepEqual([...new Set(pauses)].toSorted(), Object.keys(PAUSES).toSorted());
});

Deno.test("no program of a test sleeps", () => {
  assert.deepEqual(linesWith(SHELL_PAUSE), []);
});

Deno.test("no test fails because something took long", () => {
  assert.deepEqual(linesWith(UPPER_BOUND).toSorted(), DURATIONS.toSorted());
});

Deno.test("delays are found in timers over several lines, and in those without a delay", () => {
  assert.deepEqual(delaysOf("setTimeout(r, 5); setTimeout(() => f(a, b), LONG_MS)"), [
    "5",
    "LONG_MS",
  ]);
  assert.deepEqual(delaysOf("setTimeout(() => {\n  f(1, 2);\n},\n  2 * N,\n)"), ["2 * N"]);
  assert.deepEqual(delaysOf("setTimeout(() => {\n  f(1, 2);\n});"), ["0"]);
});

/** Delays of the timers in a program, `0` where none is given. */
function delaysOf(text: string): string[] {
  return [...text.matchAll(/\bsetTimeout\(/g)].map(({ index, 0: call }) => {
    const parts: string[] = [""];
    for (let at = index + call.length, depth = 0; at < text.length; at++) {
      const char = text[at];
      if ("([{".includes(char)) depth++;
      else if (")]}".includes(char) && depth-- === 0) break;
      if (char === "," && depth === 0) parts.push("");
      else parts[parts.length - 1] += char;
    }
    return parts[1]?.trim() || "0";
  });
}

/** `path: line` of all lines that match. */
function linesWith(pattern: RegExp): string[] {
  return sources.flatMap(([path, text]) =>
    text.split("\n").filter((line) => pattern.test(line)).map((line) => `${path}: ${line.trim()}`)
  );
}

/** Tests and what they are made with; measurements are another matter, and this file has the patterns. */
function isOfTests(path: string): boolean {
  if (path.startsWith("tests/bench/") || path === "tests/whole/pauses_test.ts") return false;
  return path.startsWith("tests/") || path.includes("/testing/") || path.endsWith("_test.ts");
}

function walk(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return walk(path);
    return /\.(ts|py|sh)$/.test(name) ? [path] : [];
  });
}
