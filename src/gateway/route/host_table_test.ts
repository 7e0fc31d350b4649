import assert from "node:assert/strict";
import { HOST_REFUSALS, HostTable } from "./host_table.ts";

const VHOSTS = [
  { name: "main", hosts: ["example.com", "www.example.com"] },
  { name: "apps", hosts: ["*.example.com"] },
  { name: "deep", hosts: ["*.a.example.com", "192.0.2.1"] },
];
const lenient = { defaultVhost: undefined, strict: false };
const strict = { defaultVhost: undefined, strict: true };

Deno.test("an exact name wins over a wildcard", () => {
  const table = new HostTable(VHOSTS, lenient);
  assert.equal(table.find("www.example.com"), 0);
  assert.equal(table.kind("www.example.com"), "exact");
});

Deno.test("a wildcard stands for exactly one label", () => {
  const table = new HostTable(VHOSTS, lenient);
  assert.equal(table.find("shop.example.com"), 1);
  assert.equal(table.kind("shop.example.com"), "wildcard");
  assert.equal(table.find("x.a.example.com"), 2);
  assert.equal(table.find("x.y.example.com"), -1);
  assert.equal(table.find("com"), -1);
});

Deno.test("a wildcard does not match its own suffix", () => {
  const table = new HostTable([{ name: "apps", hosts: ["*.example.com"] }], lenient);
  assert.equal(table.find("example.com"), -1);
});

Deno.test("an IP address is an exact name", () => {
  assert.equal(new HostTable(VHOSTS, lenient).find("192.0.2.1"), 2);
});

Deno.test("what no vhost names goes to the first vhost", () => {
  const table = new HostTable(VHOSTS, lenient);
  assert.equal(table.select("other.test", "other.test"), 0);
  assert.equal(table.select("", ""), 0);
  assert.equal(table.kind("other.test"), "default");
});

Deno.test("an invalid host goes to no vhost, not even to one that serves every host", () => {
  const implicit = new HostTable([{ name: "default", hosts: [] }], lenient);
  for (const table of [new HostTable(VHOSTS, lenient), implicit]) {
    assert.equal(table.select("a..b", ""), "invalid");
  }
});

Deno.test("a name with an underscore is valid where a vhost names it", () => {
  const table = new HostTable([...VHOSTS, { name: "gw", hosts: ["api_gw"] }], lenient);
  assert.equal(table.select("api_gw", "api_gw"), 3);
  assert.equal(table.select("a_b.example.com", "a_b.example.com"), 1);
  assert.equal(table.select("a_b.test", "a_b.test"), "invalid");
  const implicit = new HostTable([{ name: "default", hosts: [] }], strict);
  assert.equal(implicit.select("a_b.test", "a_b.test"), 0);
});

Deno.test("what no vhost names goes to the named default vhost", () => {
  const table = new HostTable(VHOSTS, { defaultVhost: "deep", strict: false });
  assert.equal(table.select("other.test", "other.test"), 2);
});

Deno.test("strict routing tells missing, invalid and unknown hosts apart", () => {
  const table = new HostTable(VHOSTS, strict);
  assert.equal(table.select("", ""), "missing");
  assert.equal(table.select("a..b", ""), "invalid");
  assert.equal(table.select("a_b", "a_b"), "invalid");
  assert.equal(table.select("other.test", "other.test"), "unknown");
  assert.equal(table.select("Example.com", "example.com"), 0);
});

Deno.test("a missing or invalid host is a bad request, an unknown one is misdirected", () => {
  const answers = Object.entries(HOST_REFUSALS).map(([reason, { status, text, close }]) =>
    `${reason}: ${status} ${text}${close === true ? ", closed" : ""}`
  );
  assert.deepEqual(answers, [
    "missing: 400 missing host header, closed",
    "invalid: 400 invalid host header, closed",
    "unknown: 421 unknown host, closed",
  ]);
});

Deno.test("a vhost without host names serves every host, strict or not", () => {
  const table = new HostTable([{ name: "default", hosts: [] }], strict);
  assert.equal(table.select("", ""), 0);
  assert.equal(table.select("other.test", "other.test"), 0);
});
