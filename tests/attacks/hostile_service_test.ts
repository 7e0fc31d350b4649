/**
 * A service that was taken over, against the keeper: it costs that service its life, and requests are
 * served on. Only a full heap ends the process, as the runtime would.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { load, planFor } from "../../src/cli/load.ts";
import { EXIT_STATUS } from "../../src/runtime/exit_status.ts";
import type { ThreadSpec } from "../../src/gateway/module.ts";
import { toFlags } from "../../src/runtime/permissions/plan.ts";
import type { Profile } from "../../src/runtime/threads/profile.ts";
import { freePort, Process, TempDir, until } from "../testing/peer.ts";

const here = new URL(".", import.meta.url);
const root = new URL("../..", import.meta.url);

/** A gateway whose control service makes `attack`. */
class Gateway implements AsyncDisposable {
  private constructor(
    readonly process: Process,
    readonly url: string,
    readonly stack: AsyncDisposableStack,
  ) {}

  /** @param options Of the runtime, beside its permissions. */
  static async start(
    attack: string,
    options: readonly string[] = [],
    whenLost: ThreadSpec["whenLost"] = "replace",
  ): Promise<Gateway> {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(new TempDir());
    const program = stack.use(new TempDir());
    const port = freePort();
    dir.write("www/index.html", "page");
    const config = dir.write("fluxheim.toml", configText(port, attack));
    const entry = program.write("entry.ts", ENTRY.replace("{whenLost}", whenLost));
    const { profile }: { profile: Profile } = await import(`file://${entry}`);
    const loaded = await load(profile, config);
    assert.ok(loaded.config !== undefined, JSON.stringify(loaded.problems));
    const flags = toFlags(planFor(profile, loaded.config, config));
    const project = `--config=${fileURLToPath(root)}deno.json`;
    const args = ["run", "-q", project, ...options, ...flags, entry, "--config", config];
    const process = stack.use(new Process(Deno.execPath(), args));
    return new Gateway(process, `http://127.0.0.1:${port}/`, stack.move());
  }

  async serves(): Promise<void> {
    await until("it serves", async () => {
      const answer = await fetch(this.url).catch(() => undefined);
      return await answer?.text() === "page";
    });
  }

  /** How often the log has `text`. */
  said(text: string): number {
    return this.process.output.split(text).length - 1;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }
}

const ATTACKS = [
  "throw-null",
  "post-null",
  "post-cyclic",
  "post-nothing",
  "post-huge",
  "post-flood",
  "post-past-the-port",
  "ring-length",
  "ring-terminal",
];

for (const attack of ATTACKS) {
  Deno.test(`a service that makes the attack ${attack} is replaced, and requests are served`, async () => {
    await using gateway = await Gateway.start(attack);
    // Of two, one was a replacement. One that dies sooner than it has reported its start could not start.
    await until("two have died", () => gateway.said(" died: ") > 1);
    await gateway.serves();
    assert.equal(gateway.said("forged"), 0);
    assert.equal((await gateway.process.stop()).code, 0, gateway.process.output);
  });
}

Deno.test("a service in an endless loop is replaced once, then given up, and requests are served", async () => {
  await using gateway = await Gateway.start("loop");
  const unavailable = "the service control is unavailable until ";
  await until("it is replaced", () => gateway.said(`${unavailable}it is replaced`) > 0);
  await until("it is given up", () => gateway.said(`${unavailable}the process is restarted`) > 0);
  await gateway.serves();
  assert.equal(gateway.said("the service control runs"), 2, "a third one would loop beside them");
  assert.equal((await gateway.process.stop()).code, 0, gateway.process.output);
});

Deno.test("a service that the process cannot be without ends it when its event loop stops", async () => {
  await using gateway = await Gateway.start("loop", [], "end");
  await until("it ends", () => gateway.process.status !== undefined);
  assert.equal(gateway.process.status?.code, EXIT_STATUS.fault, gateway.process.output);
  assert.equal(gateway.said("the service control has not run its event loop for 10 s") > 0, true);
});

Deno.test("a service that fills its heap ends the process with a reason", async () => {
  await using gateway = await Gateway.start("heap", ["--v8-flags=--max-old-space-size=200"]);
  await until("it ends", () => gateway.process.status !== undefined);
  assert.equal(gateway.process.status?.code, EXIT_STATUS.fault, gateway.process.output);
  assert.equal(gateway.said("the service control has filled its heap") > 0, true);
});

const ENTRY = `
  import { profile as real } from "${root}src/profiles/static-site.ts";
  export const profile = {
    ...real,
    services: { control: new URL("${here}hostile_service.ts") },
    modules: real.modules.map((module) =>
      module.name === "control"
        ? { ...module, threads: module.threads.map((spec) => ({ ...spec, whenLost: "{whenLost}" })) }
        : module
    ),
  };
  if (import.meta.main) {
    const { main } = await import("${root}src/cli/main.ts");
    await main(profile);
  }`;

function configText(port: number, attack: string): string {
  return `
    [server]
    listen = ["127.0.0.1:${port}"]
    control_hosts = ["${attack}"]
    [server.health]
    listen = ["127.0.0.1:${freePort()}"]
    [[vhosts]]
    name = "site"
    hosts = ["127.0.0.1"]
    [vhosts.web]
    root = "www"
  `;
}
