import assert from "node:assert/strict";
import { BlockList } from "node:net";
import fc from "fast-check";
import { formatIp, ipFamily, parseNetwork } from "./ip.ts";
import { IpSet } from "./ip_set.ts";

Deno.test("a set holds its addresses and networks and nothing else", () => {
  const set = IpSet.of(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]);
  for (const inside of ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8:ffff::", "::1"]) {
    assert.equal(set.has(inside), true, inside);
  }
  for (
    const outside of ["9.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.8", "2001:db9::", "::"]
  ) {
    assert.equal(set.has(outside), false, outside);
  }
});

Deno.test("ranges that nearly touch, in whichever part of the address, hold nothing between them", () => {
  const v4 = IpSet.of(["10.0.0.1", "10.0.0.3", "10.0.0.5"]);
  for (const outside of ["10.0.0.0", "10.0.0.2", "10.0.0.4", "10.0.0.6"]) {
    assert.equal(v4.has(outside), false, outside);
  }
  // The next word is larger by one, but much lies between.
  const v6 = IpSet.of(["2001:db8::", "2001:db8:0:1::", "2001:db8:0:2::/64"]);
  for (const outside of ["2001:db8::1", "2001:db8::ffff:0:0", "2001:db8:0:1::1"]) {
    assert.equal(v6.has(outside), false, outside);
  }
  for (const inside of ["2001:db8::", "2001:db8:0:1::", "2001:db8:0:2:ffff::"]) {
    assert.equal(v6.has(inside), true, inside);
  }
});

Deno.test("host bits in an entry do not matter", () => {
  assert.equal(IpSet.of(["10.1.2.3/8"]).has("10.9.9.9"), true);
});

Deno.test("a mapped address is looked up as IPv4", () => {
  assert.equal(IpSet.of(["192.0.2.0/24"]).has("::ffff:192.0.2.9"), true);
});

Deno.test("a network of everything holds everything of its family", () => {
  assert.equal(IpSet.of(["0.0.0.0/0"]).has("255.255.255.255"), true);
  assert.equal(IpSet.of(["0.0.0.0/0"]).has("::2"), false);
  assert.equal(IpSet.of(["::/0"]).has("ffff::"), true);
  assert.equal(IpSet.of(["::/0"]).has("1.2.3.4"), false);
});

Deno.test("text that is no address is in no set", () => {
  assert.equal(IpSet.of(["0.0.0.0/0", "::/0"]).has("localhost"), false);
});

Deno.test("an empty set says so", () => {
  assert.equal(IpSet.of([]).empty, true);
  assert.equal(IpSet.of(["::1"]).empty, false);
});

Deno.test("an entry that is no network is a fault of the caller", () => {
  assert.throws(() => IpSet.of(["example.com"]), TypeError);
});

Deno.test("node:net BlockList gives the same answers", () => {
  // Few distinct words and their neighbours, so that entries overlap and addresses hit or nearly miss them.
  const word = fc.oneof(
    fc.constantFrom(0, 1, 2, 0x0a000000, 0x0a000001, 0x20010db8, 0x20010db9, 0xffffffff),
    fc.nat(0xffffffff),
  );
  const words = fc.tuple(word, word, word, word).map((w) => Uint32Array.from(w));
  const v4 = words.map((w) => formatIp(4, w));
  const v6 = words.map((w) => formatIp(6, w)).filter((text) => ipFamily(text) === 6);
  const entry = fc.oneof(
    fc.tuple(v4, fc.nat(32)).map(([ip, prefix]) => `${ip}/${prefix}`),
    fc.tuple(v6, fc.nat(128)).map(([ip, prefix]) => `${ip}/${prefix}`),
    v4,
    v6,
  );
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 12 }),
      fc.array(fc.oneof(v4, v6)),
      (entries, probes) => {
        const theirs = new BlockList();
        for (const text of entries) {
          const [ip, prefix] = text.split("/");
          const family = ipFamily(ip) === 4 ? "ipv4" : "ipv6";
          if (prefix === undefined) theirs.addAddress(ip, family);
          else theirs.addSubnet(ip, Number(prefix), family);
        }
        const ours = IpSet.of(entries);
        for (const probe of [...probes, ...entries.map((e) => e.split("/")[0])]) {
          const family = ipFamily(probe) === 4 ? "ipv4" : "ipv6";
          // BlockList also matches IPv4 against IPv6 networks that hold its mapped form; we do not.
          if (family === "ipv4" && entries.some((e) => holdsMapped(e))) continue;
          assert.equal(ours.has(probe), theirs.check(probe, family), `${probe} in ${entries}`);
        }
      },
    ),
    { numRuns: 500 },
  );
});

/** Whether an IPv6 entry is so wide that it holds the IPv4-mapped addresses. */
function holdsMapped(entry: string): boolean {
  const network = parseNetwork(entry);
  return network?.family === 6 && network.prefix <= 96 && IpSet.of([entry]).hasWords(
    6,
    Uint32Array.of(0, 0, 0xffff, 0),
  );
}
