import assert from "node:assert/strict";
import { z } from "zod";
import { loadText } from "../load.ts";
import { testTables } from "../testing/tables.ts";
import type { Problem } from "../types.ts";

const VHOST = '[[vhosts]]\nname = "a"\nhosts = ["a.b"]\n';
const ROUTE = '[[vhosts.routes]]\nname = "r"\nfallback = true\nproxy.upstream = "a.b:1"\n';

function problems(text: string): readonly Problem[] {
  return loadText(text, testTables).problems;
}

const ABSENT: readonly (readonly [text: string, key: string, module: string])[] = [
  ["[cache]\nenabled = true", "cache", "cache"],
  ["[cache_purger]\nenabled = true", "cache_purger", "cache"],
  ["[udp]\nenabled = true", "udp", "udp-proxy"],
  ["[geoip]\nenabled = true", "geoip", "geoip"],
  ["[admin]\nenabled = true", "admin", "admin"],
  ["[metrics]\nenabled = true", "metrics", "metrics"],
  ["[tracing]\nenabled = true", "tracing", "otel-tracing"],
  ["[compression]\nenabled = true", "compression", "compression"],
  ["[tls]\nenabled = true", "tls", "tls"],
  [
    "[proxy]\nupstreams = ['a.b:1', 'a.b:2']\n[proxy.load_balance]\nselection = 'random'",
    "proxy.load_balance",
    "load-balancer",
  ],
  ["[proxy]\nupstreams_file = 'x'", "proxy.upstreams_file", "load-balancer"],
  [`${VHOST}[vhosts.php]\nenabled = true`, "vhosts[0].php", "php-fpm"],
  [`${VHOST}[vhosts.acme_challenge]\nenabled = true`, "vhosts[0].acme_challenge", "proxy"],
  [`${VHOST}[vhosts.access]\ndeny = []`, "vhosts[0].access", "access"],
  [`${VHOST}${ROUTE}rate_limit.enabled = true`, "vhosts[0].routes[0].rate_limit", "rate-limit"],
  [`${VHOST}${ROUTE}cache.enabled = true`, "vhosts[0].routes[0].cache", "cache"],
];

Deno.test("a key of a module that is not in the build is refused by the module's name", () => {
  for (const [text, key, module] of ABSENT) {
    assert.deepEqual(
      problems(text).map((problem) => [problem.key, problem.message]),
      [[key, `needs the ${module} module, which this build does not have`]],
      text,
    );
  }
});

Deno.test("an absent module's table may be empty, or switched off with whatever is in it", () => {
  for (
    const text of [
      "[cache]",
      "[udp]\nenabled = false",
      "[geoip]\nenabled = false\ndatabases = []",
      "[cache]\nenabled = false\nlocal_static = true\n[cache.disk]\nenabled = true",
      "[admin]\nenabled = false\n[admin.snapshots]\nenabled = true\n[admin.listener]\nenabled = true",
      "[tls]\nenabled = false\n[tls.acme]\nenabled = true\n[tls.acme.renewal]\nenabled = true",
    ]
  ) {
    assert.deepEqual(problems(text), [], text);
  }
  const { effective } = loadText("[cache]\nenabled = false", testTables);
  assert.ok(!Object.hasOwn(effective, "cache"));
});

Deno.test("an absent module's table is harmless in a table that is off, and only there", () => {
  const metrics = {
    table: "metrics",
    scopes: ["root"] as const,
    schema: z.strictObject({ enabled: z.boolean().default(false).describe("On.") }),
  };
  const keys = (enabled: string) =>
    loadText(`[metrics]\n${enabled}\n[metrics.otlp]\nenabled = true`, [...testTables, metrics])
      .problems.filter(({ warning }) => warning !== true).map(({ key }) => key);
  assert.deepEqual(keys("enabled = false"), []);
  assert.deepEqual(keys(""), []);
  assert.deepEqual(keys("enabled = true"), ["metrics.otlp"]);
});

Deno.test("what follows only from the refused table is not told", () => {
  const text = '[server]\ntls_listen = ["127.0.0.1:1"]\n[tls]\nenabled = true';
  assert.deepEqual(problems(text).map(({ key }) => key), ["tls"]);
});

Deno.test("a table that only exists in a vhost is an unknown key at the top", () => {
  assert.match(problems("[php]\nenabled = true")[0].message, /not a table or key/);
});

Deno.test("the keys of an absent module are known enough to be meant", () => {
  assert.equal(problems("[cahce]\nenabled = true")[0].hint, 'did you mean "cache"?');
});

Deno.test("a key that a module of this build adds to another's table is not absent", () => {
  const balance = {
    table: "proxy.load_balance",
    scopes: ["root", "vhost", "route"] as const,
    schema: z.strictObject({ selection: z.string().describe("How.") }),
  };
  const { problems, config } = loadText(
    "[proxy.load_balance]\nselection = 'random'",
    [...testTables, balance],
  );
  assert.deepEqual(problems, []);
  assert.ok(config !== undefined);
});

Deno.test("an absent module's table that is off without saying so is a warning, and loads", () => {
  const [problem, ...more] = problems("[metrics]\nlisten = '127.0.0.1:9090'");
  assert.deepEqual(more, []);
  assert.deepEqual([problem.key, problem.warning], ["metrics", true]);
  assert.match(problem.message, /off because enabled is not set/);
});

Deno.test("load balancing over a single upstream is checked, and a warning", () => {
  const balance = (keys: string, proxy = "upstreams = ['a.b:1']") =>
    problems(`[proxy]\n${proxy}\n[proxy.load_balance]\n${keys}`)
      .map(({ key, warning }) => [key, warning === true]);
  const inert = [["proxy.load_balance", true]];
  assert.deepEqual(balance("selection = 'least-connections'"), inert);
  assert.deepEqual(balance("selection = 'maglev'", "upstream = 'a.b:1'"), inert);
  assert.deepEqual(balance("queue = { max_waiting = 10, timeout_ms = 5 }"), inert);
  assert.deepEqual(balance(""), []);
  const wrong: readonly (readonly [keys: string, key: string])[] = [
    ["selection = 'random'", "selection"],
    ["selction = 'least-time'", "selction"],
    ["selection = 'header-hash'", "hash_header"],
    ["selection = 'least-sessions'", "selection"],
    ["bounded_load_factor_per_mille = 1300", "bounded_load_factor_per_mille"],
    ["queue = { max_waiting = 10 }", "queue.max_waiting"],
    ["persistence = { mode = 'cookie' }", "persistence.cookie"],
    ["persistence = { managed_cookie_secure = false }", "persistence.managed_cookie_secure"],
    ["health_check = { protocol = 'exec' }", "health_check.exec_command"],
    [
      "health_check = { protocol = 'redis', expected_statuses = [200] }",
      "health_check.expected_statuses",
    ],
    ["retry = { methods = ['POST'] }", "retry.methods[0]"],
    ["passive_health = { failure_statuses = [404] }", "passive_health.failure_statuses[0]"],
  ];
  for (const [keys, key] of wrong) {
    assert.deepEqual(balance(keys), [[`proxy.load_balance.${key}`, false]], keys);
  }
});
