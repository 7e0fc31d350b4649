import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { until } from "./testing/keeper.ts";

const MAIN = fileURLToPath(new URL("./testing/supervise_main.ts", import.meta.url));
const ENTRY = fileURLToPath(new URL("./testing/supervised.ts", import.meta.url));

interface Launch {
  readonly launcher: Deno.ChildProcess;
  /** What the lives of the program have noted so far. */
  journal(): string[];
}

/** Runs a launcher that has run permission for this runtime and nothing else. */
async function launch(
  lives: readonly string[],
  test: (launch: Launch) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/journal`;
  await Deno.writeTextFile(path, "");
  const launcher = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", `--allow-run=${Deno.execPath()}`, MAIN, ENTRY, path]
      .concat(lives),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const journal = () => Deno.readTextFileSync(path).trim().split("\n");
  await test({ launcher, journal });
  await Deno.remove(directory, { recursive: true });
}

Deno.test("a program that ends well is not started again", () =>
  launch(["0"], async ({ launcher, journal }) => {
    assert.equal((await launcher.status).code, 0);
    assert.deepEqual(journal(), ["start"]);
  }));

Deno.test("a program that fails is started again until it ends well", () =>
  launch(["70", "133", "0"], async ({ launcher, journal }) => {
    assert.equal((await launcher.status).code, 0);
    assert.deepEqual(journal(), ["start", "start", "start"]);
  }));

Deno.test("a program that cannot start at all is not started again", () =>
  launch(["1", "0"], async ({ launcher, journal }) => {
    assert.equal((await launcher.status).code, 1);
    assert.deepEqual(journal(), ["start"]);
  }));

Deno.test("a program that was killed is started again", () =>
  launch(["137", "wait"], async ({ launcher, journal }) => {
    await until(() => journal().includes("ready"));
    launcher.kill("SIGTERM");
    assert.equal((await launcher.status).code, 0);
    assert.deepEqual(journal(), ["start", "start", "ready", "stop"]);
  }));

Deno.test("a program that was killed soon is started again although its configuration is wrong for a while", () =>
  launch(["137", "1", "wrong", "throws", "2", "0"], async ({ launcher, journal }) => {
    assert.equal((await launcher.status).code, 0);
    assert.deepEqual(journal(), ["start", "start", "start", "start"]);
  }));

for (const life of ["wrong", "throws"]) {
  Deno.test(`a first life whose permissions cannot be worked out is the last: ${life}`, () =>
    launch([life, "0"], async ({ launcher, journal }) => {
      assert.equal((await launcher.status).code, 1);
      assert.deepEqual(journal(), [""]);
    }));
}

Deno.test("signals are handed on, and an end by signal is an end", () =>
  launch(["wait"], async ({ launcher, journal }) => {
    await until(() => journal().includes("ready"));
    launcher.kill("SIGHUP");
    await until(() => journal().includes("reload"));
    launcher.kill("SIGINT");
    assert.equal((await launcher.status).code, 0);
    assert.deepEqual(journal(), ["start", "ready", "reload", "stop"]);
  }));

Deno.test("a program that ends badly when it is ordered to end is not started again", () =>
  launch(["wait-3", "0"], async ({ launcher, journal }) => {
    await until(() => journal().includes("ready"));
    launcher.kill("SIGTERM");
    assert.equal((await launcher.status).code, 3);
    assert.deepEqual(journal(), ["start", "ready", "stop"]);
  }));
