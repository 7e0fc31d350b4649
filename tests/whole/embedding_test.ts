/** A gateway of an embedder, built from `mod.ts` as its documentation says. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { freePort, Process, TempDir } from "../testing/peer.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const MODULES = `
import { type EdgeModule, Fields, type Module } from "${root}mod.ts";

const hello: EdgeModule = {
  name: "hello",
  open: () => ({
    start: () => ({
      plan: () => ({
        serve(exchange) {
          exchange.status = 200;
          exchange.response = Fields.of(["content-type", "text/plain"]);
          exchange.responseBody = new TextEncoder().encode("hello from a module of my own");
        },
      }),
      stop() {},
    }),
  }),
};

export const edges = [hello];
export const modules: readonly Module[] = [
  { name: "hello", schema: [], manifest: {}, edge: () => Promise.resolve(hello) },
];
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

Deno.test("a worker whose list is not the profile's does not start, and it is said why", async () => {
  await using dir = new TempDir();
  const config = dir.write("fluxheim.toml", `[server]\nlisten = ["127.0.0.1:${freePort()}"]\n`);
  const faces = (face: string, folders: readonly string[]) =>
    folders.map((name) =>
      `import { ${face} as ${name} } from "${root}src/modules/${name}/${face}.ts";`
    )
      .join("\n");
  dir.write(
    "gateway.ts",
    `${faces("module", ["access", "web"])}
     import { load, type Profile, serve } from "${root}mod.ts";
     const workerUrl = new URL("./worker.ts", import.meta.url);
     const profile: Profile = { name: "mine", modules: [access, web], workerUrl };
     const configSource = "${config}";
     await serve({ profile, configSource, load: () => load(profile, configSource) });`,
  );
  dir.write(
    "worker.ts",
    `${faces("edge", ["web"])}
     import { runEdgeWorker } from "${root}worker.ts";
     runEdgeWorker({ modules: [web] });`,
  );
  await using process = new Process(Deno.execPath(), [
    "run",
    "-A",
    `--config=${root}deno.json`,
    `${dir.path}/gateway.ts`,
  ]);
  assert.notEqual((await process.ended).code, 0);
  await process.stop();
  assert.match(process.output, /entry has the modules web; those of its profile are access, web/);
});
