/**
 * `deno task test`: installs what is missing, runs every test, and closes with one plain line:
 * `N passed, N failed, N skipped`. Arguments are passed on to the test runner; without one that names
 * files, all of `src` and `tests` run.
 *
 * @module
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { WAITS_FILE } from "../src/net/testing/until.ts";
import { AUDIT_REPORT, neverUsed } from "./testing/audit.ts";

/** Part of what the runner prints about a test that has run for four minutes. */
const HANGS = "(4m0s)";

const here = fileURLToPath(new URL("..", import.meta.url));
const reports = await Deno.makeTempDir({ prefix: "fluxheim-test-" });

if (Deno.env.get("FLUXHEIM_SKIP_PEERS") === undefined) {
  await run("bash", ["tests/peers.sh"]);
}

const named = Deno.args.filter((argument) => !argument.startsWith("-"));
const report = `${reports}/junit.xml`;
Deno.env.set(AUDIT_REPORT, `${reports}/audit.txt`);
Deno.env.set(WAITS_FILE, `${reports}/waits.txt`);
for (const path of named) {
  // One that is gone is no reason to fail for the runner, and a test less.
  if (await Deno.stat(resolve(here, path)).catch(() => undefined) === undefined) {
    console.error(`there is no ${path}`);
    Deno.exit(1);
  }
}
const code = await runTests([
  "test",
  "-A",
  "-q",
  "--no-check",
  `--junit-path=${report}`,
  ...Deno.args.filter((argument) => argument.startsWith("-")),
  ...(named.length > 0 ? named : ["src", "tests"]),
]);

const { passed, failed, skipped } = await counts(report);
for (const name of skipped) console.log(`skipped: ${name}`);
const audited = await Deno.readTextFile(`${reports}/audit.txt`).catch(() => "");
for (const grant of neverUsed(audited)) console.log(`declared, never used: ${grant}`);
await Deno.remove(reports, { recursive: true });
console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
if (code !== 0 || failed > 0 || passed === 0) Deno.exit(1);
const peerless = skipped.filter((name) => name.includes("is not installed"));
if (Deno.env.get("CI") !== undefined && peerless.length > 0) {
  console.error("a test was skipped for want of a peer, which must not happen in CI");
  Deno.exit(1);
}

async function run(command: string, args: string[]): Promise<number> {
  const child = new Deno.Command(command, { args, cwd: here, stdin: "null" }).spawn();
  return (await child.status).code;
}

/** Runs the tests; one that hangs ends the run, since the runner would wait for it without end. */
async function runTests(args: string[]): Promise<number> {
  const command = new Deno.Command(Deno.execPath(), {
    args,
    cwd: here,
    stdin: "null",
    stdout: "piped",
  });
  const child = command.spawn();
  const text = child.stdout.pipeThrough(new TextDecoderStream());
  let line = "";
  for await (const part of text) {
    await Deno.stdout.write(new TextEncoder().encode(part));
    line = (line + part).slice(-1000);
    if (!line.includes(HANGS)) continue;
    const waits = await Deno.readTextFile(`${reports}/waits.txt`).catch(() => "");
    console.error(`\nThe test above does not end. ${waits.trimEnd().split("\n").at(-1)}`);
    child.kill("SIGKILL");
  }
  return (await child.status).code;
}

/** What the runner's JUnit report says. */
async function counts(
  file: string,
): Promise<{ passed: number; failed: number; skipped: string[] }> {
  let xml: string;
  try {
    xml = await Deno.readTextFile(file);
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (
    const [, attributes, , body] of xml.matchAll(/<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)
  ) {
    const name = / ?name="([^"]*)"/.exec(attributes)?.[1] ?? "";
    if (body?.includes("<failure") || body?.includes("<error")) failed++;
    else if (body?.includes("<skipped")) skipped.push(unescape(name));
    else passed++;
  }
  return { passed, failed, skipped };
}

function unescape(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&apos;", "'").replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
