import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "smol-toml";
import { z } from "zod";
import { type Check, loadConfig, type Loaded, loadText } from "./load.ts";
import { hasErrors } from "./problems/problems.ts";
import { testTables, valueAt } from "./testing/tables.ts";
import type { Problem } from "./types.ts";

function load(text: string, checks: readonly Check[] = []): Loaded {
  return loadText(text, testTables, checks, { file: "/etc/fluxheim/site.toml" });
}

function keys(text: string): string[] {
  return load(text).problems.map(({ key }) => key);
}

/** The one problem of a text. */
function only(text: string): Problem {
  const { problems } = load(text);
  assert.equal(problems.length, 1, JSON.stringify(problems));
  return problems[0];
}

Deno.test("without a source the defaults listen on 127.0.0.1:8080 and proxy to 127.0.0.1:3000", async () => {
  const { config, problems, files } = await loadConfig(undefined, testTables, []);
  assert.deepEqual(problems, []);
  assert.deepEqual(files, []);
  assert.deepEqual(config?.server.listen, ["127.0.0.1:8080"]);
  assert.deepEqual(config?.vhosts.map(({ name, hosts }) => [name, hosts]), [["default", []]]);
  assert.equal(valueAt(config, "vhosts", 0, "proxy", "upstream"), "127.0.0.1:3000");
});

Deno.test("a build that cannot proxy lends the implicit vhost no upstream", async () => {
  const { config } = await loadConfig(undefined, [], []);
  assert.deepEqual(config?.vhosts, [{ name: "default", hosts: [], routes: [] }]);
});

Deno.test("the implicit vhost has the global tables, except those that vhosts inherit anyway", () => {
  const { config } = load('[web]\nroot = "/srv"\n[headers]\nset = { a = "b" }\n[proxy]\n');
  const vhost = config?.vhosts[0];
  assert.equal(valueAt(vhost, "web", "root"), "/srv");
  assert.equal(valueAt(vhost, "proxy", "upstream"), undefined);
  assert.equal(valueAt(vhost, "headers"), undefined);
});

Deno.test("with vhosts, global tables are not lent to them", () => {
  const { config } = load('[web]\nroot = "/srv"\n[[vhosts]]\nname = "a"\nhosts = ["a.b"]\n');
  assert.deepEqual(Object.keys(config?.vhosts[0] ?? {}), ["name", "hosts", "routes"]);
  assert.equal(valueAt(config, "proxy"), undefined);
});

Deno.test("the configuration is frozen at every depth and can be posted to a worker", () => {
  const { config } = load("");
  assert.ok(config !== undefined);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.server.limits));
  assert.ok(Object.isFrozen(config.vhosts[0]) && Object.isFrozen(config.server.listen));
  assert.deepEqual(structuredClone(config), config);
});

Deno.test("an unknown key is refused at every level, with the key that was meant", () => {
  const { problems } = load(`
    serve = 1
    [server]
    listn = []
    [server.limits]
    max_uri_byte = 1
    [[vhosts]]
    name = "a"
    hosts = ["a.b"]
    [[vhosts.routes]]
    name = "r"
    path_prefix = "/"
    [vhosts.routes.proxy]
    upstream = "a.b:1"
    upstreem = "a.b:1"
  `);
  assert.deepEqual(problems.map(({ key, hint }) => [key, hint]), [
    ["serve", 'did you mean "server"?'],
    ["server.listn", 'did you mean "listen"?'],
    ["server.limits.max_uri_byte", 'did you mean "max_uri_bytes"?'],
    ["vhosts[0].routes[0].proxy.upstreem", 'did you mean "upstream"?'],
  ]);
});

Deno.test("a key that belongs elsewhere is sent there", () => {
  assert.equal(only('listen = ["127.0.0.1:1"]').hint, '"listen" belongs into [server]');
});

Deno.test("the common mistakes of structure have their hints", () => {
  assert.match(only("[vhost]").hint ?? "", /"vhosts"/);
  assert.match(only("[vhosts]\nname = 'a'").hint ?? "", /\[\[vhosts\]\] with two brackets/);
  const vhost = "[[vhosts]]\nname = 'a'\nhosts = ['a.b']\n";
  assert.match(only(`${vhost}[[vhosts.proxy]]`).hint ?? "", /\[vhosts.proxy\] with one bracket/);
  const route =
    `${vhost}[[vhosts.routes]]\nname = 'r'\nfallback = true\nproxy.upstream = 'a.b:1'\n`;
  assert.match(only(`${route}action = 'proxy'`).hint ?? "", /action is the table/);
});

Deno.test("a table in the wrong place is sent to the nearest right one, with its brackets", () => {
  const vhost = "[[vhosts]]\nname = 'a'\nhosts = ['a.b']\n";
  assert.equal(
    only(`${vhost}[vhosts.mirror]\nbase_url = 'http://a.b/'`).hint,
    "write [vhosts.proxy.mirror]",
  );
  const route = "[[vhosts.routes]]\nname = 'r'\nfallback = true\nweb.root = '/srv'\n";
  assert.equal(
    only(`${vhost}${route}mirror.base_url = 'http://a.b/'`).hint,
    "write [vhosts.routes.proxy.mirror]",
  );
  assert.equal(only("[server.routes]").hint, "write [[vhosts.routes]]");
});

Deno.test("one value where a list belongs is refused with how the list is written", () => {
  const hint = (text: string) => only(text).hint;
  assert.equal(hint('server.listen = "127.0.0.1:80"'), 'write listen = ["127.0.0.1:80"]');
  const vhost = "[[vhosts]]\nname = 'a'\nhosts = ";
  assert.equal(hint(`${vhost}"a.b"`), 'write hosts = ["a.b"]');
  assert.equal(hint(`${vhost}"*"`), 'write hosts = ["*"]', "however wrong the entry is");
  assert.equal(hint(`${vhost}"${"a".repeat(80)}"`), 'write hosts = ["…"]');
  assert.equal(hint(`${vhost}1`), undefined, "no entry would be a number");
  assert.equal(hint("vhosts = 'a'"), undefined, "no entry would be a text");
});

Deno.test("a list is not too short because its wrong entries were taken out", () => {
  assert.deepEqual(keys('[[vhosts]]\nname = "a"\nhosts = ["*"]'), ["vhosts[0].hosts[0]"]);
  assert.deepEqual(keys('server.listen = ["localhost:80"]'), ["server.listen[0]"]);
  const [, other] = keys('server.tls_listen = ["localhost:80", "127.0.0.1:443"]');
  assert.equal(other, "server.tls_listen", "what is left in it is looked at");
  assert.deepEqual(keys('[[vhosts]]\nname = "a"\nhosts = []'), ["vhosts[0].hosts"]);
});

Deno.test("every path is refused that the runtime would not open, with its line and a way out", () => {
  const { problems } = load(`
    [server.process]
    error_log = "/proc/self/fd/2"
    pid_file = "/dev/shm/f.pid"
    upgrade_sock = "/sys/f.sock"
    certificate_reload_sock = "/srv/a,b/f.sock"
    [logging.file]
    path = "/dev/stdout"
    [web]
    root = "/dev/shm/www"
  `);
  const errors = problems.filter(({ warning }) => warning !== true);
  assert.deepEqual(errors.map(({ key, line }) => [key, line]), [
    ["server.process.error_log", 3],
    ["server.process.pid_file", 4],
    ["server.process.upgrade_sock", 5],
    ["server.process.certificate_reload_sock", 6],
    ["logging.file.path", 8],
    ["web.root", 10],
  ]);
  assert.ok(problems.every(({ hint }) => hint !== undefined));
  assert.match(errors[5].message, /^leads into \/dev, .* \(\/dev\/shm\/www\)$/);
});

Deno.test("wrong types are refused without conversion, with what was found", () => {
  const { problems } = load(`
    [server]
    regex_enabled = "true"
    default_vhost = 1
    listen = "127.0.0.1:8080"
    [server.process]
    threads = "4"
    max_retries = -1
    upstream_keepalive_pool_size = 1.0
    [logging]
    level = "INFO"
  `);
  assert.deepEqual(problems.map(({ key, message }) => `${key} ${message}`), [
    'server.regex_enabled must be true or false; found "true"',
    'server.listen must be a list; found "127.0.0.1:8080"',
    'server.process.threads must be a whole number from 1 to 1024, or "auto"; found "4"',
    "server.process.max_retries must be from 0 to 1024; found -1",
    "server.process.upstream_keepalive_pool_size must be an integer; found the float 1.0",
    'logging.level must be one of "trace", "debug", "info", "warn", "error", "off"; found "INFO"',
    "server.default_vhost must be a string; found 1",
  ]);
});

Deno.test("problems are reported in spec order, whatever the order of the file", () => {
  assert.deepEqual(
    keys(`
      [stream]
      enabled = 1
      [web]
      root = 1
      [proxy]
      mode = 1
      [headers]
      set = 1
      [logging]
      level = 1
      [[vhosts]]
      name = "a"
      hosts = ["a.b"]
      max_request_body_bytes = 0
      [server]
      default_vhost = "b"
      listen = 1
      [nonsense]
    `),
    [
      "nonsense",
      "server.listen",
      "logging.level",
      "headers.set",
      "proxy.mode",
      "web.root",
      "stream.enabled",
      "vhosts[0].max_request_body_bytes",
      "server.default_vhost",
    ],
  );
});

Deno.test("rules between keys are checked in the same run as values", () => {
  assert.deepEqual(
    keys(`
      [server]
      proxy_protocol = "v1"
      [server.limits]
      max_uri_bytes = 0
      [[vhosts]]
      name = "a"
      hosts = ["a.b"]
      [[vhosts]]
      name = "a"
      hosts = ["c..d", "A.B"]
    `),
    [
      "server.proxy_protocol",
      "server.limits.max_uri_bytes",
      "vhosts[1].name",
      "vhosts[1].hosts[0]",
      "vhosts[1].hosts[1]",
    ],
  );
});

Deno.test("what follows only from a wrong value is not told", () => {
  // Without its upstream the route's proxy would have none; without the entry no TLS listener is left.
  assert.deepEqual(
    keys(`
      [server]
      tls_listen = ["nonsense"]
      https_redirect = { enabled = true }
      [[vhosts]]
      name = "a"
      hosts = ["a.b"]
      [[vhosts.routes]]
      name = "r"
      path_prefix = "nonsense"
      proxy = { upstream = "nonsense" }
    `),
    [
      "server.tls_listen[0]",
      "vhosts[0].routes[0].path_prefix",
      "vhosts[0].routes[0].proxy.upstream",
    ],
  );
});

Deno.test("a mistyped key stands for the one that was meant, unless that is there too", () => {
  assert.deepEqual(keys('[[vhosts]]\nnmae = "a"\nhosts = ["a.b"]'), ["vhosts[0].nmae"]);
  assert.deepEqual(
    keys(
      '[vhost]\n[[vhosts]]\nname = "a"\nhosts = ["a.b"]\n[[vhosts]]\nname = "a"\nhosts = ["c.d"]',
    ),
    ["vhost", "vhosts[1].name"],
  );
});

Deno.test("positions in lists are those of the file after wrong entries were taken out", () => {
  const { problems } = load(`
    [[vhosts]]
    hosts = ["a.b"]
    [[vhosts]]
    name = "second"
    hosts = ["b..c", "d.e", "d.e"]
  `);
  assert.deepEqual(problems.map(({ key, line }) => [key, line]), [
    ["vhosts[0].name", 2],
    ["vhosts[1].hosts[0]", 6],
    ["vhosts[1].hosts[2]", 6],
  ]);
});

Deno.test("several wrong entries of one list are reported, and only those", () => {
  const text = '[[vhosts]]\nname = "a"\nhosts = ["a..b", "c.d", "-e", "g.h", "g.h"]\n';
  assert.deepEqual(keys(text), ["vhosts[0].hosts[0]", "vhosts[0].hosts[2]", "vhosts[0].hosts[4]"]);
});

Deno.test("a problem names file, line, vhost and route", () => {
  const problem = only(
    `[[vhosts]]\nname = "shop"\nhosts = ["a.b"]\n[[vhosts.routes]]\nname = "api"\nfallback = true\n` +
      `[vhosts.routes.proxy]\nupstream = "a.b:0"\n`,
  );
  assert.equal(problem.file, "/etc/fluxheim/site.toml");
  assert.equal(problem.line, 8);
  assert.equal(problem.scope, 'vhost "shop", route "api"');
});

Deno.test("checks of modules see the configuration, and their problems get a place", () => {
  const check: Check = () => [{ key: "vhosts[0].web.root", message: "is not to my taste" }];
  const { problems } = load('\n[web]\nroot = "/srv"\n', [check]);
  assert.deepEqual(problems.map(({ key, line }) => [key, line]), [["web.root", 3]]);
});

Deno.test("a warning does not keep a configuration from loading", () => {
  const check: Check = () => [{ key: "server", message: "hm", warning: true }];
  const { config, problems } = load("", [check]);
  assert.ok(config !== undefined);
  assert.equal(problems.length, 1);
});

Deno.test("the same problem found twice is reported once", () => {
  const check: Check = () => [{ key: "server", message: "no" }];
  assert.equal(load("", [check, check]).problems.length, 1);
});

Deno.test("relative paths start at the directory of the file", () => {
  const { config } = load('[web]\nroot = "./sites//a"\n[logging.file]\npath = "log/x.log"\n');
  assert.equal(config?.logging.file.path, "/etc/fluxheim/log/x.log");
  assert.equal(valueAt(config, "vhosts", 0, "web", "root"), "/etc/fluxheim/sites/a");
});

Deno.test("a path with .. is unsafe wherever it stands", () => {
  assert.match(only('[web]\nroot = "../srv"').message, /unsafe path/);
});

Deno.test("process paths are not looked at for another machine", () => {
  const text = '[server.process]\npid_file = "../x.pid"';
  assert.equal(load(text).problems.length, 1);
  assert.equal(loadText(text, testTables, [], { runtimePaths: false }).problems.length, 0);
});

Deno.test("a date where a table belongs is no empty table", () => {
  assert.match(only("server = 2026-01-31T00:00:00Z").message, /must be a table/);
});

Deno.test("an integer beyond 2^53 is refused", () => {
  assert.match(
    only("[server.limits]\nmax_request_headers = 9007199254740993").message,
    /beyond 2\^53/,
  );
});

Deno.test("include_conf_d must be a boolean and is no part of the configuration", () => {
  assert.equal(only("include_conf_d = 1").key, "include_conf_d");
  const { config, effective } = load("include_conf_d = true");
  assert.ok(!Object.hasOwn(config ?? {}, "include_conf_d"));
  assert.ok(!Object.hasOwn(effective, "include_conf_d"));
});

Deno.test("lists have their bounds", () => {
  const hosts = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => `"h${from + i}.x"`).join(",");
  const vhosts = Array.from(
    { length: 1025 },
    (_, i) => `[[vhosts]]\nname="v${i}"\nhosts=["v${i}.x"]\n`,
  );
  assert.deepEqual(keys(vhosts.join("")), ["vhosts[1024]"]);
  assert.deepEqual(keys("[server.limits]\nmax_vhosts = 1025\n" + vhosts.join("")), []);
  assert.deepEqual(keys("[server.limits]\nmax_vhosts = 65537"), ["server.limits.max_vhosts"]);
  assert.deepEqual(keys(vhosts.slice(1).join("")), []);
  assert.deepEqual(keys(`[[vhosts]]\nname="a"\nhosts=[${hosts(0, 65)}]`), ["vhosts[0].hosts"]);
  const routes = Array.from(
    { length: 257 },
    (_, i) => `[[vhosts.routes]]\nname="r"\npath_exact="/${i}"\nredirect.to="https://a"\n`,
  );
  const vhost = '[[vhosts]]\nname="a"\nhosts=["a"]\n';
  assert.deepEqual(keys(vhost + routes.slice(1).join("")), []);
  assert.deepEqual(keys(vhost + routes.join("")), ["vhosts[0].routes"]);
  const ports = (count: number) =>
    Array.from({ length: count }, (_, i) => `"127.0.0.1:${i}"`).join(",");
  assert.deepEqual(keys(`[server]\nlisten=[${ports(65)}]`), ["server.listen"]);
});

Deno.test("hostile input ends in problems, not in an exception", () => {
  for (
    const text of [
      "vhosts = 1",
      "vhosts = [1, 'x', [], {}]",
      "server = []",
      "[[server]]",
      "[[vhosts]]\nroutes = 1",
      "[[vhosts]]\nroutes = [1]\nproxy = 1",
      "proxy = []",
      '"" = 1',
      '["__proto__"]\na = 1',
      "[vhosts.constructor]",
      "logging.file = 'x'\nserver.process = [[]]",
    ]
  ) {
    const { config, problems } = load(text);
    assert.equal(config, undefined, text);
    assert.ok(problems.length > 0, text);
  }
});

Deno.test("property: any TOML is a configuration or has problems, and never throws", () => {
  const key = fc.constantFrom(
    ...["server", "vhosts", "routes", "proxy", "web", "limits", "process", "logging", "listen"],
    ...["name", "hosts", "path_exact", "redirect", "to", "upstream", "root", "set", "enabled"],
    ...["cache", "tls", "headers", "__proto__", "constructor"],
  );
  const leaf = fc.oneof(
    fc.constantFrom("", "a.b", "/a", "127.0.0.1:1", "https://a{uri}"),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
  );
  const { table } = fc.letrec<{ table: Record<string, unknown>; value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      tie("table"),
      fc.array(leaf, { maxLength: 2 }),
      fc.array(tie("table"), { maxLength: 2 }),
    ),
    table: fc.dictionary(key, tie("value"), { maxKeys: 6 }),
  }));
  fc.assert(fc.property(table, (value) => {
    const { config, problems } = load(stringify(value));
    assert.equal(config === undefined, hasErrors(problems));
  }));
});

Deno.test("what lacks a name or a host is compared with the rest all the same", () => {
  const { problems } = load(`
    [server]
    default_vhost = "mistyped"
    [[vhosts]]
    nmae = "mistyped"
    hosts = ["a.b"]
    [[vhosts]]
    name = "c"
    [[vhosts]]
    name = "c"
    hosts = ["a.b"]
    [[vhosts.routes]]
    name = 3
    path_prefix = "/"
    path_exact = "/"
  `);
  assert.deepEqual(problems.map(({ key, line, scope }) => [key, line, scope]), [
    ["vhosts[0].nmae", 5, undefined],
    ["vhosts[1].hosts", 7, 'vhost "c"'],
    ["vhosts[2].name", 10, 'vhost "c"'],
    ["vhosts[2].hosts[0]", 11, 'vhost "c"'],
    ["vhosts[2].routes[0]", 12, 'vhost "c"'],
    ["vhosts[2].routes[0]", 12, 'vhost "c"'],
    ["vhosts[2].routes[0].name", 13, 'vhost "c"'],
  ]);
});

Deno.test("a server of streams alone, in a build without streams, lacks the module and nothing else", () => {
  const { problems } = loadText("[server]\nlisten = []\n[stream]\nenabled = true\n", []);
  assert.deepEqual(problems.map(({ key }) => key), ["stream"]);
});

Deno.test("tables of absent modules are refused in the order of the specification", () => {
  const { problems } = loadText("wasm = 1\n[udp]\nx = 1\n[admin]\nx = 1\n[metrics]\nx = 1\n", []);
  assert.deepEqual(problems.map(({ key }) => key), ["wasm", "admin", "metrics", "udp"]);
});

Deno.test("a key of a list's tables is refused by the name of its module, and one that is off is not", () => {
  const stream = {
    table: "stream",
    scopes: ["root"] as const,
    schema: z.strictObject({
      enabled: z.boolean(),
      routes: z.array(z.strictObject({ name: z.string() })).default([]),
    }),
  };
  const routes = (keys: string) =>
    `[stream]\nenabled = true\n[[stream.routes]]\nname = "a"\n[[stream.routes]]\nname = "b"\n${keys}`;
  const refused = loadText(routes('load_balance = { selection = "least-time" }\n'), [stream]);
  assert.deepEqual(refused.problems.map(({ key, message }) => [key, message]), [[
    "stream.routes[1].load_balance",
    "needs the load-balancer module, which this build does not have",
  ]]);
  assert.deepEqual(loadText(routes("load_balance = {}\n"), [stream]).problems, []);
});

Deno.test("workers can be as many as processors", () => {
  const { config } = load('[server.process]\nthreads = "auto"\n');
  assert.equal(config?.server.process.threads, navigator.hardwareConcurrency);
});
