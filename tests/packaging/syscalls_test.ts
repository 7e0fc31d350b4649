/** What a gateway asks of the kernel, beside what the packaged unit lets it ask. */
import assert from "node:assert/strict";
import { launchArguments } from "../testing/gateway.ts";
import { TestCertificate } from "../peers/tls.ts";
import { DEAD_PORT, find, freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";

const UNIT = new URL("../../packaging/systemd/fluxheim.service", import.meta.url);

/** The names of a group of system calls, groups in it expanded. */
async function group(name: string, into: Set<string> = new Set()): Promise<Set<string>> {
  const { stdout } = await new Deno.Command("systemd-analyze", { args: ["syscall-filter", name] })
    .output();
  const words = new TextDecoder().decode(stdout).split("\n").slice(1).map((line) => line.trim());
  for (const word of words) {
    if (word.startsWith("@")) await group(word, into);
    else if (/^\w+$/.test(word)) into.add(word);
  }
  return into;
}

function exists(path: string): Promise<boolean> {
  return Deno.lstat(path).then(() => true, () => false);
}

testWith(
  ["strace", "systemd-analyze"],
  "every system call of a gateway at work is one that the unit allows",
  async () => {
    const [, filter] = /^SystemCallFilter=(.+)$/m.exec(await Deno.readTextFile(UNIT)) ?? [];
    const allowed = new Set<string>();
    for (const name of filter.split(" ")) await group(name, allowed);
    assert.ok(allowed.has("accept4") && !allowed.has("mount"), "the groups were read");

    await using dir = new TempDir();
    await using certificate = new TestCertificate();
    const [port, tlsPort] = [freePort(), freePort()];
    dir.write("www/index.html", "page");
    const config = dir.write(
      "fluxheim.toml",
      `[server]
       listen = ["127.0.0.1:${port}"]
       tls_listen = ["127.0.0.1:${tlsPort}"]
       [server.process]
       pid_file = "fluxheim.pid"
       threads = 2
       ${certificate.tables}
       [[vhosts]]
       name = "site"
       hosts = ["localhost", "127.0.0.1"]
       [vhosts.web]
       root = "www"
       [[vhosts.routes]]
       name = "app"
       path_prefix = "/app"
       [vhosts.routes.proxy]
       upstream = "localhost:${DEAD_PORT}"`,
    );
    const trace = `${dir.path}/trace`;
    const args = ["-f", "-q", "-o", trace, Deno.execPath(), ...await launchArguments(config)];
    await using gateway = new Process(find("strace")!, args);
    await gateway.listening(port);
    using client = Deno.createHttpClient({ caCerts: [certificate.authority.root] });
    for (const path of ["", "app", "none"]) {
      for (const origin of [`http://127.0.0.1:${port}`, `https://localhost:${tlsPort}`]) {
        await (await fetch(`${origin}/${path}`, { client })).body?.cancel();
      }
    }
    await until("the pid file is there", () => exists(`${dir.path}/fluxheim.pid`));
    const pid = Number(await Deno.readTextFile(`${dir.path}/fluxheim.pid`));
    Deno.kill(pid, "SIGHUP");
    await (await fetch(`http://127.0.0.1:${port}/`)).body?.cancel();
    Deno.kill(pid, "SIGTERM");
    await gateway.ended;

    const used = new Set<string>();
    for (const line of (await Deno.readTextFile(trace)).split("\n")) {
      const name = /^\d+ +(\w+)\(/.exec(line)?.[1];
      if (name !== undefined) used.add(name);
    }
    assert.ok(used.has("accept4") && used.has("mprotect"), "the trace was read");
    assert.deepEqual([...used].filter((name) => !allowed.has(name)).sort(), []);
  },
);
