/** One test for each key of `[[stream.routes]]` (spec 01 section 4.1), and what a configuration needs. */
import assert from "node:assert/strict";
import { loadText } from "../../config/load.ts";
import type { Config } from "../../config/types.ts";
import { tlsSchema } from "../tls/schema.ts";
import { module } from "./module.ts";

const LISTEN = 'listen = ["127.0.0.1:5432"]';
const UPSTREAM = 'upstream = "db.test:5432"';
const PAIR = 'upstreams = ["a.test:1", "b.test:1"]';

function load(text: string) {
  const tables = [...module.schema, { table: "tls", scopes: ["root"] as const, schema: tlsSchema }];
  return loadText(text, tables, module.check === undefined ? [] : [module.check]);
}

/** A route with `keys`, and a name and a listener unless these are among them. */
function routeText(keys: string): string {
  const name = /^name\b/m.test(keys) ? "" : 'name = "db"';
  const listen = /^listen(_tls)?\b/m.test(keys) ? "" : LISTEN;
  return `[[stream.routes]]\n${name}\n${listen}\n${keys}\n`;
}

/** The problems with routes of these keys, as `key: message`, the path of the routes left out. */
function said(...routes: string[]): string[] {
  const { problems } = load(`[stream]\nenabled = true\n${routes.map(routeText).join("")}`);
  return problems.map(({ key, message, warning }) =>
    `${warning === true ? "warning " : ""}${key?.replace("stream.routes", "") ?? ""}: ${message}`
  );
}

/** That these keys are accepted without a word. */
function fits(keys: string): void {
  assert.deepEqual(said(keys), [], keys);
}

/** That these keys are refused, with a problem that `pattern` describes. */
function refused(keys: string, pattern: RegExp): void {
  const problems = said(keys);
  assert.ok(problems.some((problem) => pattern.test(problem)), `${keys}\n${problems.join("\n")}`);
}

/** The first route of an accepted configuration. */
function routeOf(keys: string) {
  const { config } = load(`[stream]\nenabled = true\n${routeText(keys)}`);
  assert.ok(config?.stream !== undefined);
  return config.stream.routes[0];
}

Deno.test("enabled needs a route, and routes need enabled", () => {
  const problems = (text: string) =>
    load(text).problems.map(({ key, message }) => `${key}: ${message}`).join("\n");
  assert.match(problems("[stream]\nenabled = true\n"), /^stream\.routes: must have 1 to 128/);
  assert.match(
    problems(`[stream]\n${routeText(UPSTREAM)}`),
    /^stream\.routes: must be empty while stream\.enabled is false$/m,
  );
  const many = (count: number) =>
    Array.from(
      { length: count },
      (_, i) => routeText(`name = "r${i}"\nlisten = ["127.0.0.1:${1000 + i}"]\n${UPSTREAM}`),
    ).join("");
  assert.equal(problems(`[stream]\nenabled = true\n${many(128)}`), "");
  assert.match(problems(`[stream]\nenabled = true\n${many(129)}`), /^stream\.routes: .*128/);
});

Deno.test("name has 1 to 128 bytes and is unique whatever its case", () => {
  fits(`name = "${"n".repeat(128)}"\n${UPSTREAM}`);
  refused(`name = "${"n".repeat(129)}"\n${UPSTREAM}`, /^\[0\]\.name/);
  refused(`name = ""\n${UPSTREAM}`, /^\[0\]\.name/);
  const problems = said(UPSTREAM, `name = "DB"\nlisten = ["127.0.0.1:5433"]\n${UPSTREAM}`);
  assert.match(problems[0], /^\[1\]\.name: "DB" is the name of another route/);
  assert.equal(problems.length, 1);
});

Deno.test("listen has 1 to 64 addresses with ports, each in one route", () => {
  const listeners = (count: number) =>
    `listen = [${Array.from({ length: count }, (_, i) => `"127.0.0.1:${1000 + i}"`)}]\n`;
  fits(listeners(64) + UPSTREAM);
  refused(listeners(65) + UPSTREAM, /^\[0\]\.listen/);
  refused(`listen = []\n${UPSTREAM}`, /^\[0\]\.listen/);
  refused(`listen = ["127.0.0.1:0"]\n${UPSTREAM}`, /^\[0\]\.listen\[0\]: must have a port/);
  refused(`listen = ["127.0.0.1:1", "127.0.0.1:1"]\n${UPSTREAM}`, /^\[0\]\.listen/);
  const [problem] = said(UPSTREAM, `name = "other"\n${UPSTREAM}`);
  assert.match(problem, /^\[1\]\.listen\[0\]: "127\.0\.0\.1:5432" belongs to another route/);
});

Deno.test("upstream and upstreams exclude each other, and one is needed", () => {
  fits(UPSTREAM);
  fits('upstreams = ["a.test:1"]');
  refused("", /^\[0\]\.upstream: is required/);
  refused(`${UPSTREAM}\n${PAIR}`, /^\[0\]\.upstreams: must not be set together with upstream/);
  refused('upstream = "db.test"', /^\[0\]\.upstream/);
  refused('upstream = "db.test:0"', /^\[0\]\.upstream/);
});

Deno.test("upstreams has at most 64 entries, unique whatever their case", () => {
  const upstreams = (count: number) =>
    `upstreams = [${Array.from({ length: count }, (_, i) => `"h${i}.test:1"`)}]`;
  fits(upstreams(64));
  refused(upstreams(65), /^\[0\]\.upstreams/);
  refused('upstreams = ["a.test:1", "A.test:1"]', /^\[0\]\.upstreams/);
});

Deno.test("upstream_weights has an entry for each upstream, 1 to 1000", () => {
  fits(`${PAIR}\nupstream_weights = [1, 1000]`);
  refused(`${PAIR}\nupstream_weights = [1]`, /^\[0\]\.upstream_weights: must have one entry/);
  refused(`${UPSTREAM}\nupstream_weights = [1]`, /^\[0\]\.upstream_weights: needs upstreams/);
  refused(`${PAIR}\nupstream_weights = [0, 1]`, /^\[0\]\.upstream_weights\[0\]/);
  refused(`${PAIR}\nupstream_weights = [1, 1001]`, /^\[0\]\.upstream_weights\[1\]/);
});

Deno.test("upstream_aliases has an entry for each upstream, unique whatever their case", () => {
  fits(`${PAIR}\nupstream_aliases = ["first", "second"]`);
  refused(`${PAIR}\nupstream_aliases = ["first"]`, /^\[0\]\.upstream_aliases: must have one/);
  refused(`${UPSTREAM}\nupstream_aliases = ["a"]`, /^\[0\]\.upstream_aliases: needs upstreams/);
  refused(`${PAIR}\nupstream_aliases = ["a", "A"]`, /^\[0\]\.upstream_aliases/);
  refused(`${PAIR}\nupstream_aliases = ["a b", "c"]`, /^\[0\]\.upstream_aliases\[0\]/);
});

for (const list of ["backup_upstreams", "drain_upstreams"]) {
  Deno.test(`${list} names some of at least two upstreams, and not all`, () => {
    fits(`${PAIR}\n${list} = ["B.test:1"]`);
    refused(`${PAIR}\n${list} = ["c.test:1"]`, /: "c\.test:1" is not one of the upstreams/);
    refused(`${UPSTREAM}\n${list} = ["db.test:5432"]`, /needs at least two upstreams/);
    refused(`${PAIR}\n${list} = ["a.test:1", "b.test:1"]`, /must leave at least one upstream/);
    refused(`${PAIR}\n${list} = ["a.test:1", "A.test:1"]`, new RegExp(`^\\[0\\]\\.${list}`));
  });
}

Deno.test("an upstream is not both a backup and drained, and one primary remains", () => {
  const both = 'backup_upstreams = ["a.test:1"]\ndrain_upstreams = ["a.test:1"]';
  refused(`${PAIR}\n${both}`, /^\[0\]\.drain_upstreams\[0\]: "a\.test:1" is in .*backup_upstreams/);
  const each = 'backup_upstreams = ["a.test:1"]\ndrain_upstreams = ["b.test:1"]';
  refused(`${PAIR}\n${each}`, /must leave at least one upstream/);
});

for (
  const [key, usual] of [
    ["connect_timeout_secs", 5],
    ["idle_timeout_secs", 300],
    ["max_connection_secs", undefined],
  ] as const
) {
  Deno.test(`${key} is from a second to a day, ${usual ?? "without limit"} unless set`, () => {
    fits(`${UPSTREAM}\n${key} = 1`);
    fits(`${UPSTREAM}\n${key} = 86400`);
    for (const value of [0, 86_401]) {
      refused(`${UPSTREAM}\n${key} = ${value}`, new RegExp(`^\\[0\\]\\.${key}`));
    }
    assert.equal(routeOf(UPSTREAM)[key], usual);
  });
}

Deno.test("max_connection_bytes is a number of bytes above 0, without limit unless set", () => {
  fits(`${UPSTREAM}\nmax_connection_bytes = 1`);
  refused(`${UPSTREAM}\nmax_connection_bytes = 0`, /^\[0\]\.max_connection_bytes/);
  refused(`${UPSTREAM}\nmax_connection_bytes = "1MiB"`, /^\[0\]\.max_connection_bytes/);
  assert.equal(routeOf(UPSTREAM).max_connection_bytes, undefined);
});

Deno.test("max_connections is at most a million, 0 for no limit, 1024 unless set", () => {
  fits(`${UPSTREAM}\nmax_connections = 0`);
  fits(`${UPSTREAM}\nmax_connections = 1000000`);
  refused(`${UPSTREAM}\nmax_connections = 1000001`, /^\[0\]\.max_connections/);
  assert.equal(routeOf(UPSTREAM).max_connections, 1024);
});

Deno.test("downstream_proxy_protocol needs trusted_proxies, and these have no effect without it", () => {
  const trusted = 'trusted_proxies = ["10.0.0.0/8"]';
  for (const version of ["v1", "v2"]) {
    fits(`${UPSTREAM}\n${trusted}\ndownstream_proxy_protocol = "${version}"`);
    const alone = `${UPSTREAM}\ndownstream_proxy_protocol = "${version}"`;
    refused(alone, /^\[0\]\.downstream_proxy_protocol: needs trusted_proxies/);
  }
  refused(`${UPSTREAM}\ndownstream_proxy_protocol = "v3"`, /^\[0\]\.downstream_proxy_protocol/);
  assert.match(
    said(`${UPSTREAM}\n${trusted}`)[0],
    /^warning \[0\]\.trusted_proxies: has no effect/,
  );
});

Deno.test("trusted_proxies are networks without host bits", () => {
  const header = 'downstream_proxy_protocol = "v1"';
  fits(`${UPSTREAM}\n${header}\ntrusted_proxies = ["192.0.2.1", "2001:db8::/32"]`);
  const loose = `${UPSTREAM}\n${header}\ntrusted_proxies = ["10.1.2.3/8"]`;
  refused(loose, /^\[0\]\.trusted_proxies\[0\]/);
});

for (const list of ["allow_sources", "deny_sources"]) {
  Deno.test(`${list} has at most 256 addresses or networks, each once`, () => {
    const entries = (count: number) =>
      Array.from({ length: count }, (_, i) => `"10.0.${i >> 8}.${i & 255}"`);
    fits(`${UPSTREAM}\n${list} = [${entries(256)}]`);
    refused(`${UPSTREAM}\n${list} = [${entries(257)}]`, new RegExp(`^\\[0\\]\\.${list}`));
    refused(`${UPSTREAM}\n${list} = ["10.0.0.1", "10.0.0.1"]`, new RegExp(`^\\[0\\]\\.${list}`));
    refused(`${UPSTREAM}\n${list} = ["db.test"]`, new RegExp(`^\\[0\\]\\.${list}\\[0\\]`));
  });
}

Deno.test("upstream_proxy_protocol is off, v1 or v2, and not for TLS", () => {
  for (const version of ["off", "v1", "v2"]) {
    fits(`${UPSTREAM}\nupstream_proxy_protocol = "${version}"`);
  }
  refused(
    `${UPSTREAM}\nupstream_tls = true\nupstream_proxy_protocol = "v2"`,
    /^\[0\]\.upstream_proxy_protocol: must be "off" with upstream_tls/,
  );
});

Deno.test("upstream_sni is needed to verify an address, and has no effect without TLS", () => {
  fits(`${UPSTREAM}\nupstream_tls = true`);
  fits('upstream = "192.0.2.1:1"\nupstream_tls = true\nupstream_sni = "db.test"');
  refused('upstream = "192.0.2.1:1"\nupstream_tls = true', /^\[0\]\.upstream_sni: is required/);
  refused('upstreams = ["a.test:1", "[::1]:1"]\nupstream_tls = true', /^\[0\]\.upstream_sni/);
  refused(`${UPSTREAM}\nupstream_tls = true\nupstream_sni = " "`, /^\[0\]\.upstream_sni/);
  const [warning] = said(`${UPSTREAM}\nupstream_sni = "db.test"`);
  assert.match(warning, /^warning \[0\]\.upstream_sni: .*has no effect without upstream_tls/);
});

Deno.test("upstream_verify_hostname is false where upstream_verify_cert is, with TLS or without", () => {
  for (const tls of ["upstream_tls = true", ""]) {
    refused(
      `${UPSTREAM}\n${tls}\nupstream_verify_cert = false`,
      /^\[0\]\.upstream_verify_hostname: must be false when upstream_verify_cert is false/,
    );
  }
  const off = "upstream_verify_cert = false\nupstream_verify_hostname = false";
  const [warning, ...others] = said(`${UPSTREAM}\nupstream_tls = true\n${off}`);
  assert.match(warning, /^warning \[0\]\.upstream_verify_cert: is false/);
  assert.deepEqual(others, []);
});

Deno.test("upstream_alternative_cn is a host name without a wildcard", () => {
  fits(`${UPSTREAM}\nupstream_tls = true\nupstream_alternative_cn = "other.test"`);
  refused(
    `${UPSTREAM}\nupstream_tls = true\nupstream_alternative_cn = "*.test"`,
    /^\[0\]\.upstream_alternative_cn/,
  );
});

Deno.test("upstream_ca_path needs TLS and verification", () => {
  refused(`${UPSTREAM}\nupstream_ca_path = "/ca.pem"`, /^\[0\]\.upstream_ca_path: needs/);
  const unverified = "upstream_verify_cert = false\nupstream_verify_hostname = false";
  refused(
    `${UPSTREAM}\nupstream_tls = true\n${unverified}\nupstream_ca_path = "/ca.pem"`,
    /^\[0\]\.upstream_ca_path: needs/,
  );
});

Deno.test("a client certificate and its key go together, and need TLS", () => {
  const cert = 'upstream_client_cert_path = "/c.pem"';
  const key = 'upstream_client_key_path = "/k.pem"';
  refused(
    `${UPSTREAM}\nupstream_tls = true\n${cert}`,
    /^\[0\]\.upstream_client_key_path: is missing/,
  );
  refused(
    `${UPSTREAM}\nupstream_tls = true\n${key}`,
    /^\[0\]\.upstream_client_cert_path: is missing/,
  );
  refused(`${UPSTREAM}\n${cert}\n${key}`, /^\[0\]\.upstream_client_cert_path: needs upstream_tls/);
});

function needsOf(text: string) {
  const { config, problems } = load(text);
  assert.ok(config !== undefined, problems.map(({ message }) => message).join());
  return module.needs!(config as Config, { workers: 1, name: () => "" });
}

Deno.test("workers may connect to the upstreams and listen, and to nothing more", () => {
  const { grants, listeners } = needsOf(`[stream]\nenabled = true\n${routeText(PAIR)}`);
  assert.deepEqual(grants?.net, [
    { value: "a.test:1", key: "stream.routes[0].upstreams[0]", for: "edge" },
    { value: "b.test:1", key: "stream.routes[0].upstreams[1]", for: "edge" },
  ]);
  assert.deepEqual(listeners?.map(({ kind, address }) => `${kind} ${address}`), [
    "tcp 127.0.0.1:5432",
  ]);
  const off = needsOf("[stream]\nenabled = false\n");
  assert.deepEqual([off.grants?.net, off.listeners, off.zones], [[], [], []]);
});

Deno.test("match_sni has at most 256 host names or patterns, match_alpn at most 16 protocols", () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `"h${i}.test"`);
  fits(`${UPSTREAM}\nmatch_sni = ["a.test", "*.b.test"]\nmatch_alpn = ["h2"]`);
  fits(`${UPSTREAM}\nmatch_sni = [${names(256)}]`);
  refused(`${UPSTREAM}\nmatch_sni = [${names(257)}]`, /^\[0\]\.match_sni/);
  refused(`${UPSTREAM}\nmatch_sni = ["a test"]`, /^\[0\]\.match_sni\[0\]/);
  fits(`${UPSTREAM}\nmatch_alpn = [${names(16)}]`);
  refused(`${UPSTREAM}\nmatch_alpn = [${names(17)}]`, /^\[0\]\.match_alpn/);
  refused(`${UPSTREAM}\nmatch_alpn = [""]`, /^\[0\]\.match_alpn\[0\]/);
});

Deno.test("routes share a listener where names or protocols keep them apart", () => {
  const other = (keys: string) => `name = "other"\n${UPSTREAM}\n${keys}`;
  assert.deepEqual(said(UPSTREAM, other('match_sni = ["a.test"]')), []);
  assert.deepEqual(
    said(`${UPSTREAM}\nmatch_sni = ["a.test"]`, other('match_sni = ["b.test"]')),
    [],
  );
  const same = said(`${UPSTREAM}\nmatch_sni = ["a.test"]`, other('match_sni = ["A.test"]'));
  assert.match(same[0], /^\[1\]\.listen\[0\]: .*which matches "a\.test" as well/);
  const apart = 'match_sni = ["a.test"]\nmatch_alpn = ["imap"]';
  assert.deepEqual(said(`${UPSTREAM}\nmatch_sni = ["a.test"]`, other(apart)), []);
});

Deno.test("routes of one listener agree on the PROXY header", () => {
  const header = 'downstream_proxy_protocol = "v1"\ntrusted_proxies = ["192.0.2.1"]';
  const problems = said(
    `${UPSTREAM}\nmatch_sni = ["a.test"]`,
    `name = "other"\n${UPSTREAM}\nmatch_sni = ["b.test"]\n${header}`,
  );
  assert.match(problems[0], /^\[1\]\.listen\[0\]: .*whose PROXY header or trusted_proxies differ/);
});

Deno.test("a route shares the listener of HTTPS only by name, and leaves the PROXY header to it", () => {
  const server = '[server]\ntls_listen = ["127.0.0.1:5432"]\n';
  const problems = (keys: string) =>
    load(`${server}[tls]\nenabled = true\n[stream]\nenabled = true\n${routeText(keys)}`).problems
      .map(({ key, message }) => `${key}: ${message}`)
      .filter((problem) => problem.startsWith("stream"));
  assert.deepEqual(problems(`${UPSTREAM}\nmatch_sni = ["a.test"]`), []);
  assert.match(
    problems(UPSTREAM)[0],
    /listen\[0\]: "127\.0\.0\.1:5432" is in server\.tls_listen, too/,
  );
  const header = 'downstream_proxy_protocol = "v1"\ntrusted_proxies = ["192.0.2.1"]';
  assert.match(
    problems(`${UPSTREAM}\nmatch_sni = ["a.test"]\n${header}`)[0],
    /where server\.proxy_protocol reads the header/,
  );
  const { listeners } = needsOf(
    `${server}[tls]\nenabled = true\n[stream]\nenabled = true\n${
      routeText(`${UPSTREAM}\nmatch_sni = ["a.test"]`)
    }`,
  );
  assert.deepEqual(listeners, []);
});

Deno.test("listen_tls ends TLS with the certificates of [tls], and stands for listen", () => {
  const tls = "[tls]\nenabled = true\n";
  const pair = 'certificates = [{ cert_path = "/c.pem", key_path = "/k.pem" }]\n';
  const problems = (keys: string, top: string) =>
    load(`${top}[stream]\nenabled = true\n${routeText(keys)}`).problems
      .map(({ key, message }) => `${key?.replace("stream.routes", "")}: ${message}`)
      .filter((problem) => problem.startsWith("["));
  const keys = `listen_tls = ["127.0.0.1:6432"]\n${UPSTREAM}`;
  assert.deepEqual(problems(keys, tls + pair), []);
  assert.match(problems(keys, "")[0], /^\[0\]\.listen_tls: needs tls\.enabled = true/);
  assert.match(problems(keys, tls)[0], /^\[0\]\.listen_tls: needs an entry of \[\[tls\.cert/);
  for (const more of ['match_sni = ["a.test"]', 'match_alpn = ["h2"]']) {
    assert.match(problems(`${keys}\n${more}`, tls + pair)[0], /^\[0\]\.listen_tls: ends TLS/);
  }
  const header = 'downstream_proxy_protocol = "v1"\ntrusted_proxies = ["192.0.2.1"]';
  assert.match(
    problems(`${keys}\n${header}`, tls + pair)[0],
    /^\[0\]\.listen_tls: needs downstream/,
  );
  assert.match(
    problems(`listen = ["127.0.0.1:6432"]\n${keys}`, tls + pair)[0],
    /^\[0\]\.listen_tls\[0\]: "127\.0\.0\.1:6432" belongs to/,
  );
});
