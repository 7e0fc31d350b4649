import assert from "node:assert/strict";

const own = JSON.stringify(import.meta.resolve("./give_up.ts"));

/** States of all kinds after a program with these flags has given up what `grants` does not keep. */
async function statesAfter(
  flags: readonly string[],
  grants: readonly { kind: string; value: string; for: string }[],
): Promise<Record<string, string>> {
  const script = `
    import { giveUpAfterStart } from ${own};
    const grants = ${JSON.stringify(grants)}.map((g) => ({ ...g, key: "k", optional: false }));
    giveUpAfterStart({ grants });
    const kinds = ["net", "read", "write", "run", "env", "sys", "ffi"];
    const states = kinds.map((name) => [name, Deno.permissions.querySync({ name }).state]);
    console.log(JSON.stringify(Object.fromEntries(states)));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-check", ...flags, "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { stdout } = await child.output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

const SERVING = [
  { kind: "net", value: "127.0.0.1:80", for: "edge" },
  { kind: "read", value: "/srv/www", for: "edge" },
  { kind: "env", value: "FLUXHEIM_LOG", for: "keeper" },
  { kind: "sys", value: "uid", for: "keeper" },
];

Deno.test("a gateway that was started with everything keeps only the kinds it needs", async () => {
  assert.deepEqual(await statesAfter(["-A"], SERVING), {
    net: "granted",
    read: "granted",
    write: "prompt",
    run: "prompt",
    env: "prompt",
    sys: "granted",
    ffi: "prompt",
  });
});

Deno.test("the environment goes although it was needed to start", async () => {
  const states = await statesAfter(["--allow-env", "--allow-net"], SERVING);
  assert.equal(states.env, "prompt");
  assert.equal(states.net, "granted");
});

Deno.test("a variable that workers need stays, for the workers to come", async () => {
  const states = await statesAfter(["--allow-env"], [{ kind: "env", value: "A", for: "edge" }]);
  assert.equal(states.env, "granted");
});
