import assert from "node:assert/strict";

const own = JSON.stringify(import.meta.resolve("./give_up.ts"));

/** A grant of a plan, as far as it matters here. */
interface Planned {
  readonly kind: string;
  readonly value: string;
  readonly for: string;
  readonly startOnly?: boolean;
}

/** Runs `code` with these flags; it leaves what it found in `found`, and may print a port to be connected to. */
async function found(flags: readonly string[], code: string): Promise<Record<string, string>> {
  const script = `
    import { giveUpAddresses, giveUpBeforeServing } from ${own};
    const found = {};
    const state = (descriptor) => Deno.permissions.querySync(descriptor).state;
    ${code}
    console.log(JSON.stringify(found));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-check", ...flags, "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    if (/^\d+\n$/.test(output)) {
      (await Deno.connect({ hostname: "127.0.0.1", port: Number(output) })).close();
    }
  }
  await child.status;
  return JSON.parse(output.slice(output.indexOf("{")));
}

/** States of all kinds after a program with these flags has given up what `grants` does not keep. */
function statesAfter(flags: readonly string[], grants: readonly Planned[]) {
  return found(
    flags,
    `const grants = ${JSON.stringify(grants)}.map((g) => ({ ...g, key: "k", optional: false }));
     giveUpBeforeServing({ grants });
     for (const name of ["net", "read", "write", "run", "env", "sys", "ffi"]) {
       found[name] = state({ name });
     }
     for (const { kind: name, value } of grants) {
       const descriptor = { name, path: value, host: value, variable: value, kind: value };
       found[name + " " + value] = state(descriptor);
     }`,
  );
}

const SERVING: readonly Planned[] = [
  { kind: "net", value: "127.0.0.1:80", for: "edge", startOnly: true },
  { kind: "net", value: "127.0.0.1:9229", for: "keeper", startOnly: true },
  { kind: "read", value: "/etc/f/f.toml", for: "keeper" },
  { kind: "read", value: "/var/log/f/f.log", for: "keeper", startOnly: true },
  { kind: "write", value: "/var/log/f/f.log", for: "keeper", startOnly: true },
  { kind: "write", value: "/run/f/f.pid", for: "keeper" },
  { kind: "env", value: "FLUXHEIM_LOG", for: "keeper", startOnly: true },
  { kind: "sys", value: "uid", for: "keeper", startOnly: true },
];

Deno.test("a gateway that was started with everything keeps only the kinds it needs", async () => {
  const states = await statesAfter(["-A"], SERVING);
  for (const kind of ["net", "read", "write"]) assert.equal(states[kind], "granted", kind);
  for (const kind of ["run", "env", "sys", "ffi"]) assert.equal(states[kind], "prompt", kind);
});

Deno.test("a gateway with exact permissions keeps exactly what it needs again", async () => {
  const flags = [
    "--allow-net=127.0.0.1:80,127.0.0.1:9229",
    "--allow-read=/etc/f/f.toml,/var/log/f/f.log",
    "--allow-write=/var/log/f/f.log,/run/f/f.pid",
    "--allow-env=FLUXHEIM_LOG",
    "--allow-sys=uid",
  ];
  const states = await statesAfter(flags, SERVING);
  const kept = Object.keys(states).filter((name) => states[name] === "granted");
  assert.deepEqual(kept, ["net 127.0.0.1:80", "read /etc/f/f.toml", "write /run/f/f.pid"]);
});

Deno.test("an entry that allows more than what is given up stays", async () => {
  const flags = ["--allow-net=127.0.0.1", "--allow-read=/etc/f,/var/log/f", "--allow-write=/"];
  const states = await statesAfter(flags, SERVING);
  assert.equal(states["net 127.0.0.1:80"], "granted");
  assert.equal(states["read /var/log/f/f.log"], "granted");
  assert.equal(states["write /run/f/f.pid"], "granted");
});

Deno.test("a variable that workers need stays, for the workers to come", async () => {
  const grants = [{ kind: "env", value: "A", for: "edge" }];
  assert.equal((await statesAfter(["--allow-env"], grants)).env, "granted");
});

Deno.test("a worker gives up what it has bound, and accepts on it all the same", async () => {
  const states = await found(
    ["--allow-net=127.0.0.1:0,127.0.0.1:9,[::1]:80"],
    `const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
     giveUpAddresses(["127.0.0.1:0", "[::1]:80"]);
     for (const host of ["127.0.0.1:0", "[::1]:80", "127.0.0.1:9"]) {
       found[host] = state({ name: "net", host });
     }
     console.log(listener.addr.port);
     found.accept = await listener.accept().then(() => "accepted", String);
     try {
       Deno.listen({ hostname: "127.0.0.1", port: 0 });
       found.listen = "bound";
     } catch (error) {
       found.listen = error.name;
     }
     listener.close();`,
  );
  assert.deepEqual(states, {
    "127.0.0.1:0": "prompt",
    "[::1]:80": "prompt",
    "127.0.0.1:9": "granted",
    "accept": "accepted",
    "listen": "NotCapable",
  });
});
