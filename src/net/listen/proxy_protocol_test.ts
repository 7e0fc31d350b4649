import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalIp } from "../ip.ts";
import { encodeProxyHeader, parseProxyHeader, type ProxyHeader } from "./proxy_protocol.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function parseV1(line: string): ProxyHeader {
  const bytes = bytesOf(line);
  return parseProxyHeader("v1", bytes, bytes.length);
}

/** A v2 header from its variable parts. */
function v2(command: number, family: number, payload: number[], size = payload.length): Uint8Array {
  const signature = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10];
  return Uint8Array.of(...signature, command, family, size >> 8, size & 255, ...payload);
}

function parseV2(bytes: Uint8Array): ProxyHeader {
  return parseProxyHeader("v2", bytes, bytes.length);
}

const TCP4_PAYLOAD = [192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 1, 187];

Deno.test("v1 names the source of a TCP4 or TCP6 connection", () => {
  assert.deepEqual(parseV1("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\nGET"), {
    state: "complete",
    length: 45,
    source: { address: "192.0.2.1", port: 12345 },
  });
  const v6 = parseV1("PROXY TCP6 2001:DB8::1 ::1 0 65535\r\n");
  assert.deepEqual(v6.state === "complete" && v6.source, { address: "2001:db8::1", port: 0 });
});

Deno.test("v1 UNKNOWN has no source, whatever follows", () => {
  for (const line of ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ::1 any thing\r\n"]) {
    assert.deepEqual(parseV1(line), { state: "complete", length: line.length, source: undefined });
  }
});

Deno.test("v1 lines that are not to the letter are invalid", () => {
  for (
    const line of [
      "GET / HTTP/1.1\r\n",
      "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
      "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
      "PROXY TCP4 ::1 ::1 1 2\r\n",
      "PROXY TCP6 1.1.1.1 ::1 1 2\r\n",
      "PROXY TCP6 ::1 1.1.1.1 1 2\r\n",
      "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
      "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
      "PROXY UNKNOWNX\r\n",
      "PROXY\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rX",
      "PROXY TCP4\t1.1.1.1 2.2.2.2 1 2\r\n",
      "PROXY UNKNOWN \u00e9\r\n",
    ]
  ) {
    assert.equal(parseV1(line).state, "invalid", JSON.stringify(line));
  }
});

Deno.test("a v1 line ends within 108 bytes", () => {
  const filler = (size: number) => `PROXY UNKNOWN ${"x".repeat(size - 16)}\r\n`;
  assert.equal(parseV1(filler(108)).state, "complete");
  assert.equal(parseV1(filler(109)).state, "invalid");
  assert.equal(parseV1(filler(109).slice(0, 108)).state, "invalid");
});

Deno.test("v2 names the source of a TCP over IPv4 or IPv6 connection", () => {
  assert.deepEqual(parseV2(v2(0x21, 0x11, TCP4_PAYLOAD)), {
    state: "complete",
    length: 28,
    source: { address: "192.0.2.1", port: 12345 },
  });
  const address = [0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1];
  assert.deepEqual(parseV2(v2(0x21, 0x21, [...address, ...address, 0, 80, 0, 81])), {
    state: "complete",
    length: 52,
    source: { address: "2001:db8::1", port: 80 },
  });
});

Deno.test("v2 LOCAL and an unspecified family have no source", () => {
  for (
    const header of [v2(0x20, 0x11, TCP4_PAYLOAD), v2(0x20, 0xff, []), v2(0x21, 0, [1, 2, 3])]
  ) {
    assert.deepEqual(parseV2(header), {
      state: "complete",
      length: header.length,
      source: undefined,
    });
  }
});

Deno.test("v2 TLVs after the addresses are skipped", () => {
  const header = parseV2(v2(0x21, 0x11, [...TCP4_PAYLOAD, 1, 0, 2, 104, 50]));
  assert.equal(header.state === "complete" && header.length, 33);
});

Deno.test("an IPv4-mapped v2 source is the IPv4 address", () => {
  const mapped = [...new Array(10).fill(0), 255, 255, 192, 0, 2, 1];
  const header = parseV2(v2(0x21, 0x21, [...mapped, ...mapped, 0, 1, 0, 2]));
  assert.deepEqual(header.state === "complete" && header.source, { address: "192.0.2.1", port: 1 });
});

Deno.test("v2 headers that are not to the letter are invalid", () => {
  const cases: Record<string, Uint8Array> = {
    "version 1": v2(0x11, 0x11, TCP4_PAYLOAD),
    "command 2": v2(0x22, 0x11, TCP4_PAYLOAD),
    "UDP": v2(0x21, 0x12, TCP4_PAYLOAD),
    "UNIX": v2(0x21, 0x31, new Array(216).fill(0)),
    "short IPv4 payload": v2(0x21, 0x11, TCP4_PAYLOAD.slice(1)),
    "short IPv6 payload": v2(0x21, 0x21, new Array(35).fill(0)),
    "4097 bytes": v2(0x21, 0x11, TCP4_PAYLOAD, 4097),
    "wrong signature": bytesOf("\r\n\r\n\0\r\nQUIX"),
    "a v1 line": bytesOf("PROXY UNKNOWN\r\n"),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    assert.equal(parseV2(bytes).state, "invalid", name);
  }
});

Deno.test("an incomplete header is partial at every length", () => {
  const whole: ["v1" | "v2", Uint8Array][] = [
    ["v1", bytesOf("PROXY TCP6 2001:db8::1 ::1 1 2\r\n")],
    ["v2", v2(0x21, 0x11, TCP4_PAYLOAD)],
  ];
  for (const [version, bytes] of whole) {
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(parseProxyHeader(version, bytes, length).state, "partial", `${length}`);
    }
    assert.equal(parseProxyHeader(version, bytes, bytes.length).state, "complete");
  }
});

Deno.test("a header that was written is read back", () => {
  const port = fc.nat(65535);
  const pair = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6()))
    .map(([a, b]) => [canonicalIp(a) ?? a, canonicalIp(b) ?? b] as const)
    .filter(([a, b]) => a.includes(":") === b.includes(":"));
  fc.assert(
    fc.property(fc.constantFrom("v1" as const, "v2" as const), pair, port, port, (v, ips, p, q) => {
      const source = { address: ips[0], port: p };
      const header = encodeProxyHeader(v, source, { address: ips[1], port: q });
      assert.deepEqual(parseProxyHeader(v, header, header.length), {
        state: "complete",
        length: header.length,
        source,
      });
    }),
  );
});

Deno.test("arbitrary bytes are read without a fault", () => {
  const start = fc.constantFrom(v2(0x21, 0x11, []).subarray(0, 12), bytesOf("PROXY TCP4 1."), []);
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (head, tail) => {
      const bytes = Uint8Array.of(...head, ...tail);
      for (const version of ["v1", "v2"] as const) {
        const header = parseProxyHeader(version, bytes, bytes.length);
        if (header.state === "complete") assert.ok(header.length <= bytes.length);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a header without two addresses of one family names none", () => {
  const v4 = { address: "192.0.2.1", port: 1 };
  const v6 = { address: "2001:db8::1", port: 2 };
  const name = { address: "localhost", port: 2 };
  for (const [from, to] of [[undefined, v4], [v4, undefined], [v4, v6], [name, name]]) {
    assert.equal(new TextDecoder().decode(encodeProxyHeader("v1", from, to)), "PROXY UNKNOWN\r\n");
    assert.deepEqual(encodeProxyHeader("v2", from, to), v2(0x21, 0, []));
  }
});
