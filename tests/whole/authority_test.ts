/**
 * One judge of hosts: `Host`, an absolute target and `:authority` select the same vhost for the same
 * name or are refused alike, and what is forwarded names no other vhost than the one that served it.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RawPeer } from "../../src/http/h2/testing/connection.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { TestGateway } from "../testing/gateway.ts";
import { freePort } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:{tls}"]

[tls]
enabled = true
certificates = [{ cert_path = "{dir}/tls/cert.pem", key_path = "{dir}/tls/key.pem" }]

[[vhosts]]
name = "main"
hosts = ["www.test"]
proxy = { upstream = "127.0.0.1:{upstream}" }
headers.request = { forwarded = true, set = { x-vhost = "main" } }

[[vhosts]]
name = "admin"
hosts = ["admin.test", "[2001:db8::1]", "192.0.2.1", "api_gw"]
proxy = { upstream = "127.0.0.1:{upstream}" }
headers.request = { forwarded = true, set = { x-vhost = "admin" } }

[[vhosts]]
name = "apps"
hosts = ["*.apps.test"]
proxy = { upstream = "127.0.0.1:{upstream}" }
headers.request = { forwarded = true, set = { x-vhost = "apps" } }
`;

/** An authority, the vhost it selects, and the text that is forwarded where it is another one. */
type Valid = readonly [given: string, vhost: string, forwarded?: string];

const VALID: readonly Valid[] = [
  ["www.test", "main"],
  ["admin.test", "admin"],
  ["Admin.TEST", "admin"],
  ["admin.test:8080", "admin"],
  ["admin.test:0", "admin"],
  ["admin.test:65535", "admin"],
  ["admin.test:", "admin", "admin.test"],
  ["ADMIN.test:", "admin", "ADMIN.test"],
  ["www.test:", "main", "www.test"],
  ["[2001:db8::1]", "admin"],
  ["[2001:DB8:0::1]:443", "admin"],
  ["[2001:db8::1]:", "admin", "[2001:db8::1]"],
  ["192.0.2.1", "admin"],
  ["192.0.2.1:80", "admin"],
  ["192.0.2.1:", "admin", "192.0.2.1"],
  ["[::ffff:192.0.2.1]", "admin"],
  ["api_gw:8080", "admin"],
  ["shop.apps.test", "apps"],
  ["a_b.apps.test", "apps"],
  ["a.b.apps.test", "main"],
  ["other.test", "main"],
  ["localhost", "main"],
  [`${"a".repeat(63)}.test`, "main"],
];

const INVALID: readonly string[] = [
  "a..test",
  "admin..test",
  ".admin.test",
  "admin.test.",
  "admin.test.:80",
  "admin.test..",
  "a_b.test",
  "admin_test",
  "-admin.test",
  "admin-.test",
  "admin~.test",
  "admin.test:65536",
  "admin.test:99999999999999999999",
  "admin.test:080",
  "admin.test:00",
  "admin.test:+80",
  "admin.test:8o",
  "admin.test:80:80",
  "admin.test::",
  ":80",
  ":",
  "user@admin.test",
  "user:secret@admin.test",
  "@admin.test",
  "admin%2etest",
  "admin.test%00",
  "admin.test,www.test",
  "*.apps.test",
  "*",
  "2001:db8::1",
  "[2001:db8::1",
  "2001:db8::1]",
  "[2001:db8::1]443",
  "[2001:db8::1%eth0]",
  "[2001:db8::1%25eth0]",
  "[2001:db8::1]:65536",
  "[v1.fe80::a]",
  "[192.0.2.1]",
  "[admin.test]",
  "[]",
  "192.0.2.01",
  "192.0.2",
  "192.0.2.256",
  "192.0.2.0x1",
  "3221225985",
  "0xc0000201",
  "0300.0.2.1",
  "admin.1",
  `${"a".repeat(64)}.test`,
  `${"a.".repeat(126)}test`,
];

/** What a client learns, and what the upstream got as the host. */
interface Outcome {
  readonly status: number;
  readonly body: string;
  readonly host?: string;
  readonly forwardedHost?: string;
  readonly forwarded?: string;
}

/** One way to say a host. */
type Ask = (authority: string) => Promise<Outcome>;

/** The gateway in front of an upstream that answers with the vhost it was asked for. */
async function site() {
  const upstream = await Upstream.start(({ headers }, response) => {
    response.end(String(headers["x-vhost"]));
  });
  const authority = new TestAuthority();
  const { cert, key } = authority.issue({ name: "localhost" });
  const tls = freePort();
  const gateway = await TestGateway.start(
    CONFIG.replaceAll("{upstream}", String(upstream.port)).replaceAll("{tls}", String(tls)),
    { "tls/cert.pem": cert, "tls/key.pem": key },
  );
  const { port } = gateway;

  const outcome = (status: number, body: string, before: number): Outcome => {
    if (upstream.seen.length === before) return { status, body };
    const { headers } = upstream.last;
    return {
      status,
      body,
      host: headers.host,
      forwardedHost: String(headers["x-forwarded-host"]),
      forwarded: /host="([^"]*)"/.exec(String(headers.forwarded))?.[1],
    };
  };
  const http1 = async (head: string): Promise<Outcome> => {
    using client = await RawClient.connect(port);
    const before = upstream.seen.length;
    await client.send(head);
    const answer = await client.answer();
    assert.ok(answer !== undefined, head);
    return outcome(answer.status, answer.body, before);
  };
  const http2 = async (...hosts: [name: string, value: string][]): Promise<Outcome> => {
    using conn = await Deno.connectTls({
      hostname: "localhost",
      port: tls,
      caCerts: [authority.root],
      alpnProtocols: ["h2"],
    });
    const peer = new RawPeer(conn);
    await peer.greet();
    const before = upstream.seen.length;
    const pseudo: [string, string][] = [[":method", "GET"], [":scheme", "https"], [":path", "/"]];
    const regular = hosts.filter(([name]) => name === "host");
    const authorities = hosts.filter(([name]) => name !== "host");
    await peer.send(peer.headers(1, [...pseudo, ...authorities, ...regular]));
    const { heads: [head], body } = await peer.answer(1);
    const status = Number(head.find(([name]) => name === ":status")?.[1]);
    return outcome(status, new TextDecoder().decode(body), before);
  };
  const forms: Readonly<Record<string, Ask>> = {
    "Host": (a) => http1(`GET / HTTP/1.1\r\nHost: ${a}\r\n\r\n`),
    "Host of HTTP/1.0": (a) => http1(`GET / HTTP/1.0\r\nHost: ${a}\r\n\r\n`),
    "an absolute target": (a) => http1(`GET http://${a}/ HTTP/1.1\r\nHost: ${a}\r\n\r\n`),
    "an absolute target alone": (a) => http1(`GET http://${a}/ HTTP/1.0\r\n\r\n`),
    ":authority": (a) => http2([":authority", a]),
    "host of HTTP/2": (a) => http2(["host", a]),
    ":authority and host": (a) => http2([":authority", a], ["host", a]),
  };
  return {
    forms,
    http1,
    http2,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

Deno.test("every way to say a host selects its vhost, and forwards a name of that vhost", async () => {
  await using gateway = await site();
  for (const [form, ask] of Object.entries(gateway.forms)) {
    for (const [given, vhost, forwarded = given] of VALID) {
      const told = { host: forwarded, forwardedHost: forwarded, forwarded };
      assert.deepEqual(
        await ask(given),
        { status: 200, body: vhost, ...told },
        `${form}: ${given}`,
      );
    }
  }
});

Deno.test("what is not a valid host is refused however it is sent, and goes to no upstream", async () => {
  await using gateway = await site();
  for (const [form, ask] of Object.entries(gateway.forms)) {
    for (const given of INVALID) {
      const { status, host } = await ask(given);
      assert.deepEqual({ status, host }, { status: 400, host: undefined }, `${form}: ${given}`);
    }
  }
});

Deno.test("two different hosts in one request are refused", async () => {
  await using gateway = await site();
  const pairs = [["www.test", "admin.test"], ["admin.test", "admin.test:80"], ["a", "a.test"]];
  for (const [one, other] of pairs) {
    const absolute = `GET http://${one}/ HTTP/1.1\r\nHost: ${other}\r\n\r\n`;
    assert.equal((await gateway.http1(absolute)).status, 400, absolute);
    const both = await gateway.http2([":authority", one], ["host", other]);
    assert.equal(both.status, 400, `${one}, ${other}`);
  }
});

Deno.test("the same host said twice may differ in case and in an empty port", async () => {
  await using gateway = await site();
  for (const [one, other] of [["admin.test", "ADMIN.test"], ["admin.test:", "admin.test"]]) {
    const absolute = `GET http://${one}/ HTTP/1.1\r\nHost: ${other}\r\n\r\n`;
    assert.equal((await gateway.http1(absolute)).body, "admin", absolute);
    const both = await gateway.http2([":authority", one], ["host", other]);
    assert.equal(both.body, "admin", `${one}, ${other}`);
  }
});

Deno.test("property: what is forwarded as Host selects the vhost that served it", async () => {
  await using gateway = await site();
  const host = fc.oneof(
    fc.constantFrom(
      "admin.test",
      "www.test",
      "x.apps.test",
      "[2001:db8::1]",
      "192.0.2.1",
      "api_gw",
    ),
    fc.stringMatching(/^[aA._-]{0,3}admin[._-]?test[._:0-9]{0,4}$/),
    fc.stringMatching(/^[a-z0-9._~%@:\[\]-]{1,16}$/),
    fc.ipV6().map((ip) => `[${ip}]`),
    fc.ipV4Extended(),
  );
  const port = fc.constantFrom("", "", ":", ":80", ":0", ":00", ":65536", ":x");
  await fc.assert(
    fc.asyncProperty(host, port, async (name, suffix) => {
      const first = await gateway.forms["Host"](name + suffix);
      if (first.host === undefined) return assert.equal(first.status, 400, name + suffix);
      const again = await gateway.forms["Host"](first.host);
      assert.equal(again.body, first.body);
      assert.equal(again.host, first.host);
    }),
    { numRuns: 300 },
  );
});
