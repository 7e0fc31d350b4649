import assert from "node:assert/strict";
import { deepFreeze } from "../../config/frozen.ts";
import type { Config } from "../../config/types.ts";
import { Keeper } from "../keeper.ts";
import { records } from "../log/records.ts";
import { get, testConfig, until } from "../testing/keeper.ts";
import { probe } from "../testing/probe_module.ts";
import { OUTCOME, type ProbeCall, probeServices, STATE } from "../testing/probe_services.ts";
import type { Profile } from "./profile.ts";

const profile: Profile = {
  name: "probe-services",
  modules: [probe, probeServices],
  records,
  workerUrl: new URL("../testing/probe_services_worker.ts", import.meta.url),
};

function configWith(
  calls: readonly ProbeCall[] | undefined,
  logFile: string,
  threads = 2,
): Config {
  const base = testConfig({ logFile, level: "info", process: { threads } });
  const table = calls === undefined ? {} : { calls: JSON.stringify(calls) };
  return deepFreeze({ ...base, vhosts: [{ ...base.vhosts[0], probe: table }] });
}

/** Outcomes of the calls of a service, in their order, and the log. */
async function outcomesOf(
  calls: readonly ProbeCall[],
): Promise<{ outcomes: unknown[]; log: string }> {
  const directory = await Deno.makeTempDir();
  const logFile = `${directory}/log`;
  const config = configWith(calls, logFile);
  const keeper = await Keeper.start({
    profile,
    load: () => Promise.resolve({ config, problems: [] }),
    configSource: undefined,
  });
  const log = () => Deno.readTextFileSync(logFile);
  try {
    await until(() => log().split(OUTCOME).length > calls.length);
  } finally {
    await keeper.abort("test");
  }
  const text = log();
  await Deno.remove(directory, { recursive: true });
  const messages = text.trimEnd().split("\n").map((line): string => JSON.parse(line).message ?? "");
  const said = messages.filter((message) => message.startsWith(OUTCOME));
  // The end of the process is one more state, and all calls are made again.
  const first = said.slice(0, calls.length);
  return { outcomes: first.map((line) => JSON.parse(line.slice(OUTCOME.length))), log: text };
}

Deno.test("a service calls another one, the keeper and every edge worker", async () => {
  const { outcomes: [store, keeper, edges] } = await outcomesOf([
    { to: "store", name: "echo", deadlineMs: 60_000 },
    { to: "keeper", name: "reload", deadlineMs: 60_000 },
    { to: "edges", message: "echo", deadlineMs: 60_000 },
  ]);
  assert.deepEqual(store, { kind: "answer", value: { name: "echo", input: { n: 1 } } });
  assert.deepEqual(keeper, { kind: "answer", value: { kind: "noop" } });
  // In the order in which the workers began to serve.
  const { answers, unanswered } = edges as { answers: { worker: number }[]; unanswered: number };
  assert.deepEqual(answers.toSorted((a, b) => a.worker - b.worker), [
    { worker: 0, message: "echo" },
    { worker: 1, message: "echo" },
  ]);
  assert.equal(unanswered, 0);
});

Deno.test("a call without an answer ends at its deadline, and is reported", async () => {
  const { outcomes } = await outcomesOf([
    { to: "store", name: "hang", deadlineMs: 50 },
    { to: "edges", message: "hang", deadlineMs: 50 },
  ]);
  assert.deepEqual(outcomes, [
    { kind: "unavailable", reason: "service store has not answered in 50 ms" },
    { answers: [], unanswered: 2 },
  ]);
});

Deno.test("a callee that fails is unavailable, and the reason stays in its own log", async () => {
  const { outcomes, log } = await outcomesOf([
    { to: "store", name: "fail", deadlineMs: 60_000 },
    { to: "keeper", name: "nothing", deadlineMs: 60_000 },
    { to: "edges", message: "fail", deadlineMs: 60_000 },
  ]);
  assert.deepEqual(outcomes, [
    { kind: "unavailable", reason: "service store has failed" },
    { kind: "unavailable", reason: "keeper has failed" },
    { answers: [], unanswered: 2 },
  ]);
  assert.match(log, /a call of service control: Error: told to fail/);
  assert.match(log, /a call to probe-services: Error: told to fail/);
});

Deno.test("what a service has not declared it cannot call", async () => {
  const { outcomes } = await outcomesOf([
    { to: "store", name: "steal", deadlineMs: 60_000 },
    { to: "keeper", name: "stop", deadlineMs: 60_000 },
  ]);
  assert.deepEqual(outcomes, [
    { kind: "unavailable", reason: "service store.steal was not declared" },
    { kind: "unavailable", reason: "keeper.stop was not declared" },
  ]);
});

Deno.test("a reload starts the services that it wants, and ends the others", async () => {
  const directory = await Deno.makeTempDir();
  const logFile = `${directory}/log`;
  let config = configWith(undefined, logFile);
  const keeper = await Keeper.start({
    profile,
    load: () => Promise.resolve({ config, problems: [] }),
    configSource: undefined,
  });
  const count = (text: string) => Deno.readTextFileSync(logFile).split(text).length - 1;
  try {
    assert.equal(count("the service"), 0);
    config = configWith([], logFile);
    assert.deepEqual(await keeper.reload(), { kind: "applied" });
    await until(() => count("the service control runs") === 1);
    await until(() => count("the service store runs") === 1);
    config = configWith(undefined, logFile);
    assert.deepEqual(await keeper.reload(), { kind: "applied" });
    config = configWith([], logFile);
    assert.deepEqual(await keeper.reload(), { kind: "applied" });
    await until(() => count("the service store runs") === 2);
    assert.equal(count("died"), 0);
  } finally {
    await keeper.abort("test");
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a service learns that no worker serves, and when one does again", async () => {
  const directory = await Deno.makeTempDir();
  const logFile = `${directory}/log`;
  const config = configWith([], logFile, 1);
  const keeper = await Keeper.start({
    profile,
    load: () => Promise.resolve({ config, problems: [] }),
    configSource: undefined,
  });
  const states = () =>
    // Whole lines alone.
    Deno.readTextFileSync(logFile).split("\n").slice(0, -1)
      .map((line): string => JSON.parse(line).message ?? "")
      .filter((message) => message.startsWith(STATE))
      .map((message) => JSON.parse(message.slice(STATE.length)));
  try {
    await until(() => states().length === 1);
    await get(keeper.listeners[0].name, "/throw").catch(() => {});
    await until(() => states().length === 3);
    assert.deepEqual(states(), [
      { phase: "ready", reason: "" },
      { phase: "starting", reason: "no worker serves" },
      { phase: "ready", reason: "" },
    ]);
  } finally {
    await keeper.abort("test");
    await Deno.remove(directory, { recursive: true });
  }
});
