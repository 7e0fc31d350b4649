/**
 * A module is its folder and an entry in the catalog: one is added to a copy of the tree, with a table, a
 * command, a zone, two services, calls in every direction, a step and a metric, and nothing else is written by
 * hand.
 */
import assert from "node:assert/strict";
import { entryPath, ROOT } from "../../src/cli/tasks/entry_files.ts";
import { freePort, Process, TempDir, until } from "../testing/peer.ts";

/** What of the checkout the program and its generators read. */
const TREE = [
  "deno.json",
  "deno.lock",
  "mod.ts",
  "worker.ts",
  "packaging/containers",
  "permissions",
  "src",
];

const CATALOG = "src/catalog/modules.ts";
const FOLDER = "src/modules/greeting";

/** The one entry; it goes before that of `privacy-mode`. */
const ENTRY = `  entry("greeting", ["proxy"], "answers with a greeting", built("greeting"), {
    tables: [table("greeting", ["vhost"], OFF)],
    commands: [{ name: "greet", needs: "the module greeting" }],
    profiles: ["development"],
  }),
`;

const FILES: Readonly<Record<string, string>> = {
  "schema.ts": `import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";

export const greetingSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Greet."),
  word: z.string().default("hello").describe("How."),
});

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly greeting?: Frozen<z.output<typeof greetingSchema>>;
  }
}
`,
  "table.ts": `import type { Config } from "../../config/types.ts";
import type {} from "./schema.ts";

export const ZONE = "greeting";

export function greets({ vhosts }: Config): boolean {
  return vhosts.some(({ greeting }) => greeting?.enabled === true);
}
`,
  "module.ts": `import type { Module } from "../../gateway/module.ts";
import { count } from "../../zones/count.ts";
import { zone } from "../../zones/layout.ts";
import { greetingSchema } from "./schema.ts";
import { greets, ZONE } from "./table.ts";

export const module: Module = {
  name: "greeting",
  schema: [{ table: "greeting", scopes: ["vhost"], schema: greetingSchema, reload: "live" }],
  manifest: {},
  commands: [{
    name: "greet",
    summary: "print how each vhost greets",
    options: [],
    takesConfig: true,
    async run({ out, config }) {
      const found = await config();
      for (const { name, greeting } of found?.vhosts ?? []) out(\`\${name}: \${greeting?.word}\`);
      return found === undefined ? 1 : 0;
    },
  }],
  threads: [
    {
      role: "auth",
      url: new URL("./service.ts", import.meta.url),
      wanted: greets,
      tables: [],
      startsBefore: "serving",
      whenLost: "replace",
      asks: ["keeper.reload", "fleet.sign", "edges"],
      edgeAsks: ["tell"],
    },
    {
      role: "fleet",
      url: new URL("./fleet.ts", import.meta.url),
      wanted: greets,
      tables: [],
      whenLost: "replace",
      asks: [],
    },
  ],
  needs: (config) => ({
    zones: greets(config) ? [zone(count, { name: ZONE, roles: ["edge", "auth"] })] : [],
  }),
  edge: async () => (await import("./edge.ts")).edge,
};
`,
  "edge.ts": `import type { EdgeModule } from "../../gateway/module.ts";
import { Fields } from "../../http/fields.ts";
import { count } from "../../zones/count.ts";
import { ZONE } from "./table.ts";

const encoder = new TextEncoder();

export const edge: EdgeModule = {
  name: "greeting",
  open: ({ metrics, service }) => ({
    onCall: (message) => \`hears \${message}\`,
    start: ({ zones }) => ({
      plan({ vhost: { name, greeting } }) {
        if (greeting?.enabled !== true) return undefined;
        const greeted = zones.open(count, ZONE);
        const counter = metrics.counter("fluxheim_greetings_total", { vhost: name });
        return {
          async serve(exchange) {
            exchange.status = 200;
            exchange.response = Fields.of(["content-type", "text/plain"]);
            if (exchange.path === "/told") {
              const told = await service("auth").call("tell", exchange.query ?? "", 10_000);
              exchange.responseBody = encoder.encode(JSON.stringify(told));
              return;
            }
            counter.count();
            greeted.tryTake(1000);
            exchange.responseBody = encoder.encode(\`\${greeting.word} \${greeted.total}\`);
          },
        };
      },
      stop() {},
    }),
  }),
};
`,
  "service.ts": `import "../../runtime/permissions/unguarded.ts";

import { runService } from "../../runtime/threads/service_thread.ts";
import { count } from "../../zones/count.ts";
import { ZONE } from "./table.ts";

runService({
  module: "greeting",
  role: "auth",
  start({ zones, log, keeper, edges, service }) {
    const greeted = zones.open(count, ZONE);
    const told = () => log.log("info", "fluxheim", \`greeted \${greeted.total} times\`);
    const timer = setInterval(told, 50);
    return Promise.resolve({
      reload: () => Promise.resolve(),
      async call(_name, input) {
        switch (input) {
          case "keeper":
            return { ...(await keeper.call("reload", null, 10_000)) };
          case "fleet":
            return { ...(await service("fleet").call("sign", "letter", 10_000)) };
          case "edges":
            return { ...(await edges.call("a call", 10_000)) };
        }
        return greeted.total;
      },
      stop() {
        clearInterval(timer);
        return Promise.resolve();
      },
    });
  },
});
`,
  "fleet.ts": `import "../../runtime/permissions/unguarded.ts";

import { runService } from "../../runtime/threads/service_thread.ts";

runService({
  module: "greeting",
  role: "fleet",
  start: () =>
    Promise.resolve({
      reload: () => Promise.resolve(),
      call: (name, input) => Promise.resolve(\`\${name}ed \${input}\`),
      stop: () => Promise.resolve(),
    }),
});
`,
};

/** What \`deno task manifests\` writes for it. */
const GENERATED = [
  "permissions/development.json",
  "src/profiles/development.ts",
  "src/profiles/development_worker.ts",
];

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 2
pid_file = "{dir}/pid"
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.greeting]
enabled = true
word = "good day"
`;

/** A copy of the tree in which programs run. */
class Copy implements AsyncDisposable {
  readonly #dir = new TempDir();

  get path(): string {
    return this.#dir.path;
  }

  write(name: string, content: string): string {
    return this.#dir.write(name, content);
  }

  async run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: this.path,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  /** Runs the program of a profile. */
  program(profile: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
    return this.run("run", "-A", "-q", "--cached-only", entryPath(profile), ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dir[Symbol.asyncDispose]();
  }
}

function* filesBelow(root: string, path: string): Generator<string> {
  if (Deno.statSync(`${root}${path}`).isFile) {
    yield path;
    return;
  }
  for (const { name } of Deno.readDirSync(`${root}${path}`)) {
    yield* filesBelow(root, `${path}/${name}`);
  }
}

/** Paths of files that are not the same in the copy and here. */
function changed(copy: Copy): string[] {
  const paths = new Set<string>();
  for (const root of [ROOT, `${copy.path}/`]) {
    for (const part of TREE) for (const path of filesBelow(root, part)) paths.add(path);
  }
  const text = (path: string) => {
    try {
      return Deno.readTextFileSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
  return [...paths].filter((path) => text(ROOT + path) !== text(`${copy.path}/${path}`)).sort();
}

Deno.test("a module with all that one can have is its folder and an entry of the catalog", async (t) => {
  await using copy = new Copy();
  for (const part of TREE) {
    for (const path of filesBelow(ROOT, part)) {
      copy.write(path, await Deno.readTextFile(ROOT + path));
    }
  }
  const before = '  entry("privacy-mode"';
  const catalog = await Deno.readTextFile(ROOT + CATALOG);
  assert.equal(catalog.split(before).length, 2);
  copy.write(CATALOG, catalog.replace(before, ENTRY + before));
  for (const [name, text] of Object.entries(FILES)) copy.write(`${FOLDER}/${name}`, text);

  const port = freePort();
  const config = copy.write(
    "fluxheim.toml",
    CONFIG.replace("{port}", String(port)).replace("{dir}", copy.path),
  );
  const own = Object.keys(FILES).map((name) => `${FOLDER}/${name}`);

  await t.step(
    "profiles and manifests are generated with it, and nothing else changes",
    async () => {
      const task = await copy.run("run", "-A", "-q", "--cached-only", "src/cli/tasks/manifests.ts");
      assert.deepEqual(task, { code: 0, out: "", err: "" });
      assert.deepEqual(changed(copy), [CATALOG, ...own, ...GENERATED].sort());
    },
  );

  await t.step("types and the catalog's own tests hold", async () => {
    const checked = await copy.run("check", "-q", "--cached-only", CATALOG, ...own);
    assert.equal(checked.code, 0, checked.err);
    const tests = ["src/catalog", "src/cli/features"];
    const tested = await copy.run("test", "-A", "-q", "--no-check", "--cached-only", ...tests);
    assert.equal(tested.code, 0, tested.out + tested.err);
  });

  await t.step("its table is checked, documented for editors, and changes live", async () => {
    assert.match((await copy.program("development", "schema")).out, /"greeting"/);
    const mistyped = copy.write("typo.toml", CONFIG.replace("word", "wrod"));
    const { code, err } = await copy.program("development", "--check-config", "-c", mistyped);
    assert.equal(code, 1);
    assert.match(err, /greeting\.wrod.*\n.*did you mean "word"\?/);
    const text = await Deno.readTextFile(config);
    const later = copy.write("later.toml", text.replace("good day", "hi"));
    const reload = await copy.program("development", "--reload-from", config, "-c", later);
    assert.match(reload.out, /^reload impact: snapshot$/m);
  });

  await t.step("its command is in the help and runs", async () => {
    assert.match((await copy.program("development", "--help")).out, /^ {2}greet +print how/m);
    const { code, out } = await copy.program("development", "greet", "--config", config);
    assert.deepEqual([code, out], [0, "site: good day\n"]);
  });

  await t.step("a build without it refuses its table and its command by its name", async () => {
    const { code, err } = await copy.program("static-site", "--check-config", "-c", config);
    assert.equal(code, 1);
    assert.match(err, /vhosts\[0\]\.greeting .*needs the greeting module/);
    const command = await copy.program("static-site", "greet");
    assert.equal(command.code, 1);
    assert.match(command.err, /greet needs the module greeting, which this build does not contain/);
  });

  await t.step(
    "its step counts over workers, its service reads that, and calls go in every direction",
    async () => {
      const { out } = await copy.program("development", "permissions", "-c", config);
      const flags = out.split("\n").filter((line) => line !== "");
      const entry = entryPath("development");
      await using gateway = new Process(
        Deno.execPath(),
        ["run", "-q", "--cached-only", ...flags, entry, "--config", config],
        { cwd: copy.path },
      );
      await gateway.listening(port);
      const seen = new Set<string>();
      for (let i = 0; i < 20; i++) {
        const response = await fetch(`http://127.0.0.1:${port}/`, {
          headers: { connection: "close" },
        });
        seen.add(await response.text());
      }
      assert.deepEqual([...seen], Array.from({ length: 20 }, (_, i) => `good day ${i + 1}`));
      await until("the service has read it", () => gateway.output.includes("greeted 20 times"));
      const told = async (what: string) =>
        await (await fetch(`http://127.0.0.1:${port}/told?${what}`)).json();
      const answer = (value: unknown) => ({ kind: "answer", value });
      assert.deepEqual(await told("count"), answer(20), "an edge worker asks its service");
      assert.deepEqual(
        await told("keeper"),
        answer(answer({ kind: "noop" })),
        "a service asks the keeper",
      );
      assert.deepEqual(
        await told("edges"),
        answer({ answers: ["hears a call", "hears a call"], unanswered: 0 }),
        "a service asks its module in every edge worker",
      );
      // It starts when the process is ready, and no request waits for it.
      const signed = answer(answer("signed letter"));
      await until(
        "a service asks another one",
        async () => JSON.stringify(await told("fleet")) === JSON.stringify(signed),
      );
    },
  );
});
