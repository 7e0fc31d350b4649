import assert from "node:assert/strict";
import type { Config } from "../../config/types.ts";
import { deploymentOf, type DeploymentOptions } from "../deployment.ts";
import type { Module, Permissions } from "../../gateway/module.ts";
import {
  covers,
  manifestOf,
  NO_NEW_CODE,
  servingPlan,
  toFlags,
  valuesOf,
  workerPermissions,
} from "./plan.ts";
import { testConfig } from "../testing/keeper.ts";
import { probe } from "../testing/probe_module.ts";

const EDGE = { key: "vhosts[0].web.root", for: "edge" } as const;
const KEEPER = { key: "admin.listen", for: "keeper" } as const;

function needing(permissions: Permissions): Module {
  return { ...probe, needs: () => ({ grants: permissions }) };
}

function planFor(config: Config, modules: readonly Module[], options: DeploymentOptions = {}) {
  return deploymentOf(config, modules, options).plan;
}

function plan(permissions: Permissions = {}, listen: readonly string[] = ["127.0.0.1:8080"]) {
  return planFor(testConfig({ listen }), [needing(permissions)]);
}

Deno.test("every listener is asked for exactly, by its key, for the edge", () => {
  const { grants } = plan({}, ["0.0.0.0:80", "[::]:80"]);
  const edge = grants.filter((grant) => grant.kind === "net" && grant.for === "edge");
  const common = { kind: "net", for: "edge", optional: false, startOnly: true };
  assert.deepEqual(edge, [
    { ...common, value: "0.0.0.0:80", key: "server.listen[0]" },
    { ...common, value: "[::]:80", key: "server.listen[1]" },
  ]);
});

Deno.test("the inspector's port is asked for, to keep it shut, and no thread needs it", () => {
  const { grants } = plan();
  const grant = grants.find(({ value }) => value === "127.0.0.1:9229");
  assert.equal(grant?.for, "keeper");
  assert.equal(grant?.optional, true);
});

Deno.test("a port that is not known yet needs the whole address", () => {
  const values = valuesOf(plan({}, ["127.0.0.1:0", "[::1]:0"]), "net", "edge");
  assert.deepEqual(values, ["127.0.0.1", "[::1]"]);
});

Deno.test("a configuration file is read again, and so is the directory beside it if it asks", () => {
  const { grants } = planFor(testConfig({}), [], { configSource: "/etc/f/f.toml" });
  assert.deepEqual(grants.filter(({ value }) => value.startsWith("/etc/f/")), [
    { kind: "read", value: "/etc/f/f.toml", key: "--config", for: "keeper", optional: false },
    { kind: "read", value: "/etc/f/conf.d", key: "include_conf_d", for: "keeper", optional: true },
  ]);
});

Deno.test("the log file is the keeper's", () => {
  const { grants } = planFor(testConfig({ logFile: "/var/log/f.log" }), []);
  assert.deepEqual(
    grants.filter(({ value }) => value === "/var/log/f.log").map((grant) => [
      grant.kind,
      grant.for,
      grant.key,
    ]),
    [["read", "keeper", "logging.file.path"], ["write", "keeper", "logging.file.path"]],
  );
});

Deno.test("a privacy build writes nothing", () => {
  const privacy: Module = { ...probe, name: "privacy-mode" };
  assert.deepEqual(valuesOf(planFor(testConfig({}), [privacy]), "write"), []);
  assert.equal(manifestOf([privacy]).write, undefined);
});

Deno.test("flags are sorted and without repetition", () => {
  const flags = toFlags(plan({
    net: [{ value: "b.test:1", ...EDGE }, { value: "a.test:1", ...KEEPER }, {
      value: "b.test:1",
      ...EDGE,
    }],
    read: [{ value: "/srv/www", ...EDGE }],
  }));
  assert.ok(flags.includes("--no-prompt"));
  assert.ok(flags.includes("--allow-net=127.0.0.1:8080,127.0.0.1:9229,a.test:1,b.test:1"));
  assert.ok(flags.find((flag) => flag.startsWith("--allow-read="))?.includes("/srv/www"));
  assert.ok(!flags.some((flag) => flag.startsWith("--allow-run")));
});

Deno.test("a value with a comma becomes no flag, which would allow something else", () => {
  const split = plan({ read: [{ value: "/srv/a,b", ...EDGE }] });
  assert.throws(() => toFlags(split), /no flag can name \/srv\/a,b: it has a comma/);
});

Deno.test("a worker gets what the edge uses, and nothing of the keeper's", () => {
  const permissions = workerPermissions(
    plan({
      net: [{ value: "origin.test:443", ...EDGE }, { value: "acme.test:443", ...KEEPER }],
      read: [{ value: "/srv/www", ...EDGE }, { value: "/etc/key.pem", ...KEEPER }],
      write: [{ value: "/var/lib/f", ...KEEPER }],
      run: [{ value: "/usr/sbin/php-fpm", ...KEEPER }],
    }),
    "edge",
    { blanketNet: false },
  );
  assert.deepEqual(permissions.atStart, {
    net: ["127.0.0.1:8080", "origin.test:443"],
    read: ["/srv/www"],
    write: false,
    run: false,
    env: false,
    sys: false,
    ffi: false,
    import: false,
  });
});

Deno.test("an address range is only handed on from a blanket grant", () => {
  const ranged = plan({ net: [{ value: "10.0.0.0/8:80", ...EDGE }] });
  assert.equal(workerPermissions(ranged, "edge", { blanketNet: false }).atStart.net, "inherit");
  assert.deepEqual(workerPermissions(ranged, "edge", { blanketNet: true }).atStart.net, [
    "10.0.0.0/8:80",
    "127.0.0.1:8080",
  ]);
  const socket = plan({ net: [{ value: "unix:/run/app.sock", ...EDGE }] });
  assert.notEqual(workerPermissions(socket, "edge", { blanketNet: false }).atStart.net, "inherit");
});

Deno.test("a worker covers what it was given and less, not more", () => {
  const of = (permissions: Permissions) =>
    workerPermissions(plan(permissions), "edge", { blanketNet: false });
  const little = of({ read: [{ value: "/a", ...EDGE }] });
  const much = of({ read: [{ value: "/a", ...EDGE }, { value: "/b", ...EDGE }] });
  assert.equal(covers(much, little), true);
  assert.equal(covers(little, much), false);
  assert.equal(covers(little, of({})), true);
  assert.equal(covers(of({}), little), false);
});

Deno.test("a worker with named addresses does not cover one that takes over the whole network part", () => {
  const of = (value: string) =>
    workerPermissions(plan({ net: [{ value, ...EDGE }] }), "edge", { blanketNet: false });
  const [named, ranged] = [of("10.0.0.5:80"), of("10.0.0.0/8")];
  assert.equal(ranged.atStart.net, "inherit");
  assert.equal(covers(named, ranged), false);
  assert.equal(covers(ranged, named), true);
});

Deno.test("what a worker bound it gives up, unless it dials it too", () => {
  const upstream = (value: string) => ({ net: [{ value, ...EDGE }] });
  const of = (permissions: Permissions) =>
    workerPermissions(plan(permissions, ["127.0.0.1:80", "127.0.0.1:81"]), "edge", {
      blanketNet: true,
    });
  assert.deepEqual(of({}).givenUp, ["127.0.0.1:80", "127.0.0.1:81"]);
  assert.deepEqual(of(upstream("127.0.0.1:81")).givenUp, ["127.0.0.1:80"]);
  assert.deepEqual(of(upstream("127.0.0.0/8")).givenUp, [], "it would take the range with it");
  assert.equal(covers(of({}), of(upstream("127.0.0.1:81"))), false, "it is gone");
  assert.equal(covers(of({}), of({})), true);
});

Deno.test("a TLS listener may be bound again, so its address is kept", () => {
  const config = testConfig({ listen: ["127.0.0.1:80"], tlsListen: ["127.0.0.1:443"] });
  const { givenUp } = workerPermissions(planFor(config, []), "edge", { blanketNet: false });
  assert.deepEqual(givenUp, ["127.0.0.1:80"]);
});

Deno.test("the keeper needs for serving what it hands on and what it uses again", () => {
  const config = testConfig({ listen: ["127.0.0.1:80"], logFile: "/var/log/f.log" });
  const { grants } = servingPlan(planFor(config, [], { configSource: "/etc/f/f.toml" }));
  const values = grants.map(({ kind, value }) => `${kind} ${value}`);
  for (
    const kept of [
      "net 127.0.0.1:80",
      "read /etc/f/f.toml",
      "write /nonexistent/fluxheim.pid",
      // Opened again when it was put aside.
      "write /var/log/f.log",
    ]
  ) {
    assert.ok(values.includes(kept), kept);
  }
  assert.doesNotMatch(values.join(), /^env|^sys|9229/);
});

Deno.test("a manifest is the union of what its modules can ever need", () => {
  const a: Module = { ...probe, manifest: { run: ["/a"], env: ["B"] } };
  const b: Module = { ...probe, manifest: { run: ["/a", "/b"], write: true } };
  const manifest = manifestOf([a, b]);
  assert.deepEqual(manifest.run, ["/a", "/b"]);
  assert.equal(manifest.write, true);
  assert.ok(Array.isArray(manifest.env) && manifest.env.includes("B"));
  assert.equal(manifest.net, true);
  assert.deepEqual(manifestOf([a]).run, ["/a"], "what one module alone needs");
  assert.equal(manifestOf([probe]).run, undefined);
});

Deno.test("no thread asks the registry for a package", async () => {
  using registry = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let asked = 0;
  void (async () => {
    for await (const connection of registry) {
      asked++;
      connection.close();
    }
  })();
  // Put together at run time, so that nothing is resolved before.
  const script = `
    const attempts = [
      () => import("npm:" + "fluxheim-attack@1.0.0"),
      () => import("data:text/javascript,import " + JSON.stringify("npm:fluxheim-attack@1.0.1")),
    ];
    for (const attempt of attempts) await attempt().catch(({ message }) => console.log(message));
    globalThis.postMessage?.("done");`;
  const main = `${script}
    const url = "data:text/javascript," + encodeURIComponent(${JSON.stringify(script)});
    const worker = new Worker(url, { type: "module", deno: { permissions: "none" } });
    worker.onmessage = () => Deno.exit();`;
  const said = (flags: readonly string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--no-lock", ...flags, main],
      env: { NPM_CONFIG_REGISTRY: `http://127.0.0.1:${registry.addr.port}/` },
      stdout: "piped",
    }).output().then(({ stdout }) => new TextDecoder().decode(stdout));
  const unstable = ["--unstable-net", "--unstable-worker-options"];
  const closed = await said([...unstable, ...NO_NEW_CODE.filter((flag) => flag !== "--frozen")]);
  assert.equal(closed.split("--cached-only is specified").length - 1, 4, closed);
  assert.equal(asked, 0);
  await said(unstable);
  assert.ok(asked > 0, "without the flags it is asked");
});

Deno.test("a package that the lock file does not name cannot be loaded, even from the cache", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const lock = `{"version":"5"}\n`;
    await Deno.writeTextFile(`${dir}/deno.json`, "{}");
    await Deno.writeTextFile(`${dir}/deno.lock`, lock);
    // This program's own, and so in the cache.
    const script =
      'await import("npm:" + "lru-cache@11.5.3").catch(({ message }) => console.log(message));';
    await Deno.writeTextFile(`${dir}/main.js`, script);
    const args = ["run", "--quiet", ...toFlags({ grants: [] }), "main.js"];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: dir }).output();
    assert.match(new TextDecoder().decode(stdout), /The lockfile is out of date/);
    assert.equal(await Deno.readTextFile(`${dir}/deno.lock`), lock);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("modules can be imported from no host, not even those the runtime allows by itself", async () => {
  const script =
    'await import("https://deno.land/none.ts").catch((error) => console.log(error.message));';
  const args = ["run", "--quiet", ...toFlags({ grants: [] }), "-"];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { stdout } = await child.output();
  assert.match(new TextDecoder().decode(stdout), /Requires import access/);
});

Deno.test("a unix listener needs its path and the directory it is bound in, and keeps them", () => {
  const { grants } = plan({}, ["unix:/run/f/app.sock"]);
  const own = grants.filter(({ key }) => key === "server.listen[0]");
  const edge = own.filter((grant) => grant.for === "edge");
  assert.deepEqual(edge.map(({ kind, value }) => `${kind} ${value}`).sort(), [
    "net unix:/run/f/.app.sock.new/s",
    "net unix:/run/f/app.sock",
    "read /run/f/.app.sock.new",
    "read /run/f/app.sock",
    "write /run/f/.app.sock.new",
    "write /run/f/app.sock",
  ]);
  assert.deepEqual(edge.filter(({ startOnly }) => startOnly === true), []);
});

Deno.test("a listener that a module needs is asked for by its key", () => {
  const listeners = [{
    kind: "tcp",
    address: "127.0.0.1:5432",
    key: "stream.listen",
    protocol: "stream",
    proxyProtocol: "off",
  }] as const;
  const { grants } = planFor(testConfig({}), [{ ...probe, needs: () => ({ listeners }) }]);
  assert.deepEqual(grants.filter(({ key }) => key === "stream.listen"), [{
    kind: "net",
    value: "127.0.0.1:5432",
    key: "stream.listen",
    for: "edge",
    optional: false,
    startOnly: true,
  }]);
});
