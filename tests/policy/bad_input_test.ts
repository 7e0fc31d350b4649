import assert from "node:assert/strict";
import { loadText } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problems/problems.ts";
import { profile } from "../../src/profiles/development.ts";

const VHOST = `
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
`;

/** What is said about a vhost with these tables, in one text. */
function saidAbout(tables: string, before = ""): string {
  const { problems } = loadText(
    `${before}${VHOST}${tables}`,
    profile.modules.flatMap((module) => module.schema),
    profile.modules.flatMap((module) => module.check?.bind(module) ?? []),
  );
  return problems.map(formatProblem).join("\n");
}

const CASES: readonly (readonly [what: string, tables: string, key: string, allowed: string])[] = [
  [
    "an unparsable network",
    'access = { deny = ["10.0.0.0/33"] }',
    "vhosts[0].access.deny[0]",
    'must be an IP address or a prefix such as "192.0.2.7" or "10.0.0.0/8"',
  ],
  [
    "a network twice",
    'access = { deny = ["10.0.0.1", "10.0.0.1"] }',
    "vhosts[0].access.deny[1]",
    "must not be in the list twice",
  ],
  [
    "an invalid fingerprint",
    'access = { allow_client_cert_sha256 = ["abc"] }',
    "vhosts[0].access.allow_client_cert_sha256[0]",
    "must be 64 hexadecimal digits",
  ],
  [
    "a country in lower case",
    'access = { allow_countries = ["se"] }',
    "vhosts[0].access.allow_countries[0]",
    "two upper-case letters",
  ],
  [
    "countries without geoip",
    'access = { allow_countries = ["SE"] }',
    "vhosts[0].access.allow_countries",
    "geoip.enabled",
  ],
  [
    "a place in a request field without geoip",
    'headers.request.set = { x-country = "{geo.country}" }',
    "vhosts[0].headers.request.set.x-country",
    "geoip.enabled",
  ],
  [
    "a place behind what a client claims",
    'headers.request.append = { x-country = "{geo.country}" }',
    "vhosts[0].headers.request.append.x-country",
    "stand in set only",
  ],
  [
    "a zero rate",
    "rate_limit = { enabled = true, requests_per_second = 0 }",
    "vhosts[0].rate_limit.requests_per_second",
    "must be from 1 to 1000000",
  ],
  [
    "a rate that is missing",
    "rate_limit = { enabled = true }",
    "vhosts[0].rate_limit.requests_per_second",
    "must be given",
  ],
  [
    "an unknown mode",
    'rate_limit = { mode = "slow" }',
    "vhosts[0].rate_limit.mode",
    "nodelay",
  ],
  [
    "no permits",
    "concurrency = { enabled = true, max_in_flight = 0 }",
    "vhosts[0].concurrency.max_in_flight",
    "must be from 1 to 1000000",
  ],
  [
    "an unknown encoding",
    "compression = { enabled = true, deflate = true }",
    "vhosts[0].compression.deflate",
    "brotli",
  ],
  [
    "no encoding",
    "compression = { enabled = true, gzip = false }",
    "vhosts[0].compression.enabled",
    "gzip, zstd and brotli",
  ],
];

for (const [what, tables, key, allowed] of CASES) {
  Deno.test(`${what} is refused with the key and what is allowed`, () => {
    const said = saidAbout(tables);
    assert.ok(said.includes(key), said);
    assert.ok(said.includes(allowed), said);
  });
}

Deno.test("an unknown provider is refused with the key and what is allowed", () => {
  const said = saidAbout(
    "",
    '[geoip]\nenabled = true\ndatabases = [{ provider = "dbip", path = "/x.mmdb" }]\n',
  );
  assert.ok(said.includes("geoip.databases[0].provider"), said);
  assert.ok(said.includes("maxmind") && said.includes("circl-geo-open"), said);
});

Deno.test("right tables are taken", () => {
  const said = saidAbout(`
access = { allow = ["10.0.0.0/8"], deny = ["10.1.0.0/16", "2001:db8::/32"] }
rate_limit = { enabled = true, requests_per_second = 10, mode = "delay" }
concurrency = { enabled = true, max_in_flight = 10, queue_timeout_ms = 100 }
compression = { enabled = true, brotli = true, min_bytes = "2 KiB" }
`);
  assert.equal(said, "");
});
