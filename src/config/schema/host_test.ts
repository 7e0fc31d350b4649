import assert from "node:assert/strict";
import fc from "fast-check";
import { normalizeHost, normalizeHostPattern } from "./host.ts";

const NORMAL: readonly (readonly [given: string, normal: string])[] = [
  ["example.com", "example.com"],
  ["Example.COM", "example.com"],
  ["example.com.", "example.com"],
  ["example.com..", "example.com"],
  [" \texample.com ", "example.com"],
  ["example.com:8080", "example.com"],
  ["example.com.:8080", "example.com"],
  ["example.com:", "example.com"],
  ["example.com.:", "example.com"],
  ["Api_GW", "api_gw"],
  ["localhost", "localhost"],
  ["a-b.c1", "a-b.c1"],
  ["1.a", "1.a"],
  ["127.0.0.1", "127.0.0.1"],
  ["127.0.0.1:65535", "127.0.0.1"],
  ["[::1]", "::1"],
  ["[::1]:443", "::1"],
  ["::1", "::1"],
  ["[2001:DB8:0:0:0:0:0:1]", "2001:db8::1"],
  ["[::ffff:192.0.2.1]", "192.0.2.1"],
  [`${"a".repeat(63)}.b`, `${"a".repeat(63)}.b`],
];

const NO_HOST = [
  "",
  " ",
  ".",
  ".example.com",
  "a..b",
  "-a.b",
  "a-.b",
  "a~b",
  "*",
  "*.example.com",
  "a b",
  "a/b",
  "a\\b",
  "a?b",
  "a#b",
  "u@a",
  "a%20b",
  "a\u0000",
  "münchen.de",
  "1.2.3",
  "256.0.0.1",
  "a.123",
  "example.com::",
  "127.1",
  "0x7f000001",
  "example.com:65536",
  "example.com:8o",
  "example.com:000080",
  "[::1",
  "[::1]443",
  "[127.0.0.1]",
  "[example.com]",
  "[fe80::1%eth0]",
  "::1::",
  "a".repeat(64),
  "a.".repeat(128),
];

Deno.test("hosts are compared in one form", () => {
  for (const [given, normal] of NORMAL) assert.equal(normalizeHost(given), normal, given);
});

Deno.test("what is neither a DNS name nor an IP literal has no form", () => {
  for (const given of NO_HOST) assert.equal(normalizeHost(given), undefined, given);
});

Deno.test("a name may have 253 bytes", () => {
  const long = `${`${"a".repeat(49)}.`.repeat(5)}abc`;
  assert.equal(long.length, 253);
  assert.equal(normalizeHost(long), long);
  assert.equal(normalizeHost(`${long}d`), undefined);
});

Deno.test("a wildcard is the whole first label of a DNS name", () => {
  assert.equal(normalizeHostPattern("*.Example.com."), "*.example.com");
  assert.equal(normalizeHostPattern("Example.com"), "example.com");
  for (const given of ["*", "*.", "*.*", "*a.b", "a.*", "*.127.0.0.1", "*.[::1]", "*.::1"]) {
    assert.equal(normalizeHostPattern(given), undefined, given);
  }
});

Deno.test("property: the normal form of a normal form is itself", () => {
  const host = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6().map((ip) => `[${ip}]`),
    fc.string(),
    fc.stringMatching(/^[a-zA-Z0-9.:-]{0,20}$/),
  );
  fc.assert(fc.property(host, (given) => {
    const normal = normalizeHost(given);
    if (normal !== undefined) assert.equal(normalizeHost(normal), normal);
  }));
});
