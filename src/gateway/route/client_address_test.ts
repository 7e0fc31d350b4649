import assert from "node:assert/strict";
import fc from "fast-check";
import { HttpExchange } from "../../http/exchange.ts";
import type { ConnectionFacts } from "../../net/connection_facts.ts";
import { Fields } from "../../http/fields.ts";
import { TrustedPeers } from "../../net/trusted_peers.ts";
import { clientAddressOf, MAX_HOPS } from "./client_address.ts";

const TRUSTED = TrustedPeers.of(["10.0.0.0/8", "2001:db8::/32"]);

function client(peerAddress: string, ...chain: string[]): string {
  return clientAddressOf(TRUSTED)(exchange(peerAddress, chain));
}

function exchange(peerAddress: string, chain: string[], header = "x-forwarded-for"): HttpExchange {
  const connection: ConnectionFacts = {
    peerAddress,
    peerPort: 1,
    peerIsDirect: true,
    localAddress: "127.0.0.1",
    localPort: 80,
    listener: "127.0.0.1:80",
    tls: undefined,
  };
  const made = new HttpExchange(connection);
  made.request = Fields.of(...chain.map((line) => [header, line] as const));
  return made;
}

Deno.test("an untrusted peer is the client, whatever it forwards", () => {
  assert.equal(client("192.0.2.1", "198.51.100.7"), "192.0.2.1");
});

Deno.test("without trusted proxies the peer is the client", () => {
  const rule = clientAddressOf(TrustedPeers.of([]));
  assert.equal(rule(exchange("10.0.0.1", ["198.51.100.7"])), "10.0.0.1");
});

Deno.test("a trusted peer that forwards nothing is the client", () => {
  assert.equal(client("10.0.0.1"), "10.0.0.1");
});

Deno.test("the last hop that is not trusted is the client", () => {
  assert.equal(client("10.0.0.1", "198.51.100.7"), "198.51.100.7");
  assert.equal(client("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.0.0.2"), "198.51.100.7");
});

Deno.test("several lines are one chain", () => {
  assert.equal(
    client("10.0.0.1", "1.1.1.1", "198.51.100.7 , 10.0.0.2", "10.0.0.3"),
    "198.51.100.7",
  );
});

Deno.test("a malformed hop on the way gives the peer", () => {
  // Some of them would be addresses again without their last character.
  const open = ['"1.2.3.4', '"1.2.3.45', '"', "[::1", "[2001:db9::12", '"[2001:db9::1"'];
  const ports = ["1.2.3.4:x", "1.2.3.4:65536", "1.2.3.4:80:80", "a.test:80", "[2001:db9::1]80"];
  for (const hop of ["x", "", "[1.2.3.4]", "1.2.3", "_hidden", ...ports, ...open]) {
    assert.equal(client("10.0.0.1", `198.51.100.7, ${hop}, 10.0.0.2`), "10.0.0.1", hop);
  }
});

Deno.test("a malformed hop behind the client is not looked at", () => {
  assert.equal(client("10.0.0.1", "garbage, 198.51.100.7"), "198.51.100.7");
});

Deno.test("quotes, brackets and mapped addresses are read", () => {
  assert.equal(client("10.0.0.1", '"198.51.100.7"'), "198.51.100.7");
  assert.equal(client("10.0.0.1", '"[2001:DB9::0:1]"'), "2001:db9::1");
  assert.equal(client("10.0.0.1", "[2001:db9::1]"), "2001:db9::1");
  assert.equal(client("10.0.0.1", "::ffff:198.51.100.7"), "198.51.100.7");
});

Deno.test("a hop may have a port", () => {
  assert.equal(client("10.0.0.1", "198.51.100.7:50000"), "198.51.100.7");
  assert.equal(client("10.0.0.1", "1.1.1.1, 198.51.100.7:1, 10.0.0.2:443"), "198.51.100.7");
  assert.equal(client("10.0.0.1", "[2001:DB9::0:1]:50000"), "2001:db9::1");
  assert.equal(client("10.0.0.1", '"[2001:db9::1]:50000"'), "2001:db9::1");
  assert.equal(client("10.0.0.1", "[::ffff:198.51.100.7]:50000"), "198.51.100.7");
  // Without brackets the last group is part of the address, as RFC 4291 has it.
  assert.equal(client("10.0.0.1", "2001:db9::1:443"), "2001:db9::1:443");
});

Deno.test("a chain that cannot be read is reported with the proxy that sent it", () => {
  const reported: string[] = [];
  const rule = clientAddressOf(TRUSTED, (peer) => reported.push(peer));
  assert.equal(rule(exchange("10.0.0.1", ["198.51.100.7, unknown"])), "10.0.0.1");
  assert.deepEqual(reported, ["10.0.0.1"]);
  rule(exchange("192.0.2.1", ["unknown"]));
  rule(exchange("10.0.0.1", []));
  rule(exchange("10.0.0.1", ["unknown, 198.51.100.7:1"]));
  assert.deepEqual(reported, ["10.0.0.1"]);
});

Deno.test("unconfirmed choice: when all hops are trusted, the rightmost is the client", () => {
  assert.equal(client("10.0.0.1", "10.0.0.4, 2001:db8::3, 10.0.0.2"), "10.0.0.2");
});

Deno.test("a chain of more hops than are followed gives the peer", () => {
  assert.equal(MAX_HOPS, 64);
  const hops = Array(MAX_HOPS).fill("10.0.0.2");
  assert.equal(client("10.0.0.1", hops.join(",")), "10.0.0.2");
  assert.equal(client("10.0.0.1", ["1.1.1.1", ...hops.slice(1)].join(",")), "1.1.1.1");
  assert.equal(client("10.0.0.1", ["1.1.1.1", ...hops].join(",")), "10.0.0.1");
});

Deno.test("what a client makes up never becomes a trusted address's client of its choice", () => {
  // The proxy at the end of the chain appends the true client; nothing in front of it matters.
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (made) => {
      return client("10.0.0.1", `${made},203.0.113.9`) === "203.0.113.9";
    }),
  );
});

Deno.test("another header names one address, and only a trusted peer's counts", () => {
  const told: string[] = [];
  const rule = clientAddressOf(TRUSTED, (peer) => void told.push(peer), "cf-connecting-ip");
  const from = (peer: string, ...lines: string[]) =>
    rule(exchange(peer, lines, "cf-connecting-ip"));
  assert.equal(from("10.0.0.1", "198.51.100.7"), "198.51.100.7");
  assert.equal(from("10.0.0.1", "[2001:db9::7]:443"), "2001:db9::7");
  assert.equal(from("192.0.2.1", "198.51.100.7"), "192.0.2.1");
  assert.equal(from("10.0.0.1"), "10.0.0.1");
  assert.deepEqual(told, []);
  for (
    const lines of [["198.51.100.7, 198.51.100.8"], ["198.51.100.7", "198.51.100.8"], ["x"], [""]]
  ) {
    assert.equal(from("10.0.0.1", ...lines), "10.0.0.1", lines.join("|"));
  }
  assert.equal(told.length, 4);
  // What the usual header says does not count then.
  assert.equal(rule(exchange("10.0.0.1", ["198.51.100.7"])), "10.0.0.1");
});
