/** Edge workers ask a service of their own module. */
import assert from "node:assert/strict";
import { deepFreeze } from "../../config/frozen.ts";
import type { Config } from "../../config/types.ts";
import type { Module, ThreadSpec } from "../../gateway/module.ts";
import { Keeper } from "../keeper.ts";
import { records } from "../log/records.ts";
import { StartError } from "../start.ts";
import { get, TestClient, testConfig, until } from "../testing/keeper.ts";
import { probe, type ProbeTable } from "../testing/probe_module.ts";
import { probeServices } from "../testing/probe_services.ts";
import type { Profile } from "./profile.ts";

/** The module with its services as `change` makes them. */
function withThreads(change: (spec: ThreadSpec) => ThreadSpec): Module {
  return { ...probeServices, threads: probeServices.threads?.map(change) };
}

/** `store` starts before the edge workers serve. */
const neededStore = withThreads((spec) =>
  spec.role === "store" ? { ...spec, startsBefore: "serving" } : spec
);

/** The same with a `store` whose entry is another service's, and so cannot start. */
const brokenStore = withThreads((spec) =>
  spec.role === "store"
    ? {
      ...spec,
      startsBefore: "serving",
      url: new URL("../testing/probe_control.ts", import.meta.url),
    }
    : spec
);

/** Services are wanted where there are `calls`; an empty list makes none. */
const WANTED = "[]";

function configOf(table: ProbeTable & { readonly calls?: string }, log?: string): Config {
  const base = testConfig({ logFile: log, level: "info", process: { threads: 1 } });
  return deepFreeze({ ...base, vhosts: [{ ...base.vhosts[0], probe: table }] });
}

class Gateway implements AsyncDisposable {
  private constructor(
    readonly keeper: Keeper,
    readonly directory: string,
    readonly configure: (table: ProbeTable & { readonly calls?: string }) => void,
  ) {}

  static async start(module: Module, table: { readonly calls?: string } = { calls: WANTED }) {
    const directory = await Deno.makeTempDir();
    let config = configOf(table, `${directory}/log`);
    const profile: Profile = {
      name: "probe-services",
      modules: [probe, module],
      records,
      workerUrl: new URL("../testing/probe_services_worker.ts", import.meta.url),
    };
    try {
      const keeper = await Keeper.start({
        profile,
        load: () => Promise.resolve({ config, problems: [] }),
        configSource: undefined,
      });
      return new Gateway(keeper, directory, (table) => {
        config = configOf(table, `${directory}/log`);
      });
    } catch (error) {
      await Deno.remove(directory, { recursive: true });
      throw error;
    }
  }

  get address(): string {
    return this.keeper.listeners[0].name;
  }

  get log(): string {
    return Deno.readTextFileSync(`${this.directory}/log`);
  }

  /** How an edge worker's call of `store` ended. */
  async ask(name: string): Promise<{ kind: string; value?: unknown; reason?: string }> {
    return JSON.parse(await get(this.address, `/ask?${name}`));
  }

  async isThere(): Promise<boolean> {
    return (await this.ask("echo")).kind === "answer";
  }

  /** `fluxheim_service_up` of `role`. */
  up(role: string): number | undefined {
    return this.keeper.series()
      .find(({ name, labels }) => name === "fluxheim_service_up" && labels.role === role)?.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.keeper.abort("test");
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** When the line with `text` was logged. */
function timeOf(text: string, log: string): number {
  const line = log.split("\n").find((line) => line.includes(text));
  assert.ok(line !== undefined, log);
  return JSON.parse(line).timestamp;
}

const ECHOED = { kind: "answer", value: { name: "echo", input: { n: 1 } } };

Deno.test("an edge worker asks a service of its module", async () => {
  await using gateway = await Gateway.start(probeServices);
  await until(() => gateway.isThere());
  assert.deepEqual(await gateway.ask("echo"), ECHOED);
  assert.deepEqual(await gateway.ask("fail"), {
    kind: "unavailable",
    reason: "service store has failed",
  });
  assert.deepEqual(await gateway.ask("hang"), {
    kind: "unavailable",
    reason: "service store has not answered in 20 ms",
  });
  assert.deepEqual(await gateway.ask("purge"), {
    kind: "unavailable",
    reason: "service store.purge was not declared",
  });
  await until(() => gateway.log.includes("a call of worker 0: Error: told to fail"));
});

Deno.test("a service that serving does not need is not waited for, and is unavailable without it", async () => {
  await using gateway = await Gateway.start(probeServices, {});
  assert.deepEqual(await gateway.ask("echo"), {
    kind: "unavailable",
    reason: "service store is not there",
  });
});

Deno.test("a service that serving needs answers the first request", async () => {
  await using gateway = await Gateway.start(neededStore);
  assert.deepEqual(await gateway.ask("echo"), ECHOED);
  await until(() => gateway.log.includes("listening on"));
  assert.ok(timeOf("the service store runs", gateway.log) <= timeOf("listening on", gateway.log));
});

Deno.test("where a service that serving needs cannot start, nothing serves", async () => {
  await assert.rejects(Gateway.start(brokenStore), (error) => {
    assert.ok(error instanceof StartError);
    assert.match(error.message, /the service store could not start: this is the service control/);
    return true;
  });
});

Deno.test("a reload to a configuration whose needed service cannot start changes nothing", async () => {
  await using gateway = await Gateway.start(brokenStore, {});
  gateway.configure({ calls: WANTED, greeting: "changed" });
  const outcome = await gateway.keeper.reload();
  assert.equal(outcome.kind, "failed");
  assert.equal(await get(gateway.address, "/"), "hello");
  assert.equal(gateway.up("store"), undefined);
});

Deno.test("a reload waits for a service that serving by the new configuration needs", async () => {
  await using gateway = await Gateway.start(neededStore, {});
  gateway.configure({ calls: WANTED });
  assert.deepEqual(await gateway.keeper.reload(), { kind: "applied" });
  assert.deepEqual(await gateway.ask("echo"), ECHOED);
});

Deno.test("a service that dies is unavailable, gives back what it held, and is replaced", async () => {
  await using gateway = await Gateway.start(neededStore);
  assert.equal(gateway.up("store"), 1);
  assert.deepEqual(await gateway.ask("take"), { kind: "answer", value: true });
  assert.equal(await get(gateway.address, "/taken"), "1");
  assert.deepEqual(await gateway.ask("die"), {
    kind: "unavailable",
    reason: "service store: it is not there",
  });
  await until(() => gateway.isThere());
  assert.equal(await get(gateway.address, "/taken"), "0");
  assert.equal(gateway.up("store"), 1);
  await until(() => /"level":"ERROR".*the service store died: .*told to die/.test(gateway.log));
});

Deno.test("a worker that was succeeded asks services until its last request", async () => {
  await using gateway = await Gateway.start(neededStore);
  using client = await TestClient.connect(gateway.address);
  assert.equal(await client.get("/worker"), "0");
  // What the old worker may not do has new ones started.
  gateway.configure({ calls: WANTED, upstream: "127.0.0.1:9" });
  assert.deepEqual(await gateway.keeper.reload(), { kind: "applied" });
  assert.equal(await get(gateway.address, "/worker"), "1");
  await client.send("/ask?echo");
  assert.deepEqual(JSON.parse((await client.receive()).body), ECHOED);
});

Deno.test("a worker that takes the place of another one asks, too", async () => {
  await using gateway = await Gateway.start(neededStore);
  await get(gateway.address, "/throw").catch(() => {});
  await until(() => gateway.log.includes("worker 0 was replaced"));
  assert.deepEqual(await gateway.ask("echo"), ECHOED);
});
