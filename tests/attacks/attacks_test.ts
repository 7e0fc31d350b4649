/**
 * The permission rings, tried from inside: the real program with one hostile module more, in every
 * profile that is built. What came of it is the table in `docs/permissions.md`; with `FLUXHEIM_UPDATE_DOCS`
 * set, the table is written instead of compared.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { load, planFor } from "../../src/cli/load.ts";
import { profileFeatures } from "../../src/cli/features/feature_set.ts";
import { builtProfiles } from "../../src/cli/tasks/generated.ts";
import { toFlags } from "../../src/runtime/permissions/plan.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import type { Profile } from "../../src/runtime/threads/profile.ts";
import { freePort, Process, TempDir, until } from "../testing/peer.ts";
import { ATTEMPTS, type Verdict } from "./attempts.ts";
import { KEEPER_SAYS, nameOf, OTHER_ROLES, saysOf, SERVICE_SAYS } from "./hostile_module.ts";

const here = new URL(".", import.meta.url);
const root = new URL("../..", import.meta.url);
const DOCS = new URL("docs/permissions.md", root);
const BEGIN = "<!-- attacks: begin -->\n";
const END = "<!-- attacks: end -->";

/**
 * What the runtime itself lets pass where there is a web root; code of ours is in the way, as
 * `docs/permissions.md` says.
 */
const KNOWN = [
  "read /etc/passwd through a link in a web root",
  "change the mode of a file in a web root",
];
/** What an edge worker serves with: a change of certificates may bind a TLS listener anew. */
const EDGES = ["bind the TLS listener's port once more"];
/** What a keeper needs for its own work: to reload, to end, to start a worker in the place of a dead one. */
const KEEPERS = [
  "read the configuration file",
  "read the private key",
  "write the pid file",
  "dial the gateway itself",
  "use the Cache API of a worker of its own",
  "bind the listener's port once more",
  "bind the TLS listener's port once more",
];

/** What is tried: a worker, the services of every role, the first thread. */
type Attacker = "edge" | "services" | "keeper";

interface Found extends Readonly<Record<Attacker, readonly Verdict[]>> {
  readonly profile: string;
}

const found: Found[] = [];

for (const catalogued of builtProfiles()) {
  const { name } = catalogued;
  const has = (module: string) =>
    profileFeatures(catalogued).modules.some((m) => m.name === module);
  const known = has("web") ? KNOWN : [];
  const keepers = KEEPERS.filter((attempt) => !has("privacy-mode") || !attempt.startsWith("write"));
  Deno.test(`what a hostile module may do in the profile ${name}`, async () => {
    const { edge, services, keeper } = await attack(name);
    found.push({
      profile: name,
      edge,
      services: services.flatMap(([, verdicts]) => verdicts),
      keeper,
    });
    for (const [role, verdicts] of services) assert.deepEqual(passed(verdicts), [], role);
    assert.deepEqual(passed(edge).sort(), [...EDGES, ...known].sort());
    assert.deepEqual(passed(keeper).sort(), [...keepers, ...known].sort());
  });
}

Deno.test("the documented table is what was found", async () => {
  assert.equal(found.length, builtProfiles().length, "every profile was tried");
  const text = await Deno.readTextFile(DOCS);
  const [before, rest] = split(text, BEGIN);
  const [table, after] = split(rest, END);
  const expected = `\n${tableOf(found)}\n`;
  if (Deno.env.get("FLUXHEIM_UPDATE_DOCS") !== undefined) {
    await Deno.writeTextFile(DOCS, before + BEGIN + expected + END + after);
  } else {
    assert.equal(unaligned(table), unaligned(expected));
  }
});

/** How the runtime says no, and how a thing that was taken away is missing. */
const REFUSAL =
  /^NotCapable|Requires \w+ access|EPERM|^Error: denied|--cached-only is specified|^TypeError: Cannot read properties of undefined/;

function passed(verdicts: readonly Verdict[]): string[] {
  assert.equal(verdicts.length, ATTEMPTS.length);
  // An attempt that failed for any other reason has shown nothing.
  for (const { name, refused, reason } of verdicts) {
    if (refused) assert.match(reason, REFUSAL, `${name}: ${reason}`);
  }
  return verdicts.filter(({ refused }) => !refused).map(({ name }) => name);
}

/** Runs the profile with the hostile module, under exactly the permissions that its configuration needs. */
async function attack(name: string): Promise<
  { edge: Verdict[]; services: [role: string, verdicts: Verdict[]][]; keeper: Verdict[] }
> {
  await using dir = new TempDir();
  // Beside it: the keeper may read the folder of the program.
  await using program = new TempDir();
  using stranger = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const redirect = {
    status: 302,
    headers: { location: `http://127.0.0.1:${stranger.addr.port}/` },
  };
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(null, redirect),
  );
  const port = freePort();
  const { cert, key } = new TestAuthority().issue({ name: "localhost", names: ["localhost"] });
  dir.write("cert.pem", cert);
  dir.write("key.pem", key);
  dir.write("www/index.html", "");
  Deno.symlinkSync("/etc/passwd", `${dir.path}/www/link`);
  const vhost = nameOf(stranger.addr.port, upstream.addr.port, dir.path);
  const entry = writeEntry(program, name);
  const { profile }: { profile: Profile } = await import(`file://${entry}`);
  const config = dir.write("fluxheim.toml", configText(profile, port, vhost, upstream.addr.port));
  const project = `--config=${fileURLToPath(root)}deno.json`;
  const args = ["run", "-q", project, ...await flags(profile, config), entry, "--config", config];
  let strangers = 0;
  void stranger.accept().then((connection) => {
    strangers++;
    connection.close();
  }, () => {});
  await using gateway = new Process(Deno.execPath(), args);
  await until("it serves", () => /listening on/.test(gateway.output));
  const answer = await fetch(`http://127.0.0.1:${port}/attack`);
  const edge: Verdict[] = await answer.json();
  // The keeper tries again at a reload: by then it has given up what only the start needed.
  Deno.writeTextFileSync(config, `\n[vhosts.headers.response.set]\nx-reloaded = "1"\n`, {
    append: true,
  });
  gateway.signal("SIGHUP");
  await until("the keeper has told", () => /: the new configuration serves/.test(gateway.output));
  const keeper = verdictsOf(gateway.output, KEEPER_SAYS);
  await until("the service has told", () => /hostile in control: [0-9a-f]+\b/.test(gateway.output));
  const services: [string, Verdict[]][] = [
    ["control", verdictsOf(gateway.output, SERVICE_SAYS)],
  ];
  for (const role of OTHER_ROLES) {
    const mark = saysOf(role);
    await until(`${role} has told`, () => new RegExp(`${mark}[0-9a-f]+\\b`).test(gateway.output));
    services.push([role, verdictsOf(gateway.output, mark)]);
  }
  assert.equal(strangers, 0, "something came to the port that nothing in the configuration names");
  return { edge, services, keeper };
}

/** The last verdicts in the log that follow `mark`. */
function verdictsOf(output: string, mark: string): Verdict[] {
  const hex = /^[0-9a-f]+/.exec(output.slice(output.lastIndexOf(mark) + mark.length))?.[0] ?? "";
  return JSON.parse(new TextDecoder().decode(Uint8Array.fromHex(hex)));
}

/** The profile with one module more, and the entry of its workers. */
function writeEntry(dir: TempDir, name: string): string {
  const text = `
    import { profile as real } from "${root}src/profiles/${name}.ts";
    import { module as hostile } from "${here}hostile_module.ts";
    const control = (spec) => ({ ...spec, tables: ["server", "vhosts"] });
    const modules = real.modules.map((module) =>
      module.name === "control" ? { ...module, threads: module.threads.map(control) } : module
    );
    export const profile = {
      ...real,
      modules: [hostile, ...modules],
      services: {
        control: new URL("${here}hostile_service.ts"),
        ...Object.fromEntries(hostile.threads.map(({ role, url }) => [role, url])),
      },
      workerUrl: new URL("./worker.ts", import.meta.url),
    };
    if (import.meta.main) {
      const { main } = await import("${root}src/cli/main.ts");
      await main(profile);
    }`;
  dir.write(
    "worker.ts",
    `import { runEdgeWorker } from "${root}src/runtime/threads/edge_worker.ts";
     import { profile } from "./entry.ts";
     const modules = await Promise.all(profile.modules.map((module) => module.edge()));
     runEdgeWorker({ ...profile, modules });`,
  );
  return dir.write("entry.ts", text);
}

function configText(profile: Profile, port: number, name: string, upstreamPort: number): string {
  const web = profile.modules.some((module) => module.name === "web");
  return `
    [server]
    listen = ["127.0.0.1:${port}"]
    tls_listen = ["127.0.0.1:${freePort()}"]
    control_hosts = ["try"]
    health = { listen = ["127.0.0.1:${freePort()}"] }
    [server.process]
    pid_file = "fluxheim.pid"
    [tls]
    enabled = true
    certificates = [{ cert_path = "cert.pem", key_path = "key.pem" }]
    [[vhosts]]
    name = "${name}"
    hosts = ["localhost"]
    ${web ? `[vhosts.web]\nroot = "www"` : ""}
    [vhosts.proxy]
    upstream = "127.0.0.1:${upstreamPort}"`;
}

/** The flags of the plan, and the reading of this folder, from where the hostile module comes. */
async function flags(profile: Profile, path: string): Promise<string[]> {
  const { config, problems } = await load(profile, path);
  assert.ok(config !== undefined, JSON.stringify(problems));
  const value = fileURLToPath(here).replace(/\/$/, "");
  const own = { kind: "read", value, key: "test", for: "keeper", optional: false } as const;
  return toFlags({ grants: [...planFor(profile, config, path).grants, own] });
}

function tableOf(rows: readonly Found[]): string {
  const lines = [
    "| attempt | edge worker | services | keeper |",
    "| --- | --- | --- | --- |",
  ];
  const verdict = (kind: Attacker, name: string) => {
    const refused = rows.map((row) =>
      row[kind].filter((v) => v.name === name).every((v) => v.refused)
    );
    if (refused.every((r) => r === true)) return "refused";
    if (refused.every((r) => r === false)) return "**possible**";
    const where = rows.filter((_, i) => refused[i] === false).map((row) => row.profile);
    return `refused; **possible** in ${where.join(", ")}`;
  };
  for (const { name } of ATTEMPTS) {
    const row = (["edge", "services", "keeper"] as const).map((kind) => verdict(kind, name));
    lines.push(`| ${[name, ...row].join(" | ")} |`);
  }
  const profiles = rows.map((row) => row.profile).join(", ");
  return `Profiles: ${profiles}.\n\n${lines.join("\n")}\n`;
}

/** The text without the padding and the breaks of lines that `deno fmt` gives it. */
function unaligned(text: string): string {
  return text.replaceAll(/ +\|/g, " |").replaceAll(/-{3,}/g, "---")
    .replaceAll(/(?<=\w,)\n(?=\w)/g, " ");
}

function split(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  assert.ok(at >= 0, `docs/permissions.md has no ${mark.trim()}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
