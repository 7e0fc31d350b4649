import assert from "node:assert/strict";
import fc from "fast-check";
import { isLikeName, isSameAuthority, readAuthority, splitAuthority } from "./authority.ts";

const READ: readonly (readonly [given: string, host: string, port?: number])[] = [
  ["example.com", "example.com"],
  ["Example.COM:8080", "example.com", 8080],
  ["a", "a"],
  ["a-b.c1:0", "a-b.c1", 0],
  ["1.a", "1.a"],
  ["0x1g", "0x1g"],
  ["_x._y", "_x._y"],
  ["127.0.0.1:65535", "127.0.0.1", 65_535],
  ["[::1]:443", "::1", 443],
  ["[2001:DB8:0:0::1]", "2001:db8::1"],
  ["[::ffff:192.0.2.1]", "192.0.2.1"],
  [`${"a".repeat(63)}.b`, `${"a".repeat(63)}.b`],
  [`${`${"a".repeat(49)}.`.repeat(5)}abc:1`, `${`${"a".repeat(49)}.`.repeat(5)}abc`, 1],
];

Deno.test("an authority has a host in normal form, perhaps a port, and its text as it came", () => {
  for (const [text, host, port] of READ) {
    assert.deepEqual(readAuthority(text), { text, host, port });
  }
});

Deno.test("an empty port is no port", () => {
  assert.deepEqual(readAuthority("A.b:"), { text: "A.b", host: "a.b", port: undefined });
  assert.deepEqual(readAuthority("[::1]:"), { text: "[::1]", host: "::1", port: undefined });
});

const REFUSED: readonly string[] = [
  ..."| |.|:|:80|a.|.a|a..b|-a|a-|a-.b|a.-b|a b|a\t|a,b|a/b|a\\b|a?b|a#b|u@a|u:p@a|a%20b|a~b|a*|*|*.a"
    .split("|"),
  "é.test",
  "a\0",
  "a:65536",
  "a:100000",
  "a:80a",
  "a:+80",
  "a:080",
  "a:00",
  "a::",
  "a:80:",
  "::1",
  "[::1",
  "[::1]a",
  "[::1]80",
  "[]",
  "[a]",
  "[127.0.0.1]",
  "[::1%eth0]",
  "[::1%25eth0]",
  "[v1.a]",
  "1.2.3",
  "1.2.3.4.5",
  "256.0.0.1",
  "01.2.3.4",
  "2130706433",
  "0x7f000001",
  "0X7F.1",
  "127.0x1",
  "a.0x",
  "a.9",
  "a".repeat(64),
  `${"a".repeat(49)}.`.repeat(5) + "abcd",
];

Deno.test("what is not a host that all readers read alike is refused", () => {
  for (const text of REFUSED) assert.equal(readAuthority(text), undefined, JSON.stringify(text));
});

Deno.test("what is refused may be written like a name all the same", () => {
  for (const text of ["a..b", "-a", "a_b.1", "127.1:80", "A".repeat(300)]) {
    assert.ok(isLikeName(text), text);
  }
  for (const text of ["", ".a", "a.", "a,b", "u@a", "[::1", "a:x", "a:080", "é"]) {
    assert.ok(!isLikeName(text), text);
  }
});

Deno.test("authorities are the same but for case and an empty port", () => {
  const isSame = (one: string, other: string) =>
    isSameAuthority(readAuthority(one)!, readAuthority(other)!);
  assert.ok(isSame("A.b:", "a.B"));
  assert.ok(isSame("a:1", "A:1"));
  assert.ok(!isSame("a", "a:80"));
  assert.ok(!isSame("a", "b"));
});

Deno.test("property: the text of an authority is read as the same host and port", () => {
  const text = fc.oneof(
    fc.stringMatching(/^[aA0x._-]{1,8}(:[0-9]{0,6})?$/),
    fc.ipV6().map((ip) => `[${ip}]:`),
    fc.ipV4Extended(),
    fc.webAuthority(),
    fc.string(),
  );
  fc.assert(fc.property(text, (given) => {
    const authority = readAuthority(given);
    if (authority === undefined) return;
    assert.deepEqual(readAuthority(authority.text), authority);
    const bare = authority.host.includes(":") ? `[${authority.host}]` : authority.host;
    assert.equal(readAuthority(bare)?.host, authority.host);
  }));
});

Deno.test("property: URLs with an authority that is read here have the same host", () => {
  const text = fc.oneof(
    fc.stringMatching(/^[aA0-9x.-]{1,8}(:[0-9]{0,6})?$/),
    fc.ipV6().map((ip) => `[${ip}]`),
    fc.ipV4Extended(),
    fc.domain(),
  );
  fc.assert(fc.property(text, (given) => {
    const authority = readAuthority(given);
    // A host that IDNA has its own rules for is no matter of this parser.
    if (authority === undefined || /xn--|:ffff:/i.test(given)) return;
    const url = URL.parse(`http://${given}/`);
    assert.equal(url?.hostname.replace(/^\[|\]$/g, ""), authority.host, given);
  }));
});

Deno.test("the authority of a configuration splits into its host without brackets and its port", () => {
  assert.deepEqual(splitAuthority("[::1]:80"), { host: "::1", port: 80 });
  assert.deepEqual(splitAuthority("a.b.:0"), { host: "a.b.", port: 0 });
  for (const text of ["::1:80", "a", "a:", ":80", "[::1]", "[a]:1", "a b:1", "a:65536"]) {
    assert.equal(splitAuthority(text), undefined, text);
  }
});
