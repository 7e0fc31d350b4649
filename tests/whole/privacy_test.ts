/** A build that keeps nothing about a request (spec 01 section 9), as a whole. */
import assert from "node:assert/strict";
import { load, planFor } from "../../src/cli/load.ts";
import { ROOT } from "../../src/cli/tasks/entry_files.ts";
import { toFlags } from "../../src/runtime/permissions/plan.ts";
import type { Profile } from "../../src/runtime/threads/profile.ts";
import { writeEntry } from "../testing/build.ts";
import { DEAD_PORT, find, freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";

const ADDRESS_FIELDS = [
  "x-forwarded-for",
  "x-real-ip",
  "forwarded",
  "cf-connecting-ip",
  "true-client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "fastly-client-ip",
];

/** Every field that could carry an address is asked for; a privacy build writes none of them. */
const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
host_routing = { strict = true }
[logging]
level = "trace"
[headers.request]
x_forwarded_for = "append"
x_real_ip = true
forwarded = true
strip_inbound_client_ip_headers = false
[[vhosts]]
name = "site"
hosts = ["localhost", "127.0.0.1"]
[vhosts.web]
root = "www"
[[vhosts.routes]]
name = "app"
path_prefix = "/app"
[vhosts.routes.proxy]
upstream = "127.0.0.1:{upstream}"
[[vhosts.routes]]
name = "dead"
path_prefix = "/dead"
[vhosts.routes.proxy]
upstream = "127.0.0.1:{dead}"
`;

interface Deployment extends AsyncDisposable {
  readonly dir: TempDir;
  readonly port: number;
  /** Arguments of `deno` that run it under exactly its permissions. */
  readonly args: readonly string[];
  /** Fields of the requests that the upstream has seen. */
  readonly seen: Headers[];
}

async function deployment(): Promise<Deployment> {
  const dir = new TempDir();
  const seen: Headers[] = [];
  const upstream = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    seen.push(new Headers(request.headers));
    return new Response("from the upstream");
  });
  const port = freePort();
  const text = CONFIG.replace("{port}", String(port)).replace(
    "{upstream}",
    String(upstream.addr.port),
  ).replace("{dead}", String(DEAD_PORT));
  dir.write("www/index.html", "the page");
  const config = dir.write("fluxheim.toml", text);
  const entry = await writeEntry(dir, "private", ["profile-privacy"]);
  const { profile }: { profile: Profile } = await import(`file://${entry}`);
  const loaded = await load(profile, config);
  assert.ok(loaded.config !== undefined, JSON.stringify(loaded.problems));
  const flags = toFlags(planFor(profile, loaded.config, config));
  return {
    dir,
    port,
    seen,
    args: [
      "run",
      "--quiet",
      "--no-code-cache",
      `--config=${ROOT}deno.json`,
      ...flags,
      entry,
      "--config",
      config,
    ],
    async [Symbol.asyncDispose]() {
      await upstream.shutdown();
      await dir[Symbol.asyncDispose]();
    },
  };
}

testWith(["curl"], "a request leaves no address and no word of itself in the log", async () => {
  await using deployed = await deployment();
  const { port, args, seen } = deployed;
  await using gateway = new Process(Deno.execPath(), args);
  await gateway.listening(port);
  const secret = {
    path: "unique-path-7261",
    query: "unique-query-9134",
    cookie: "unique-cookie-5512",
    agent: "unique-agent-0198",
    id: "unique-id-6620",
    address: "203.0.113.77",
  };
  const headers = new Headers({
    cookie: `session=${secret.cookie}`,
    "user-agent": secret.agent,
    "x-request-id": secret.id,
    authorization: "Bearer kept",
  });
  for (const name of ADDRESS_FIELDS) headers.set(name, secret.address);
  const target = `${secret.path}?q=${secret.query}`;
  for (const prefix of ["app/", "dead/", ""]) {
    const response = await fetch(`http://127.0.0.1:${port}/${prefix}${target}`, { headers });
    await response.body?.cancel();
  }
  // Refused by the host table, which has a line for it in other builds.
  const unknown = new Process(find("curl") ?? "curl", [
    ...["-s", "-o", "/dev/null", "-H", "Host: unknown.example", `http://127.0.0.1:${port}/`],
  ]);
  await unknown.ended;
  await unknown.stop();
  const page = await fetch(`http://127.0.0.1:${port}/`, { headers });
  assert.equal(await page.text(), "the page");

  assert.equal(seen.length, 1);
  const [fields] = seen;
  for (const name of ADDRESS_FIELDS) assert.equal(fields.get(name), null, name);
  assert.equal(fields.get("authorization"), "Bearer kept");
  assert.equal(fields.get("cookie"), `session=${secret.cookie}`);
  for (const [name, value] of fields) assert.ok(!value.includes(secret.address), name);

  await gateway.stop();
  assert.match(gateway.output, /listening on/);
  for (const [what, value] of Object.entries(secret)) {
    assert.ok(!gateway.output.includes(value), `${what} is in the log:\n${gateway.output}`);
  }
  assert.doesNotMatch(gateway.output, /client|upstream|"event":"access"|fluxheim::(?!tls)/);
});

Deno.test("no request id is made", async () => {
  await using deployed = await deployment();
  const { port, args, seen } = deployed;
  await using gateway = new Process(Deno.execPath(), args);
  await gateway.listening(port);
  await (await fetch(`http://127.0.0.1:${port}/app/x`)).body?.cancel();
  assert.equal(seen[0].get("x-request-id"), null);
});

testWith(["strace"], "a privacy build opens no file for writing and creates none", async () => {
  await using deployed = await deployment();
  const { dir, port, args } = deployed;
  await using gateway = new Process(Deno.execPath(), args);
  await gateway.listening(port);
  await get(port, 20);
  const trace = `${dir.path}/trace`;
  const calls =
    "open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat," +
    "link,linkat,symlink,symlinkat,truncate,ftruncate,mknod,mknodat,chmod,fchmodat";
  await using strace = new Process(find("strace")!, [
    "-f",
    "-q",
    "-p",
    String(gateway.pid),
    "-e",
    `trace=${calls}`,
    "-o",
    trace,
  ]);
  await until("strace follows", async () => {
    await get(port, 1);
    return (await Deno.readTextFile(trace).catch(() => "")) !== "";
  });
  await get(port, 300);
  gateway.signal("SIGHUP");
  await get(port, 50);
  await gateway.stop();
  await strace.ended;
  const lines = (await Deno.readTextFile(trace)).split("\n").filter((line) =>
    /^\d+ +\w+\(/.test(line)
  );
  assert.ok(lines.some((line) => line.includes("index.html") || line.includes("fluxheim.toml")));
  const writing = lines.filter((line) =>
    /O_WRONLY|O_RDWR|O_CREAT|O_APPEND|O_TRUNC/.test(line) || !/^\d+ +open/.test(line)
  );
  assert.deepEqual(writing, []);
});

/** Static files, proxied answers, failures, and a file that is not there. */
async function get(port: number, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const path = ["", "app/x", "dead/x", `none-${i}`][i % 4];
    await (await fetch(`http://127.0.0.1:${port}/${path}`)).body?.cancel();
  }
}
