/** What becomes of log lines when the place they go to is full. */
import assert from "node:assert/strict";
import { launchArguments } from "../testing/gateway.ts";
import { freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
[logging.file]
enabled = true
path = "{dir}/fluxheim.log"
[web]
root = "{dir}/www"
[proxy]
`;

/** A gateway whose files cannot grow beyond `maxFileBytes`, which is to it what a full disk is. */
class ConfinedGateway implements AsyncDisposable {
  private constructor(readonly dir: TempDir, readonly port: number, readonly process: Process) {}

  static async start(maxFileBytes: number, logBefore = ""): Promise<ConfinedGateway> {
    const dir = new TempDir();
    dir.write("www/index.html", "page");
    dir.write("fluxheim.log", logBefore);
    const port = freePort();
    const config = CONFIG.replaceAll("{dir}", dir.path).replace("{port}", String(port));
    const [run, ...rest] = await launchArguments(dir.write("fluxheim.toml", config));
    // The caches of the runtime are files as well.
    const argv = [Deno.execPath(), run, "--no-code-cache", ...rest];
    // Without the trap, too large a file ends a process.
    const script = `trap "" XFSZ; exec prlimit --fsize=${maxFileBytes}:unlimited "$@"`;
    const process = new Process("sh", ["-c", script, "sh", ...argv]);
    await process.listening(port);
    return new ConfinedGateway(dir, port, process);
  }

  /** Lets files grow again. */
  async free(): Promise<void> {
    const argv = ["--pid", `${this.process.pid}`, "--fsize=unlimited:unlimited"];
    assert.ok((await new Deno.Command("prlimit", { args: argv }).output()).success);
  }

  get log(): string {
    return Deno.readTextFileSync(`${this.dir.path}/fluxheim.log`);
  }

  set log(text: string) {
    Deno.writeTextFileSync(`${this.dir.path}/fluxheim.log`, text);
  }

  /** Asks for `/{from}` up to `/{to}`, which is not in it. */
  async ask(from: number, to: number): Promise<void> {
    for (let i = from; i < to; i++) {
      const answer = await fetch(`http://127.0.0.1:${this.port}/${i}`);
      await answer.body?.cancel();
      assert.equal(answer.status, 404);
    }
  }

  /** Waits until nothing can be written to the log any more. */
  async full(): Promise<void> {
    await until("it is told", () => this.process.output.includes("cannot be written"));
  }

  /** Waits until the log speaks of `path`. */
  async logged(path: string): Promise<void> {
    await until(`${path} is logged`, () => this.log.includes(`"path":"${path}"`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** The paths in the access records of `log`, of which every line must be a record. */
function pathsIn(log: string): string[] {
  const records = log.trimEnd().split("\n").map((line) => JSON.parse(line));
  return records.flatMap(({ event, path }) => event === "access" ? [path] : []);
}

function paths(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `/${from + i}`);
}

const NEEDS = ["sh", "prlimit"];

testWith(NEEDS, "a full disk costs no record and tears none, and serving goes on", async () => {
  await using gateway = await ConfinedGateway.start(10_000);
  const { process } = gateway;
  await gateway.ask(0, 60);
  await gateway.full();
  assert.equal(gateway.log.length, 10_000);
  await gateway.free();
  await gateway.ask(60, 64);
  await gateway.logged("/63");
  assert.deepEqual(pathsIn(gateway.log), paths(0, 64));
  assert.equal(process.output.split("cannot be written").length - 1, 1);
});

testWith(NEEDS, "a log that is emptied while it is full begins with a whole record", async () => {
  await using gateway = await ConfinedGateway.start(10_000);
  await gateway.ask(0, 30);
  await gateway.full();
  const full = gateway.log;
  const whole = pathsIn(full.slice(0, full.lastIndexOf("\n"))).length;
  assert.ok(!full.endsWith("\n"), "a record is cut");
  gateway.log = "";
  await gateway.logged("/29");
  assert.deepEqual(pathsIn(gateway.log), paths(whole, 30));
});

testWith(NEEDS, "lines that never found room are counted at the end", async () => {
  await using gateway = await ConfinedGateway.start(1, "{");
  await gateway.ask(0, 10);
  const { code } = await gateway.process.stop();
  assert.equal(code, 0);
  const lost = /fluxheim: (\d+) log lines were lost at the end/.exec(gateway.process.output);
  assert.ok(Number(lost?.[1]) >= 10, gateway.process.output);
  assert.equal(gateway.log, "{");
});

testWith(NEEDS, "no record is glued to half a line of an earlier process", async () => {
  await using gateway = await ConfinedGateway.start(100_000, '{"event":"acc');
  await gateway.ask(0, 1);
  await gateway.logged("/0");
  assert.match(gateway.log, /^\{"event":"acc\n/);
  assert.deepEqual(pathsIn(gateway.log.slice(gateway.log.indexOf("\n") + 1)), ["/0"]);
});
