import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { profile } from "../../profiles/development.ts";
import { shellQuoted } from "./permissions.ts";
import { table } from "../table.ts";
import { runCli, withConfig } from "../testing/run.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:8080"]
health = { listen = ["127.0.0.1:9099"] }

[[vhosts]]
name = "site"
hosts = ["site.example"]
[vhosts.web]
root = "www and more"

[[vhosts.routes]]
name = "api"
path_prefix = "/api"
proxy = { upstream = "10.0.0.5:3000" }
`;

Deno.test("flags come one a line, for a configuration and nothing beyond it", () =>
  withConfig(CONFIG, async (path, directory) => {
    const { status, out } = await runCli(profile, "permissions", "-c", path);
    assert.equal(status, 0);
    const flags = out.split("\n");
    assert.ok(flags.includes("--no-prompt"));
    assert.ok(
      flags.includes("--allow-net=10.0.0.5:3000,127.0.0.1:8080,127.0.0.1:9099,127.0.0.1:9229"),
      out,
    );
    const read = flags.find((flag) => flag.startsWith("--allow-read="));
    assert.ok(read?.split(/[=,]/).includes(`${directory}/www and more`), read);
    for (const never of ["-A", "--allow-all", "--allow-run", "--allow-ffi", "--allow-net"]) {
      assert.ok(!flags.includes(never), never);
    }
  }));

Deno.test("--explain names the key and the role of each grant", () =>
  withConfig(CONFIG, async (path) => {
    const { out } = await runCli(profile, "permissions", "--explain", "-c", path);
    const row = (value: string) => out.split("\n").find((line) => line.includes(value)) ?? "";
    assert.match(
      row("10.0.0.5:3000"),
      /^net +10\.0\.0\.5:3000 +edge +always +vhosts\[0\]\.routes\[0\]\.proxy/,
    );
    assert.match(row("127.0.0.1:8080"), /edge +at start +server\.listen\[0\]$/);
    assert.match(row("127.0.0.1:9099"), /control +at start +server\.health\.listen\[0\]$/);
    assert.match(out, /^never: run, ffi, import$/m);
  }));

Deno.test("--json has the flags, the sets and every grant", () =>
  withConfig(CONFIG, async (path) => {
    const flags = (await runCli(profile, "permissions", "-c", path)).out.split("\n");
    const { out } = await runCli(profile, "permissions", "--json", "-c", path);
    const told = JSON.parse(out);
    assert.deepEqual(told.flags, flags);
    assert.deepEqual(told.permissions.net, [
      "10.0.0.5:3000",
      "127.0.0.1:8080",
      "127.0.0.1:9099",
      "127.0.0.1:9229",
    ]);
    assert.deepEqual(Object.keys(told.roles), ["keeper", "edge", "control"]);
    assert.equal(told.roles.edge.write, false);
    assert.equal(told.roles.edge.run, false);
    assert.deepEqual(told.roles.edge.gives_up, { net: ["127.0.0.1:8080"] });
    const { net, read, gives_up } = told.roles.control;
    assert.deepEqual({ net, read, gives_up }, {
      net: ["127.0.0.1:9099"],
      read: false,
      gives_up: { net: ["127.0.0.1:9099"] },
    });
    assert.ok(told.grants.some((g: { key: string }) => g.key === "server.listen[0]"));
  }));

Deno.test("--shell gives one line that a shell reads back as the same flags", () =>
  withConfig(CONFIG, async (path) => {
    const flags = (await runCli(profile, "permissions", "-c", path)).out.split("\n");
    const { out } = await runCli(profile, "permissions", "--shell", "-c", path);
    const script = `for flag in ${out}; do printf '%s\\n' "$flag"; done`;
    const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
    assert.deepEqual(new TextDecoder().decode(stdout).trimEnd().split("\n"), flags);
  }));

Deno.test("a quote within a word survives the shell", async () => {
  const word = 'it\'s $HOME `x` "y" \\';
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `printf %s ${shellQuoted(word)}`],
  }).output();
  assert.equal(new TextDecoder().decode(stdout), word);
});

Deno.test("a wrong configuration has no permissions", () =>
  withConfig("[server]\nlisen = []\n", async (path) => {
    const { status, out, err } = await runCli(profile, "permissions", "-c", path);
    assert.equal(status, 1);
    assert.equal(out, "");
    assert.match(err, /server\.lisen/);
  }));

Deno.test("the example in the documents is what the program says", async () => {
  const file = new URL("../../../docs/permissions.md", import.meta.url);
  const text = await Deno.readTextFile(file);
  const parts = /(<!-- example: begin -->\n\n```toml\n([^`]*)```\n\n```console\n\$ [^\n]*\n)([^`]*)/
    .exec(text);
  assert.ok(parts !== null, "docs/permissions.md has no example");
  const [, before, config, shown] = parts;
  await withConfig(config, async (path, directory) => {
    const { out } = await runCli(profile, "permissions", "--explain", "-c", path);
    const own = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
    const expected = realigned(
      out.replaceAll(directory, "/etc/fluxheim").replaceAll(own, "/opt/fluxheim/src"),
    ) + "\n";
    if (Deno.env.get("FLUXHEIM_UPDATE_DOCS") !== undefined) {
      await Deno.writeTextFile(file, text.replace(before + shown, () => before + expected));
    } else {
      assert.equal(shown, expected);
    }
  });
});

/** The table again, after names in it have got shorter. */
function realigned(out: string): string {
  const [rows, ...rest] = out.split("\n\n");
  return [table(rows.split("\n").map((row) => row.split(/ {2,}/))).join("\n"), ...rest].join(
    "\n\n",
  );
}
