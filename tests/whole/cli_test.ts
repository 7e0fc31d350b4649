/** The command line of the whole program, as an operator has it. */
import assert from "node:assert/strict";
import { relative } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { copyFolder } from "../../src/config/testing/files.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { launchArguments, TestGateway } from "../testing/gateway.ts";
import { catchesUsr1, freePort, Process, TempDir, until } from "../testing/peer.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = `${root}src/main.ts`;

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
[server.process]
pid_file = "{dir}/fluxheim.pid"
[web]
root = "{dir}/www"
[proxy]
`;

interface Deployment extends AsyncDisposable {
  readonly dir: TempDir;
  readonly port: number;
  readonly config: string;
}

function deployment(): Deployment {
  const dir = new TempDir();
  const port = freePort();
  dir.write("www/index.html", "first");
  const text = CONFIG.replaceAll("{dir}", dir.path).replaceAll("{port}", String(port));
  const config = dir.write("fluxheim.toml", text);
  return { dir, port, config, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

async function cli(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", MAIN, ...args],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function body(port: number, path = "/"): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return await response.text();
}

/** What the program says and how it ends; `{c}` is a right configuration, `{w}` a wrong one. */
const COMMAND_LINES:
  readonly (readonly [args: string, code: 0 | 1 | 2, out: RegExp, err: RegExp])[] = [
    ["--help", 0, /^usage: fluxheim \[options\]/m, /^$/],
    ["-h", 0, /^usage: /m, /^$/],
    ["--version", 0, /^fluxheim \d+\.\d+\.\d+\ndeno \d\S+\nv8 \d\S+\n$/, /^$/],
    ["--version --json", 0, /"version": "/, /^$/],
    ["-c {c} --check-config", 0, /^root = ".*\/www"$/m, /^$/],
    ["--config={c} --check-config --json", 0, /^ {2}"ok": true,$/m, /^$/],
    ["-c {c} --validate-config", 0, /^$/, /^$/],
    ["-c {w} --check-config", 1, /^$/, /wrong\.toml:2: server\.lisen: .*\n.*did you mean "listen"/],
    ["-c {w} --check-config --json", 1, /"ok": false/, /^$/],
    ["-c {w} --validate-config", 1, /^$/, /\nfluxheim: 2 problems\n$/],
    ["-c {w}", 1, /^$/, /\nfluxheim: 2 problems\n$/],
    ["-c {w} permissions", 1, /^$/, /server\.lisen/],
    ["-c {c}.none --check-config", 1, /^$/, /does not exist\nfluxheim: 1 problem\n$/],
    ["-c {c} --reload-from {c}", 0, /^reload impact: noop\naction: /, /^$/],
    ["-c {c} --reload-from {w}", 1, /^$/, /server\.lisen/],
    ["-c {c} permissions", 0, /^--allow-net=127\.0\.0\.1:/m, /^$/],
    ["-c {c} permissions --explain", 0, /^net .* edge .* server\.listen\[0\]$/m, /^$/],
    ["schema", 0, /"\$schema": "https:\/\/json-schema\.org/, /^$/],
    ["profiles", 0, /^\* +development/m, /^$/],
    ["crypto", 0, /^crypto diagnostics:/, /^$/],
    ["cache-keygen", 0, /^[0-9a-f]{64}\n$/, /^$/],
    ["acme-renew -c {c}", 1, /^$/, /tls\.acme\.enabled is false/],
    ["cache-warm", 1, /^$/, /^--path or --input: must name a path/],
    [
      "--chek-config",
      2,
      /^$/,
      /^fluxheim: unknown option --chek-config; did you mean --check-config/,
    ],
    ["--config", 2, /^$/, /^fluxheim: --config needs a value/],
    ["-c {c} -c {c}", 2, /^$/, /^fluxheim: .*only once/],
    ["--check-config --validate-config", 2, /^$/, /^fluxheim: .* cannot be used with/],
    ["--reload-from {c} --check-config", 2, /^$/, /^fluxheim: .* cannot be used with/],
    ["permission", 2, /^$/, /^fluxheim: unknown command permission; did you mean permissions/],
    ["explain", 2, /^$/, /^fluxheim: explain needs its operand: URL/],
    ["explain not-a-url", 2, /^$/, /^fluxheim: "not-a-url" is not a URL/],
    ["schema --config {c}.none", 2, /^$/, /^fluxheim: unknown option --config\n/],
    ["cache-keygen again", 2, /^$/, /^fluxheim: cache-keygen: unexpected argument "again"/],
    ["-c {c} --json", 2, /^$/, /^fluxheim: --json means nothing/],
  ];

Deno.test("every command line ends with its status, results on one stream and words on the other", async (t) => {
  await using deployed = deployment();
  const { dir, config } = deployed;
  const wrong = dir.write("wrong.toml", "[server]\nlisen = []\n[web]\nroot = 1\n");
  for (const [line, status, out, err] of COMMAND_LINES) {
    await t.step(line, async () => {
      const args = line.replaceAll("{c}", config).replaceAll("{w}", wrong).split(" ");
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "-q", MAIN, ...args],
        env: { NO_COLOR: "1" },
      }).output();
      const [said, told] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assert.equal(code, status, told);
      assert.match(said, out);
      assert.match(told, err);
    });
  }
});

Deno.test("the program starts and works under exactly the flags it prints", async () => {
  await using deployed = deployment();
  const { port, config } = deployed;
  const flags = (await cli("permissions", "--config", config)).trimEnd().split("\n");
  await using gateway = new Process(Deno.execPath(), ["run", ...flags, MAIN, "--config", config]);
  await gateway.listening(port);
  assert.equal(await body(port), "first");
  assert.equal((await gateway.stop()).code, 0);
});

Deno.test("without one of those flags it does not start, and names the key", async () => {
  await using deployed = deployment();
  const { port, config } = deployed;
  const flags = (await cli("permissions", "--config", config)).trimEnd().split("\n");
  const fewer = flags.filter((flag) => !flag.startsWith("--allow-net"));
  await using gateway = new Process(Deno.execPath(), ["run", ...fewer, MAIN, "--config", config]);
  assert.equal((await gateway.ended).code, 1);
  await gateway.stop();
  assert.match(gateway.output, /server\.listen\[0\]: needs --allow-net=127\.0\.0\.1:/);
  assert.ok(gateway.output.includes(String(port)));
});

Deno.test("reload finds the gateway by its pid file, and the new configuration serves", async () => {
  await using deployed = deployment();
  const { dir, port, config } = deployed;
  const flags = (await cli("permissions", "--config", config)).trimEnd().split("\n");
  await using gateway = new Process(Deno.execPath(), ["run", ...flags, MAIN, "--config", config]);
  await gateway.listening(port);
  const text = await Deno.readTextFile(config);
  dir.write("fluxheim.toml", text.replace("[web]", '[web]\ncache_control = "no-store"'));
  assert.match(await cli("reload", "--config", config), /^reload requested: process \d+\n$/);
  await until("the new configuration serves", async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    await response.body?.cancel();
    return response.headers.get("cache-control") === "no-store";
  });
});

Deno.test("of two gateways with one pid file the later is reported, also when the other has ended", async () => {
  await using first = await TestGateway.start(CONFIG, { "www/index.html": "first" });
  const pidFile = `${first.dir.path}/fluxheim.pid`;
  const written = (pid: number) => async () => await pidIn(pidFile) === pid;
  await until("the first has written it", written(first.process.pid));
  const port = freePort();
  const text = Deno.readTextFileSync(first.configPath);
  const config = first.dir.write("later.toml", text.replace(`:${first.port}"`, `:${port}"`));
  await using later = new Process(Deno.execPath(), await launchArguments(config));
  await later.listening(port);
  await until("the later has written it", written(later.pid));
  const told = `reload requested: process ${later.pid}\n`;
  assert.equal(await cli("reload", "--config", config), told);
  await first.process.stop();
  assert.equal(await cli("reload", "--config", config), told);
  await later.stop();
  assert.throws(() => Deno.lstatSync(pidFile), Deno.errors.NotFound);
});

Deno.test("a gateway that was killed leaves a pid file that is known to be stale, and replaced", async () => {
  await using deployed = deployment();
  const { dir, config } = deployed;
  const pidFile = `${dir.path}/fluxheim.pid`;
  const start = async () => {
    const gateway = new Process(Deno.execPath(), await launchArguments(config));
    await until("the pid file is its own", async () => await pidIn(pidFile) === gateway.pid);
    return gateway;
  };
  await (await start()).stop("SIGKILL");
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", MAIN, "reload", "--config", config],
  }).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /^fluxheim: .*fluxheim\.pid is stale: .*\n$/);
  await using again = await start();
  assert.equal(await cli("reload", "--config", config), `reload requested: process ${again.pid}\n`);
});

for (const args of ["schema", "--help", "-c {c} --check-config"]) {
  Deno.test(`output that cannot be written is reported in a line: ${args}`, async () => {
    await using deployed = deployment();
    const { code, stderr } = await ran(`"$@" > /dev/full`, args.replace("{c}", deployed.config));
    assert.equal(code, 1);
    assert.match(stderr, /^fluxheim: standard output cannot be written: No space left.*\n$/);
  });
}

Deno.test("a reader that has seen enough is no fault", async () => {
  await using dir = new TempDir();
  const gone = `${dir.path}/gone`;
  // The program starts when what it writes can no longer be read; its status goes to the other stream.
  const waiting = `until [ -e ${gone} ]; do :; done; "$@"; echo $? >&2`;
  const { code, stderr } = await ran(`{ ${waiting}; } | { exec <&-; : > ${gone}; }`, "schema");
  assert.deepEqual([code, stderr], [0, "0\n"]);
});

/** Runs the program with `args`, as `"$@"` of a shell's script. */
async function ran(script: string, args: string): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", Deno.execPath(), "run", "-A", "-q", MAIN, ...args.split(" ")],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** The number in a pid file, 0 while it is not there. */
async function pidIn(path: string): Promise<number> {
  return Number(await Deno.readTextFile(path).catch(() => "0"));
}

Deno.test("the task of a checkout finds files where it is called, not where the checkout is", async () => {
  // The tests themselves are a task, whose own directory is in the environment.
  const { INIT_CWD: _, ...env } = Deno.env.toObject();
  const cwd = `${root}examples/quick-start`;
  // Elsewhere, since a checkout may be writable by its group.
  await using dir = new TempDir();
  const config = relative(
    cwd,
    dir.write("fluxheim.toml", Deno.readTextFileSync(`${cwd}/fluxheim.toml`)),
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", "fluxheim", "--config", config, "--check-config"],
    cwd,
    clearEnv: true,
    env,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.ok(new TextDecoder().decode(stdout).includes(`"${dir.path}/www"`));
});

Deno.test("reload without a pid file says what to do", async () => {
  await using deployed = deployment();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", MAIN, "reload", "--config", deployed.config],
  }).output();
  assert.equal(code, 1);
  const text = new TextDecoder().decode(stderr);
  assert.match(text, /^fluxheim: server\.process\.pid_file .* does not exist: .*kill -HUP/);
});

Deno.test("what is wrong with the machine is reported by file, line and key, too", async () => {
  await using deployed = deployment();
  const { dir, config } = deployed;
  await Deno.remove(`${dir.path}/www`, { recursive: true });
  for (const args of [["--config", config], ["--config", config, "--validate-config"]]) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-q", MAIN, ...args],
    }).output();
    assert.equal(code, 1);
    const [first, last] = new TextDecoder().decode(stderr).trimEnd().split("\n");
    assert.equal(first, `${config}:7: web.root: ${dir.path}/www must exist`);
    assert.equal(last, "fluxheim: 1 problem");
  }
});

Deno.test("a supervised gateway that is killed serves again", async () => {
  await using deployed = deployment();
  const { port, config } = deployed;
  await using launcher = new Process(Deno.execPath(), [
    "run",
    "-A",
    "-q",
    MAIN,
    "supervise",
    "--config",
    config,
  ]);
  await launcher.listening(port);
  const pid = () => pidIn(`${deployed.dir.path}/fluxheim.pid`);
  await until("the pid file is there", async () => await pid() > 0);
  const first = await pid();
  assert.notEqual(first, launcher.pid);
  Deno.kill(first, "SIGKILL");
  await until("another process serves", async () => await pid() !== first && await pid() > 0);
  await launcher.listening(port);
  assert.equal(await body(port), "first");
  assert.equal((await launcher.stop()).code, 0);
  assert.match(launcher.output, /ended with status 137; starting it again/);
});

Deno.test("two starts at once have a port each", async () => {
  await using first = new Process(Deno.execPath(), ["task", "-q", "start"], { cwd: root });
  await using second = new Process(Deno.execPath(), ["task", "-q", "start"], { cwd: root });
  const ports = new Set<string | undefined>();
  for (const started of [first, second]) {
    await until("it says where it listens", () => {
      assert.equal(started.status, undefined, started.output);
      return started.output.includes("stop it with Ctrl-C");
    });
    ports.add(/fluxheim is listening on http:\/\/127\.0\.0\.1:(\d+)\//.exec(started.output)?.[1]);
  }
  assert.equal(ports.size, 2);
});

Deno.test("start serves the default page and an application, and leaves nothing running", async () => {
  const started = new Process(Deno.execPath(), ["task", "-q", "start"], { cwd: root });
  try {
    await until("it says where it listens", () => {
      assert.equal(started.status, undefined, started.output);
      return started.output.includes("stop it with Ctrl-C");
    });
    const url = /fluxheim is listening on (http:\/\/127\.0\.0\.1:\d+)\//.exec(started.output)?.[1];
    assert.ok(url !== undefined, started.output);
    const page = await Deno.readTextFile(`${root}packaging/default/index.html`);
    const answer = await fetch(`${url}/`);
    assert.equal(await answer.text(), page, `${answer.status} ${started.output}`);
    const app = await fetch(`${url}/app/hello?x=1`);
    assert.match(await app.text(), /^GET \/hello\?x=1$/m);
    assert.equal((await started.stop()).code, 0);
    const appPort = Number(/application on port (\d+)/.exec(started.output)?.[1]);
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: appPort }));
    await assert.rejects(fetch(`${url}/`));
    const config = /^configuration: (\S+)/m.exec(started.output)?.[1] ?? "";
    assert.ok(!config.startsWith(root), "the checkout may belong to another user");
    assert.throws(() => Deno.statSync(config), Deno.errors.NotFound);
  } finally {
    await started.stop();
  }
});

Deno.test(
  "explain tells through which terminator a TLS listener would be opened",
  async () => {
    await using deployed = deployment();
    const { dir, config } = deployed;
    const { cert, key } = new TestAuthority().issue({ name: "localhost", names: ["localhost"] });
    dir.write("cert.pem", cert);
    dir.write("key.pem", key);
    const tls = (more: string) =>
      dir.write(
        "fluxheim.toml",
        `[server]\nlisten = []\ntls_listen = ["127.0.0.1:8443"]\n[web]\nroot = "www"\n[proxy]\n` +
          `[tls]\nenabled = true\n${more}\n[[tls.certificates]]\ncert_path = "cert.pem"\nkey_path = "key.pem"\n`,
      );
    const explained = async () => await cli("explain", "--config", config, "https://localhost/");
    tls("fast_listener = true");
    assert.match(await explained(), /127\.0\.0\.1:8443 +tls \(static certificate\)/);
    tls('min_protocol = "tls1.3"');
    assert.match(await explained(), /127\.0\.0\.1:8443 +tls \(names, for TLS 1\.3 alone\)/);
    assert.match(
      await cli("--config", config, "--check-tls-storage"),
      /^TLS storage check passed$/m,
    );
  },
);

Deno.test("the explanation in the documents is what the program says", async () => {
  const text = await Deno.readTextFile(`${root}docs/cli.md`);
  const [, line, shown] = /^\$ fluxheim (explain [^\n]*)\n([^`]*)^```/m.exec(text) ?? [];
  assert.ok(line !== undefined, "docs/cli.md has no example");
  // A copy: a checkout may be writable by its group.
  await using dir = new TempDir();
  copyFolder(`${root}examples`, `${dir.path}/examples`);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", MAIN, ...line.split(" ")],
    cwd: dir.path,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const plain = (output: string) => output.replaceAll(/fh-[0-9a-f]{32}/g, "fh-ID");
  let rest = plain(new TextDecoder().decode(stdout));
  // Lines of three dots stand for any that are left out.
  for (const part of plain(shown).split(/^ *\.\.\.\n/m)) {
    const at = rest.indexOf(part);
    assert.ok(at >= 0, `${part} is not in\n${rest}`);
    rest = rest.slice(at + part.length);
  }
});

Deno.test("SIGUSR1 opens no inspector in a gateway, which goes on serving", async () => {
  await using deployed = deployment();
  const { port, config } = deployed;
  const flags = (await cli("permissions", "--config", config)).trimEnd().split("\n");
  await using gateway = new Process(Deno.execPath(), ["run", ...flags, MAIN, "--config", config]);
  await gateway.listening(port);
  await until("the runtime looks for the signal", () => catchesUsr1(gateway.pid));
  gateway.signal("SIGUSR1");
  await until("the runtime has tried", () => gateway.output.includes("inspector"));
  assert.match(gateway.output, /Failed to start inspector/);
  assert.equal(await body(port), "first");
});
