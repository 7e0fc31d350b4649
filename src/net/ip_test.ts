import assert from "node:assert/strict";
import { isIPv4, isIPv6, SocketAddress } from "node:net";
import fc from "fast-check";
import { canonicalIp, ipFamily, parseNetwork, socketAddress } from "./ip.ts";

Deno.test("IPv4 text is four decimal numbers without leading zeros", () => {
  for (const good of ["0.0.0.0", "1.2.3.4", "255.255.255.255"]) assert.equal(ipFamily(good), 4);
  for (
    const bad of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.04",
      "1..2.3",
      "0x1.2.3.4",
    ]
      .concat([
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4/32",
        "1.2.3.4:80",
        "16909060",
        "1.2.3.-4",
        "1.2.3.1000",
      ])
  ) {
    assert.equal(ipFamily(bad), 0, bad);
  }
});

Deno.test("IPv6 text is RFC 4291 without zone, brackets or port", () => {
  for (const good of ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:1.2.3.4"]) {
    assert.equal(ipFamily(good), 6, good);
  }
  for (
    const bad of [
      ":",
      ":::",
      "1:::2",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "12345::",
      "::g",
    ]
      .concat([
        "1:2:3:4:5:6:7::8",
        "fe80::1%eth0",
        "[::1]",
        "::1:",
        ":1::",
        "1:2:3:4:5:6:7:1.2.3.4",
      ])
      .concat(["::1.2.3", "::1.2.3.4.5", "::01.2.3.4"])
  ) {
    assert.equal(ipFamily(bad), 0, bad);
  }
});

Deno.test("IPv4-mapped IPv6 is the IPv4 address", () => {
  assert.equal(canonicalIp("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(canonicalIp("::FFFF:c000:0201"), "192.0.2.1");
  assert.equal(canonicalIp("::192.0.2.1"), "::c000:201", "a compatible address is another thing");
  assert.equal(socketAddress("::ffff:10.1.2.3"), "10.1.2.3");
  assert.equal(socketAddress("2001:db8::1"), "2001:db8::1");
});

Deno.test("canonical IPv6 text follows RFC 5952", () => {
  const vectors: [string, string][] = [
    ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["1:0:0:0:0:0:0:0", "1::"],
  ];
  for (const [text, canonical] of vectors) assert.equal(canonicalIp(text), canonical);
});

Deno.test("networks carry their prefix, whether canonical or not", () => {
  assert.deepEqual(parseNetwork("10.0.0.0/8")?.prefix, 8);
  assert.equal(parseNetwork("10.0.0.0/8")?.canonical, true);
  assert.equal(parseNetwork("10.0.0.1/8")?.canonical, false);
  assert.equal(parseNetwork("2001:db8::/32")?.canonical, true);
  assert.equal(parseNetwork("2001:db8::1/127")?.canonical, false);
  assert.equal(parseNetwork("192.0.2.1")?.prefix, 32);
  const mapped = parseNetwork("::ffff:10.0.0.0/104");
  assert.equal(mapped?.family, 4);
  assert.equal(mapped?.prefix, 8);
});

Deno.test("what is not a network is refused", () => {
  for (
    const bad of ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0 /8"]
      .concat(["/8", "10.0.0.0/8/8", "10.0.0.0/1e1", "::ffff:10.0.0.0/95", ""])
  ) {
    assert.equal(parseNetwork(bad), undefined, bad);
  }
});

Deno.test("the runtime's own address parser agrees", () => {
  // Characters an address is made of, so that many texts are nearly right.
  const nearly = fc.array(fc.constantFrom(..."0123456789abF:.:.:::"), { maxLength: 24 })
    .map((chars) => chars.join(""));
  const addresses = fc.oneof(fc.ipV4(), fc.ipV6(), nearly);
  fc.assert(
    fc.property(addresses, (text) => {
      const expected = isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0;
      const found = ipFamily(text);
      // A mapped address is IPv4 here; otherwise the two must agree.
      if (found !== expected) {
        assert.equal(expected, 6);
        assert.equal(found, 4);
        return;
      }
      if (found === 6) {
        const theirs = new SocketAddress({ address: text, family: "ipv6" }).address;
        assert.equal(canonicalIp(theirs), canonicalIp(text));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("canonical text is a fixed point", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const canonical = canonicalIp(text);
      assert.ok(canonical !== undefined);
      assert.equal(canonicalIp(canonical), canonical);
    }),
    { numRuns: 1000 },
  );
});
