import assert from "node:assert/strict";
import { isRestricted, restrictedList } from "./restricted.ts";

const RESTRICTED = [
  "0.1.2.3",
  "10.0.0.1",
  "100.64.0.1",
  "127.0.0.1",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "192.0.2.1",
  "198.51.100.1",
  "203.0.113.1",
  "198.18.0.1",
  "198.19.255.255",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "ff02::1",
  "fd00::1",
  "fe80::1",
  "2001:db8::1",
  "::ffff:127.0.0.1",
  "::ffff:10.0.0.1",
  "::10.0.0.1",
  "100::1",
];

const PUBLIC = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"];

Deno.test("private, local and reserved addresses are restricted, in their IPv6 forms too", () => {
  assert.deepEqual(RESTRICTED.filter((address) => !isRestricted(address)), []);
  assert.deepEqual(PUBLIC.filter(isRestricted), []);
  // 6to4 and NAT64; Teredo, with 10.0.0.1 inverted.
  for (const address of ["2002:0a00:0001::", "64:ff9b::127.0.0.1", "2001::f5ff:fffe"]) {
    assert.ok(isRestricted(address));
  }
  assert.ok(isRestricted("localhost"), "what is no address leads nowhere good");
});

Deno.test("the list that connections are held to says the same", () => {
  const list = restrictedList();
  const blocks = (address: string) => list.check(address, address.includes(":") ? "ipv6" : "ipv4");
  assert.deepEqual(RESTRICTED.filter((address) => !blocks(address)), []);
  assert.deepEqual(PUBLIC.filter(blocks), []);
});
