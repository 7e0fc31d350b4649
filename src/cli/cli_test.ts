import assert from "node:assert/strict";
import type { Module } from "../gateway/module.ts";
import { profileOf, runCli, withConfig } from "./testing/run.ts";
import { VERSION } from "./verbs/version.ts";
import { putFile } from "../config/testing/files.ts";

const bare = profileOf();

Deno.test("--version says what deno.json says", async () => {
  const project = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  assert.equal(project.version, VERSION);
  const { status, out, err } = await runCli(bare, "--version");
  assert.deepEqual([status, out.split("\n")[0], err], [0, `fluxheim ${VERSION}`, ""]);
});

Deno.test("--version tells the runtime below its own line", async () => {
  const { out } = await runCli(bare, "--version");
  const { deno, v8 } = Deno.version;
  assert.deepEqual(out.split("\n").slice(1), [`deno ${deno}`, `v8 ${v8}`]);
});

Deno.test("--version --json tells the profile and the runtime", async () => {
  const { out } = await runCli(bare, "--version", "--json");
  const told = JSON.parse(out);
  assert.equal(told.profile, "test");
  assert.equal(told.deno, Deno.version.deno);
});

Deno.test("help is --help, for the program and for a command", async () => {
  const { status, out } = await runCli(bare, "help");
  assert.equal(status, 0);
  assert.equal(out, (await runCli(bare, "--help")).out);
  const command = await runCli(bare, "help", "permissions");
  assert.equal(command.out, (await runCli(bare, "permissions", "--help")).out);
  assert.equal((await runCli(bare, "help", "nothing")).status, 2);
});

Deno.test("--help names every option and command, on standard output", async () => {
  const { status, out, err } = await runCli(bare, "--help");
  assert.equal(status, 0);
  assert.equal(err, "");
  for (
    const word of ["--config", "--check-config", "--reload-from OLD", "permissions", "cache-keygen"]
  ) {
    assert.ok(out.includes(word), word);
  }
});

/** A module that brings a command, which greets whom a configuration serves. */
const greeting: Module = {
  name: "greeting",
  schema: [],
  manifest: {},
  commands: [{
    name: "greet",
    summary: "greet every vhost of a configuration",
    operand: "WORD",
    options: [{ name: "loud", help: "in capitals" }],
    takesConfig: true,
    async run({ args, out, config }) {
      const found = await config();
      if (found === undefined) return 1;
      const word = args.has("loud") ? args.positionals[0].toUpperCase() : args.positionals[0];
      for (const { name } of found.vhosts) out(`${word} ${name}`);
      return 0;
    },
  }],
  edge: () => Promise.reject(new Error("never loaded")),
};

Deno.test("a module's command is in the help, and has a help of its own", async () => {
  const build = profileOf(greeting);
  assert.match((await runCli(build, "--help")).out, /^ {2}greet +greet every vhost/m);
  const { out } = await runCli(build, "greet", "--help");
  assert.match(out, /^usage: fluxheim greet \[options\] WORD$/m);
  assert.match(out, /--loud +in capitals/);
  assert.match(out, /--config PATH/);
});

Deno.test("a module's command runs with its operand, options and configuration", () =>
  withConfig('[[vhosts]]\nname = "a"\nhosts = ["a.test"]\n', async (path) => {
    const args = ["greet", "hello", "--loud", "--config", path];
    assert.deepEqual(await runCli(profileOf(greeting), ...args), {
      status: 0,
      out: "HELLO a",
      err: "",
    });
  }));

Deno.test("a module's command ends with the problems of its configuration", () =>
  withConfig("typo = 1\n", async (path) => {
    const { status, out, err } = await runCli(profileOf(greeting), "greet", "hi", "-c", path);
    assert.deepEqual([status, out], [1, ""]);
    assert.match(err, /^fluxheim: 1 problem$/m);
  }));

Deno.test("a build without the module does not know its command", async () => {
  const { status, err } = await runCli(bare, "greet", "hi");
  assert.equal(status, 2);
  assert.match(err, /unknown command greet/);
});

Deno.test("no line of help is wider than a terminal of 100 columns", async () => {
  const pages = [await runCli(bare, "--help")];
  for (const command of ["permissions", "explain", "profiles", "reload", "schema", "crypto"]) {
    pages.push(await runCli(bare, command, "--help"));
  }
  for (const { out } of pages) {
    for (const line of out.split("\n")) assert.ok(line.length <= 100, line);
  }
});

Deno.test("an unknown option is wrong usage, status 2, with what was meant", async () => {
  const { status, err } = await runCli(bare, "--chek-config");
  assert.equal(status, 2);
  assert.match(err, /^fluxheim: unknown option --chek-config; did you mean --check-config\?$/m);
});

Deno.test("an unknown command is wrong usage", async () => {
  const { status, err } = await runCli(bare, "permission");
  assert.equal(status, 2);
  assert.match(err, /unknown command permission; did you mean permissions\?/);
});

for (const command of ["schema", "profiles", "cache-keygen"]) {
  Deno.test(`${command}, which reads no configuration, refuses to get one`, async () => {
    for (const argv of [[command, "--config", "x"], ["--config=x", command]]) {
      const { status, out, err } = await runCli(bare, ...argv);
      assert.deepEqual([status, out], [2, ""]);
      assert.match(err, /^fluxheim: unknown option --config$/m);
    }
    assert.match((await runCli(bare, "-c", "x", command)).err, /^fluxheim: unknown option -c$/m);
    assert.doesNotMatch((await runCli(bare, command, "--help")).out, /--config/);
  });
}

Deno.test("a command that reads a configuration names the option in its help", async () => {
  for (const command of ["permissions", "explain", "reload", "supervise", "crypto"]) {
    assert.match((await runCli(bare, command, "--help")).out, /^ {2}-c, --config PATH/m, command);
  }
});

Deno.test("options that exclude each other are wrong usage", async () => {
  const { status, err } = await runCli(bare, "--validate-config", "--check-config");
  assert.equal(status, 2);
  assert.match(err, /--validate-config cannot be used with --check-config/);
});

Deno.test("an operand too few or too many is wrong usage", async () => {
  assert.equal((await runCli(bare, "explain")).status, 2);
  const { status, err } = await runCli(bare, "profiles", "proxy");
  assert.equal(status, 2);
  assert.match(err, /unexpected argument "proxy"/);
});

for (
  const [command, module] of [
    ["acme-renew", "acme-client"],
    ["acme-init", "acme-client"],
    ["cache-warm", "cache"],
    ["cache-key", "proxy and cache"],
    ["cache-lookup", "proxy and cache"],
  ]
) {
  Deno.test(`${command} fails with status 1 and names the module it needs`, async () => {
    const { status, out, err } = await runCli(bare, command);
    assert.equal(status, 1);
    assert.equal(out, "");
    assert.equal(err.split("\n").length, 1);
    assert.match(err, new RegExp(`^fluxheim: ${command} needs .*${module}`));
  });
}

Deno.test("a command goes before a mode, and says what it overrules", async () => {
  const { status, err } = await runCli(bare, "--check-config", "cache-keygen");
  assert.equal(status, 0);
  assert.equal(err, "fluxheim: warning: --check-config has no effect beside cache-keygen");
});

Deno.test("cache-keygen prints 64 hexadecimal digits, never the same", async () => {
  const [first, second] = [await runCli(bare, "cache-keygen"), await runCli(bare, "cache-keygen")];
  assert.match(first.out, /^[0-9a-f]{64}$/);
  assert.notEqual(first.out, second.out);
});

Deno.test("a missing configuration fails with status 1, naming the file", async () => {
  const { status, out, err } = await runCli(bare, "--check-config", "-c", "/nowhere/fluxheim.toml");
  assert.equal(status, 1);
  assert.equal(out, "");
  assert.match(err, /\/nowhere\/fluxheim\.toml: does not exist/);
});

Deno.test("FLUXHEIM_CONFIG stands in for --config", async () => {
  Deno.env.set("FLUXHEIM_CONFIG", "/nowhere/else.toml");
  try {
    const { err } = await runCli(bare, "--check-config");
    assert.match(err, /\/nowhere\/else\.toml/);
  } finally {
    Deno.env.delete("FLUXHEIM_CONFIG");
  }
});

Deno.test("--check-config prints TOML that loads to the same configuration", () =>
  withConfig('[server]\nlisten = ["127.0.0.1:8081"]\n', async (path, directory) => {
    const first = await runCli(bare, "--check-config", "-c", path);
    assert.equal(first.status, 0);
    const copy = `${directory}/copy.toml`;
    putFile(copy, first.out);
    const second = await runCli(bare, "--check-config", "-c", copy);
    assert.equal(second.out, first.out);
    assert.match(first.out, /^listen = \[ "127\.0\.0\.1:8081" \]$/m);
  }));

Deno.test("--check-config --json tells problems on standard output, as data", () =>
  withConfig("[server]\nlisen = []\n", async (path) => {
    const { status, out, err } = await runCli(bare, "--check-config", "--json", "-c", path);
    assert.equal(status, 1);
    assert.equal(err, "");
    const { ok, problems } = JSON.parse(out);
    assert.equal(ok, false);
    assert.equal(problems[0].key, "server.lisen");
    assert.equal(problems[0].line, 2);
    assert.match(problems[0].hint, /listen/);
  }));

Deno.test("--validate-config is silent on success", () =>
  withConfig("", async (path) => {
    assert.deepEqual(await runCli(bare, "--validate-config", "-c", path), {
      status: 0,
      out: "",
      err: "",
    });
  }));

Deno.test("--validate-config finds what only building finds", () =>
  withConfig("[server.process]\ndaemon = true\n", async (path) => {
    const { status, err } = await runCli(bare, "--validate-config", "-c", path);
    assert.equal(status, 1);
    assert.match(err, /server\.process\.daemon: must be false/);
  }));

Deno.test("--reload-from tells the class, its reasons and what to do", () =>
  withConfig('[server]\nlisten = ["127.0.0.1:8081"]\n', async (path, directory) => {
    const old = `${directory}/old.toml`;
    await Deno.writeTextFile(old, '[server]\nlisten = ["127.0.0.1:8080"]\n', { mode: 0o600 });
    assert.deepEqual(await runCli(bare, "--reload-from", old, "-c", path), {
      status: 0,
      out: "reload impact: process-upgrade\n" +
        "reasons:\n- listener-changed\n" +
        "action: use a process restart",
      err: "",
    });
    assert.equal(
      (await runCli(bare, "--reload-from", path, "-c", path)).out,
      "reload impact: noop\naction: nothing to do",
    );
  }));

Deno.test("--reload-from fails only on a wrong configuration", () =>
  withConfig("nonsense = 1\n", async (path) => {
    assert.equal((await runCli(bare, "--reload-from", path, "-c", path)).status, 1);
  }));

Deno.test("reload says which pid file it cannot read", () =>
  withConfig('[server.process]\npid_file = "gone.pid"\n', async (path, directory) => {
    const { status, err } = await runCli(bare, "reload", "-c", path);
    assert.equal(status, 1);
    assert.match(err, new RegExp(`server.process.pid_file ${directory}/gone.pid does not exist`));
  }));

/** A configuration and, beside it, a pid file with the number of another process of this test. */
function withOther(
  use: (path: string, pidFile: string, other: Deno.ChildProcess) => Promise<void>,
): Promise<void> {
  return withConfig('[server.process]\npid_file = "other.pid"\n', async (path, directory) => {
    const other = new Deno.Command("sleep", { args: ["60"] }).spawn();
    const pidFile = `${directory}/other.pid`;
    putFile(pidFile, `${other.pid}\n`);
    await use(path, pidFile, other);
  });
}

Deno.test("reload sends SIGHUP to the process of a pid file that is held", () =>
  withOther(async (path, pidFile, other) => {
    using held = Deno.openSync(pidFile);
    held.lockSync(true);
    assert.deepEqual(await runCli(bare, "--reload", "-c", path), {
      status: 0,
      out: `reload requested: process ${other.pid}`,
      err: "",
    });
    assert.equal((await other.status).signal, "SIGHUP");
    assert.match((await runCli(bare, "reload", "-c", path)).err, /but no process \d+ runs here/);
  }));

Deno.test("reload leaves a process alone that has the number of a gateway that is gone", () =>
  withOther(async (path, pidFile, other) => {
    const { status, out, err } = await runCli(bare, "reload", "-c", path);
    other.kill("SIGTERM");
    assert.equal((await other.status).signal, "SIGTERM");
    assert.deepEqual([status, out], [1, ""]);
    assert.ok(err.startsWith(`fluxheim: server.process.pid_file ${pidFile} is stale: `), err);
    assert.match(
      err,
      /process \d+, does not run any more, and no signal was sent\. The next start/,
    );
  }));

Deno.test("reload refuses a pid file without a process id, and says what one is", () =>
  withOther(async (path, pidFile, other) => {
    putFile(pidFile, `${other.pid}.0\n`);
    using held = Deno.openSync(pidFile);
    held.lockSync(true);
    const { status, err } = await runCli(bare, "reload", "-c", path);
    other.kill("SIGTERM");
    assert.equal((await other.status).signal, "SIGTERM");
    assert.equal(status, 1);
    assert.match(err, /other\.pid does not hold the id of a process .* from 2 to 4194304$/);
  }));

Deno.test("schema prints a JSON Schema of the tables in this build", async () => {
  const { status, out } = await runCli(bare, "schema");
  assert.equal(status, 0);
  const { properties } = JSON.parse(out);
  assert.ok("server" in properties);
  assert.ok(!("web" in properties));
});

Deno.test("profiles marks the program's own and tells what the others lack", async () => {
  const { out } = await runCli({ ...bare, name: "privacy" }, "profiles", "--json");
  const found = JSON.parse(out);
  const own = found.filter((p: { current: boolean }) => p.current);
  assert.deepEqual(own.map((p: { name: string }) => p.name), ["privacy"]);
  const fips = found.find((p: { name: string }) => p.name === "fips-openssl");
  assert.equal(fips.state, "fails closed");
  const table = (await runCli({ ...bare, name: "privacy" }, "profiles")).out;
  assert.match(table, /^\* {2}privacy +yes +built +keeps/m);
  assert.match(table, /^ {3}php +yes +built +release: web-server with php-fpm and ACME *$/m);
});

for (const variable of ["SSLKEYLOGFILE", "LISTEN_FDS"]) {
  Deno.test(`with ${variable} set, nothing is validated or served`, () =>
    withConfig("", async (path) => {
      Deno.env.set(variable, "3");
      try {
        const { status, err } = await runCli(bare, "--validate-config", "-c", path);
        assert.equal(status, 1);
        assert.match(err, new RegExp(`environment variable ${variable} is set`));
      } finally {
        Deno.env.delete(variable);
      }
    }));
}

Deno.test("crypto prints the block of 1.5, and fails only on a wrong configuration", () =>
  withConfig("", async (path) => {
    const { status, out } = await runCli(bare, "crypto", "-c", path);
    assert.equal(status, 0);
    const lines = out.split("\n");
    assert.equal(lines[0], "crypto diagnostics:");
    // Keys and headings at two columns, entries below a heading at four.
    for (const line of lines.slice(1)) assert.match(line, /^(?: {2}| {4})\S/);
    for (
      const expected of [
        "  tls compiled: false",
        `  runtime: deno ${Deno.version.deno}, v8 ${Deno.version.v8}`,
        "    TLS_AES_256_GCM_SHA384",
        "    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "    X25519MLKEM768",
        "    tls-openssl-fips: false",
        "    managed_acme_fips_capable: false",
        "    openssl_fips_provider: unavailable (this build does not contain the module)",
        "    OPENSSL_CONF: <unset>",
        "    tls.min_protocol: tls1.2",
        "    tls.compliance_mode: none",
      ]
    ) assert.ok(lines.includes(expected), expected);
    assert.equal((await runCli(bare, "crypto")).out.includes("  config:"), false);
    await Deno.writeTextFile(path, "nonsense = 1\n");
    assert.equal((await runCli(bare, "crypto", "-c", path)).status, 1);
  }));

Deno.test("crypto --json has what the text has", () =>
  withConfig("", async (path) => {
    const { status, out } = await runCli(bare, "crypto", "--json", "-c", path);
    assert.equal(status, 0);
    const block = JSON.parse(out);
    assert.equal(block["tls compiled"], false);
    assert.equal(block["fips-capable features"].managed_acme_fips_capable, false);
    assert.equal(block.config["tls.min_protocol"], "tls1.2");
    await Deno.writeTextFile(path, "nonsense = 1\n");
    const wrong = await runCli(bare, "crypto", "--json", "-c", path);
    assert.deepEqual([wrong.status, JSON.parse(wrong.out).ok], [1, false]);
  }));

Deno.test("--json where nothing prints JSON is wrong usage", async () => {
  assert.match(
    (await runCli(bare, "--json")).err,
    /^fluxheim: --json means nothing without a command$/m,
  );
  assert.equal((await runCli(bare, "--json", "--reload")).status, 2);
});

Deno.test("crypto tells an empty variable from an unset one", async () => {
  Deno.env.set("OPENSSL_CONF", " ");
  try {
    assert.match((await runCli(bare, "crypto")).out, /^ {4}OPENSSL_CONF: <empty>$/m);
  } finally {
    Deno.env.delete("OPENSSL_CONF");
  }
});
