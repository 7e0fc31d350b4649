/** A gateway of somebody's own, built from `mod.ts` as its documentation says. */
import assert from "node:assert/strict";
import { freePort, Process, TempDir } from "../support/peer.ts";

const root = new URL("../..", import.meta.url).pathname;

const MODULES = `
import { Fields, type Module } from "${root}mod.ts";

const hello: Module = {
  name: "hello",
  schema: [],
  manifest: {},
  permissions: () => ({}),
  start: () =>
    Promise.resolve({
      plan: () => ({
        serve(exchange) {
          exchange.status = 200;
          exchange.response = Fields.of(["content-type", "text/plain"]);
          exchange.responseBody = new TextEncoder().encode("hello from a module of my own");
        },
      }),
      stop() {},
    }),
};

export const modules = [hello];
`;

Deno.test("a program with a module of its own serves, without its own command line", async () => {
  await using dir = new TempDir();
  const port = freePort();
  const documented = await Deno.readTextFile(`${root}mod.ts`);
  const example = /```ts ignore\n([\s\S]*?)```/.exec(documented)?.[1] ?? "";
  const code = example.replaceAll(/^ \* ?/gm, "").replaceAll("@fluxheim/fluxheim", `${root}mod.ts`);
  const [gateway, worker] = code.split("// worker.ts\n");
  const config = dir.write("fluxheim.toml", `[server]\nlisten = ["127.0.0.1:${port}"]\n`);
  dir.write("gateway.ts", gateway.replace("/etc/fluxheim/fluxheim.toml", config));
  dir.write("worker.ts", worker);
  dir.write("modules.ts", MODULES);
  await using process = new Process(Deno.execPath(), [
    "run",
    "-A",
    `--config=${root}deno.json`,
    `${dir.path}/gateway.ts`,
  ]);
  await process.listening(port);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(await response.text(), "hello from a module of my own");
});
