/**
 * A worker that was taken over, against the keeper: what it writes into the memory that it shares with the
 * keeper and what it sends costs that worker its life at most.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { load, planFor } from "../../src/cli/load.ts";
import { toFlags } from "../../src/runtime/permissions/plan.ts";
import type { Profile } from "../../src/runtime/threads/profile.ts";
import { freePort, Process, TempDir, until } from "../testing/peer.ts";
import { DEADLY, HARMLESS, SPOILING } from "./hostile_thread.ts";

const here = new URL(".", import.meta.url);
const root = new URL("../..", import.meta.url);

/** A gateway of two workers, each with the hostile module in it. */
class Gateway implements AsyncDisposable {
  private constructor(
    readonly process: Process,
    readonly port: number,
    readonly stack: AsyncDisposableStack,
  ) {}

  static async start(): Promise<Gateway> {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(new TempDir());
    const program = stack.use(new TempDir());
    const port = freePort();
    dir.write("www/index.html", "page");
    const config = dir.write("fluxheim.toml", configText(port));
    const entry = writeEntry(program);
    const { profile }: { profile: Profile } = await import(`file://${entry}`);
    const loaded = await load(profile, config);
    assert.ok(loaded.config !== undefined, JSON.stringify(loaded.problems));
    // The hostile module is read from here.
    const value = fileURLToPath(here).replace(/\/$/, "");
    const own = { kind: "read", value, key: "test", for: "keeper", optional: false } as const;
    const flags = toFlags({ grants: [...planFor(profile, loaded.config, config).grants, own] });
    const project = `--config=${fileURLToPath(root)}deno.json`;
    const args = ["run", "-q", project, ...flags, entry, "--config", config];
    const process = stack.use(new Process(Deno.execPath(), args));
    await until("a worker serves", () => /listening on/.test(process.output));
    return new Gateway(process, port, stack.move());
  }

  /** One request on a connection of its own; `undefined` when the connection ends instead. */
  async get(path: string): Promise<string | undefined> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    try {
      const text = await new Response(connection.readable).text();
      return text === "" ? undefined : text;
    } catch {
      return undefined;
    }
  }

  /** How many workers have been replaced. */
  get replaced(): number {
    return this.process.output.split("was replaced").length - 1;
  }

  async serves(): Promise<void> {
    await until("it serves", async () => (await this.get("/"))?.endsWith("page") === true);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }
}

Deno.test("what a worker sends and writes costs that worker its life, and no more", async (t) => {
  await using gateway = await Gateway.start();
  for (const name of Object.keys(HARMLESS)) {
    await t.step(`${name}, which is harmless`, async () => {
      await gateway.get(`/attack?${name}`);
      await gateway.serves();
    });
  }
  let { replaced } = gateway;
  for (const name of Object.keys(DEADLY)) {
    await t.step(name, async () => {
      await gateway.get(`/attack?${name}`);
      await until("the worker was replaced", () => gateway.replaced > replaced);
      assert.equal(gateway.replaced, ++replaced, gateway.process.output);
      await gateway.serves();
    });
  }
  assert.equal((await gateway.process.stop()).code, 0, gateway.process.output);
  assert.ok(!gateway.process.output.includes("forged"), "a record with a terminal's commands");
});

for (const name of Object.keys(SPOILING)) {
  Deno.test(`the attack ${name} leaves a keeper that replaces the worker and ends when told to`, async () => {
    await using gateway = await Gateway.start();
    // Not waited for: a thread that waits for a lock keeps its connections until the process ends.
    const answer = gateway.get(`/attack?${name}`);
    await until("the worker was replaced", () => gateway.replaced === 1);
    assert.equal((await gateway.process.stop()).code, 0, gateway.process.output);
    await answer;
  });
}

/** The profile with the hostile module, and the entry of its workers. */
function writeEntry(dir: TempDir): string {
  const worker = Deno.readTextFileSync(new URL("src/profiles/static-site_worker.ts", root))
    .replaceAll('"../', `"${root}src/`)
    .replace("modules: [", "modules: [hostile,");
  const hostile = `import { edge as hostile } from "${here}hostile_thread.ts";`;
  // Before the program of the worker.
  dir.write("worker.ts", `${hostile}\n${worker}`);
  return dir.write(
    "entry.ts",
    `import { profile as real } from "${root}src/profiles/static-site.ts";
     const hostile = {
       name: "hostile",
       schema: [],
       manifest: {},
       edge: () => Promise.reject(new Error("not in the keeper")),
     };
     export const profile = {
       ...real,
       modules: [hostile, ...real.modules],
       workerUrl: new URL("./worker.ts", import.meta.url),
     };
     if (import.meta.main) {
       const { main } = await import("${root}src/cli/main.ts");
       await main(profile);
     }`,
  );
}

function configText(port: number): string {
  return `
    [server]
    listen = ["127.0.0.1:${port}"]
    [server.process]
    threads = 2
    [[vhosts]]
    name = "site"
    hosts = ["localhost"]
    [vhosts.web]
    root = "www"
    [vhosts.concurrency]
    enabled = true
    max_in_flight = 100
    queue_timeout_ms = 1000
    [vhosts.rate_limit]
    enabled = true
    requests_per_second = 10000
    burst = 10000`;
}
