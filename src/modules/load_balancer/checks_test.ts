/** Keys of pools, at their edges and past them (spec 03 sections 2, 3 and 8 to 13). */
import assert from "node:assert/strict";
import { problemsIn, problemsOf } from "./testing/care.ts";

const TWO = 'upstreams = ["127.0.0.1:3001", "127.0.0.1:3002"]';
const THREE = 'upstreams = ["127.0.0.1:3001", "127.0.0.1:3002", "127.0.0.1:3003"]';
const FILE = 'upstreams_file = "/etc/pool"\n[proxy.load_balance]\nmember_ranges = ["127.0.0.0/8"]';

/** Keys of a block with two members, and those with problems. */
const CASES: readonly (readonly [keys: string, problems: readonly string[]])[] = [
  ["upstream_weights = [1, 1000]", []],
  ["upstream_weights = [0, 1]", ["proxy.upstream_weights[0]"]],
  ["upstream_weights = [1, 1001]", ["proxy.upstream_weights[1]"]],
  ["upstream_weights = [1]", ["proxy.upstream_weights"]],
  ["upstream_priority_groups = [0, 1000]\nupstream_priority_group_min_active = 2", []],
  ["upstream_priority_groups = [0, 1001]", ["proxy.upstream_priority_groups[1]"]],
  ["upstream_priority_group_min_active = 2", ["proxy.upstream_priority_group_min_active"]],
  [
    "upstream_priority_groups = [0, 1]\nupstream_priority_group_min_active = 3",
    ["proxy.upstream_priority_group_min_active"],
  ],
  ['upstream_localities = ["A", "a"]\npreferred_upstream_localities = ["a"]', []],
  ['upstream_localities = ["a", "b c"]', ["proxy.upstream_localities[1]"]],
  ['preferred_upstream_localities = ["a"]', ["proxy.preferred_upstream_localities[0]"]],
  ["upstream_max_in_flight = [1, 1000000]", []],
  ["upstream_max_in_flight = [0, 1]", ["proxy.upstream_max_in_flight[0]"]],
  ['upstream_aliases = ["a", "b"]', []],
  ['upstream_aliases = ["a", "A"]', ["proxy.upstream_aliases[1]"]],
  ['upstream_tags = [["a", "b"], []]', []],
  ['upstream_tags = [["a", "A"], []]', ["proxy.upstream_tags[0][1]"]],
  ['backup_upstreams = ["127.0.0.1:3002"]', []],
  ['backup_upstreams = ["127.0.0.1:3003"]', ["proxy.backup_upstreams[0]"]],
  [
    'backup_upstreams = ["127.0.0.1:3002"]\ndrain_upstreams = ["127.0.0.1:3002"]',
    ["proxy.drain_upstreams[0]"],
  ],
  [
    'backup_upstreams = ["127.0.0.1:3002"]\ndisabled_upstreams = ["127.0.0.1:3001"]',
    ["proxy.upstreams"],
  ],
  ["upstream_dns_allow_private_backends = true", ["proxy.upstream_dns_allow_private_backends"]],
  ['upstream_dns_servers = ["127.0.0.1:53"]', ["proxy.upstream_dns_servers"]],
  ['[proxy.load_balance]\nselection = "maglev"', []],
  ['[proxy.load_balance]\nselection = "random"', ["proxy.load_balance.selection"]],
  ['[proxy.load_balance]\nselection = "header-hash"', ["proxy.load_balance.hash_header"]],
  ['[proxy.load_balance]\nhash_header = "x"', ["proxy.load_balance.hash_header"]],
  ['[proxy.load_balance]\nselection = "least-sessions"', ["proxy.load_balance.selection"]],
  ["[proxy.load_balance]\nall_down_status = 599", []],
  ["[proxy.load_balance]\nall_down_status = 499", ["proxy.load_balance.all_down_status"]],
  ["[proxy.load_balance]\nmax_iterations = 0", ["proxy.load_balance.max_iterations"]],
  [
    "[proxy.load_balance]\nbounded_load_factor_per_mille = 1300",
    ["proxy.load_balance.bounded_load_factor_per_mille"],
  ],
  ['[proxy.load_balance]\nmember_ranges = ["10.0.0.0/8:80", "[fd00::1]:80", "10.1.1.1"]', []],
  ['[proxy.load_balance]\nmember_ranges = ["10.0.0.1/8:80"]', [
    "proxy.load_balance.member_ranges[0]",
  ]],
  ['[proxy.load_balance]\nmember_ranges = ["[fd00::]/8"]', ["proxy.load_balance.member_ranges[0]"]],
  ["[proxy.load_balance.queue]\nmax_waiting = 100000\ntimeout_ms = 60000", []],
  ["[proxy.load_balance.queue]\nmax_waiting = 1", ["proxy.load_balance.queue.max_waiting"]],
  ["[proxy.load_balance.slow_start]\nenabled = true\nduration_secs = 3601", [
    "proxy.load_balance.slow_start.duration_secs",
  ]],
  ["[proxy.load_balance.retry]\nenabled = true\nmax_retries = 11", [
    "proxy.load_balance.retry.max_retries",
  ]],
  ['[proxy.load_balance.retry]\nenabled = true\nmethods = ["POST"]', [
    "proxy.load_balance.retry.methods[0]",
  ]],
  ["[proxy.load_balance.retry]\nenabled = true\nstatuses = [404]", [
    "proxy.load_balance.retry.statuses[0]",
  ]],
  [
    '[proxy.load_balance.persistence]\nenabled = true\nmode = "cookie"',
    ["proxy.load_balance.persistence.cookie"],
  ],
  [
    '[proxy.load_balance.health_check]\nprotocol = "http"\nrequest_headers = [{ name = "Host", value = "a" }]',
    ["proxy.load_balance.health_check.request_headers[0].name"],
  ],
  [
    '[proxy.load_balance.health_check]\nprotocol = "http"\nrequest_headers = [{ name = "a", value = "a" }, { name = "A", value = "b" }]',
    ["proxy.load_balance.health_check.request_headers[1].name"],
  ],
  [
    '[proxy.load_balance.health_check]\nprotocol = "redis"\nparallel = true',
    ["proxy.load_balance.health_check.parallel"],
  ],
  [
    'upstream_tls = true\nupstream_sni = "a.test"\n[proxy.load_balance.health_check]\nprotocol = "redis"',
    ["proxy.load_balance.health_check.protocol"],
  ],
];

for (const [keys, expected] of CASES) {
  Deno.test(`two members with ${keys.replaceAll("\n", " ")}`, () => {
    assert.deepEqual(problemsOf(`[proxy]\n${TWO}\n${keys}`), expected);
  });
}

Deno.test("members of a static pool are addresses, and the way out is named", () => {
  const [problem] = problemsIn('[proxy]\nupstreams = ["127.0.0.1:1", "app.test:80"]');
  assert.equal(problem.key, "proxy.upstreams[1]");
  assert.match(problem.hint ?? "", /upstream_dns_refresh_secs/);
});

Deno.test("one address in two spellings is one member", () => {
  const text = '[proxy]\nupstreams = ["[::1]:80", "[0:0::1]:80"]';
  assert.deepEqual(problemsOf(text), ["proxy.upstreams[1]"]);
});

Deno.test("members are named in one way", () => {
  assert.deepEqual(problemsOf(`[proxy]\n${FILE}`), []);
  const both = problemsOf(`[proxy]\nupstream = "a.test:80"\n${FILE}`);
  assert.ok(both.includes("proxy.upstreams_file"), both.join(" "));
  const dns = 'upstreams = ["a.test:80"]\nupstream_dns_refresh_secs = 5';
  const ranges = '[proxy.load_balance]\nmember_ranges = ["10.0.0.0/8"]';
  assert.deepEqual(problemsOf(`[proxy]\n${dns}\n${ranges}`), []);
  assert.deepEqual(problemsOf(`[proxy]\n${dns}`), ["proxy.load_balance.member_ranges"]);
  assert.deepEqual(problemsOf(`[proxy]\n${dns}\nupstream_weights = [1]\n${ranges}`), [
    "proxy.upstream_weights",
  ]);
  const maglev = '[proxy.load_balance]\nselection = "maglev"\nmember_ranges = ["10.0.0.0/8"]';
  assert.deepEqual(problemsOf(`[proxy]\n${dns}\n${maglev}`), ["proxy.load_balance.selection"]);
});

Deno.test("lists of members come over TLS, or from this machine", () => {
  const block = (url: string) =>
    problemsOf(
      `[proxy]\nupstreams_http_url = "${url}"\n[proxy.load_balance]\nmember_ranges = ["10.0.0.0/8"]`,
    );
  for (const url of ["https://a.test/list", "http://127.0.0.1:80/list", "http://[::1]/list"]) {
    assert.deepEqual(block(url), [], url);
  }
  for (
    const url of ["http://a.test/list", "https://a.test", "https://a@b.test/", "https://a.test/?x"]
  ) {
    assert.deepEqual(block(url), ["proxy.upstreams_http_url"], url);
  }
});

Deno.test("weights that Maglev does not look at are a warning", () => {
  const keys = 'upstream_weights = [1, 2, 3]\n[proxy.load_balance]\nselection = "maglev"';
  assert.deepEqual(problemsOf(`[proxy]\n${THREE}\n${keys}`), ["proxy.upstream_weights!"]);
});

Deno.test("a block with one upstream has no pool, and its policy no effect", () => {
  const keys = '[proxy]\nupstream = "a.test:80"\n[proxy.load_balance]\nselection = "least-time"';
  assert.deepEqual(problemsOf(keys), ["proxy.load_balance!"]);
  assert.deepEqual(problemsOf('[proxy]\nupstream = "a.test:80"'), []);
});

Deno.test("what clients send is not put on the disk without a word", () => {
  const [problem] = problemsIn(`[proxy]\n${TWO}\n[proxy.load_balance]\nruntime_state_file = "/x"
[proxy.load_balance.persistence]\nenabled = true\nmode = "header"\nheader = "x-user"`);
  assert.equal(problem.security, true);
});
