/**
 * Octets of targets and field values that strict readers refuse and that applications use: they reach the
 * upstream, and its answers the client, as they came, over HTTP/1 and HTTP/2 on either side.
 */
import assert from "node:assert/strict";
import { RawPeer } from "../../src/http/h2/testing/connection.ts";
import type { Pair } from "../../src/http/h2/testing/connection.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:{tls}"]
trusted_proxies = ["127.0.0.1"]
{limits}

[logging.access]
enabled = true

[tls]
enabled = true
certificates = [{ cert_path = "{dir}/tls/cert.pem", key_path = "{dir}/tls/key.pem" }]

[[vhosts]]
name = "site"
hosts = ["a.test"]
[[vhosts.routes]]
name = "guarded"
path_prefix = "/h1/[x]"
access = { deny = ["127.0.0.1"] }
proxy = { upstream = "127.0.0.1:{http1}" }
[[vhosts.routes]]
name = "http1"
path_prefix = "/h1"
proxy = { upstream = "127.0.0.1:{http1}" }
headers.request = { set = { x-copy = "<{http.x-octets}>", x-own = "{http.x-octets}" } }
[[vhosts.routes]]
name = "http2"
path_prefix = "/h2"
proxy = { upstream = "127.0.0.1:{http2}", upstream_http_version = "http2" }
[[vhosts.routes]]
name = "moved"
path_prefix = "/moved"
redirect = { to = "https://b.test{uri}" }
`;

/** Latin-1, UTF-8 whose last byte is that of a no-break space, and the two ends of the range. */
const OCTETS = "caf\xe9 voil\xc3\xa0 \x80\x9f\xff \xa0";

/** Behind the path of a route. */
const TARGETS: readonly string[] = [
  "/[id]",
  "/a?x[]=1&y[k]=2",
  "/a?json={%22a%22:[1]}",
  "/a?q=a|b^c`d",
  "/a?rate=100%",
  "/a?q=%zz%4&%",
  "/a?%",
];

interface Seen {
  readonly target: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** Sends a request for `target` with one field; gives the status and the field `x-octets` of the answer. */
type Ask = (
  target: string,
  field?: Pair,
) => Promise<{ status: number; octets: string | undefined; location: string | undefined }>;

/** What the upstreams were asked last. */
interface Upstreams {
  last: Seen | undefined;
}

async function site(limits = "") {
  const seen: Upstreams = { last: undefined };
  const http1 = new RawUpstream(async (connection) => {
    for (let head = await connection.head(); head !== undefined; head = await connection.head()) {
      const [line, ...lines] = head.trimEnd().split("\r\n");
      seen.last = {
        target: line.split(" ")[1],
        fields: new Map(lines.map((text) => [
          text.slice(0, text.indexOf(":")).toLowerCase(),
          text.slice(text.indexOf(":") + 2),
        ])),
      };
      await connection.send(
        `HTTP/1.1 200 OK\r\nx-octets: ${OCTETS}\r\ncontent-length: 0\r\n\r\n`,
      );
    }
  });
  const http2 = new RawUpstream(async ({ conn }) => {
    const peer = new RawPeer(conn);
    await peer.welcome();
    for (let frame = await peer.next(); frame !== undefined; frame = await peer.next()) {
      if (frame.type !== 1) continue;
      const fields = new Map(peer.fields(frame));
      seen.last = { target: fields.get(":path") ?? "", fields };
      await peer.send(peer.headers(frame.streamId, [[":status", "200"], ["x-octets", OCTETS]]));
    }
  });
  const authority = new TestAuthority();
  const { cert, key } = authority.issue({ name: "localhost" });
  const tls = freePort();
  const gateway = await TestGateway.start(
    CONFIG.replaceAll("{http1}", String(http1.port)).replaceAll("{http2}", String(http2.port))
      .replaceAll("{tls}", String(tls)).replace("{limits}", limits),
    { "tls/cert.pem": cert, "tls/key.pem": key },
  );
  const overHttp1: Ask = async (target, [name, value] = ["x-a", "b"]) => {
    seen.last = undefined;
    using client = await RawClient.connect(gateway.port);
    await client.send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n${name}: ${value}\r\n\r\n`);
    const answer = await client.answer();
    assert.ok(answer !== undefined);
    const line = /\r\nx-octets: (.*)(\r\n|$)/i.exec(answer.head);
    return {
      status: answer.status,
      octets: line?.[1],
      location: answer.fields.get("location"),
    };
  };
  const overHttp2: Ask = async (target, field = ["x-a", "b"]) => {
    seen.last = undefined;
    using conn = await Deno.connectTls({
      hostname: "localhost",
      port: tls,
      caCerts: [authority.root],
      alpnProtocols: ["h2"],
    });
    const peer = new RawPeer(conn);
    await peer.greet();
    await peer.send(peer.headers(1, [
      [":method", "GET"],
      [":scheme", "https"],
      [":path", target],
      [":authority", "a.test"],
      field,
    ]));
    const { heads: [head], reset } = await peer.answer(1);
    if (reset !== undefined) throw new Error(`the stream was reset with ${reset}`);
    const fields = new Map(head);
    return {
      status: Number(fields.get(":status")),
      octets: fields.get("x-octets"),
      location: fields.get("location"),
    };
  };
  return {
    gateway,
    seen,
    protocols: [["HTTP/1", overHttp1], ["HTTP/2", overHttp2]] as const,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await http1[Symbol.asyncDispose]();
      await http2[Symbol.asyncDispose]();
    },
  };
}

Deno.test("bytes above 127 pass in field values, in both directions, and never in names", async () => {
  await using served = await site();
  for (const [protocol, ask] of served.protocols) {
    for (const upstream of ["/h1", "/h2"]) {
      const what = `${protocol} to ${upstream}`;
      const { status, octets } = await ask(upstream, ["x-octets", OCTETS]);
      assert.equal(status, 200, what);
      assert.equal(served.seen.last?.fields.get("x-octets"), OCTETS, what);
      assert.equal(octets, OCTETS, what);
    }
  }
  const [[, http1], [, http2]] = served.protocols;
  assert.equal((await http1("/h1", ["x-caf\xe9", "a"])).status, 400);
  // A malformed message is reset (RFC 9113 section 8.1.1).
  await assert.rejects(() => http2("/h1", ["x-caf\xe9", "a"]));
  assert.equal(served.seen.last, undefined);
});

Deno.test("a value that is copied by a template keeps its bytes", async () => {
  await using served = await site();
  for (const [protocol, ask] of served.protocols) {
    await ask("/h1", ["x-octets", OCTETS]);
    assert.equal(served.seen.last?.fields.get("x-copy"), `<${OCTETS}>`, protocol);
    assert.equal(served.seen.last?.fields.get("x-own"), OCTETS, protocol);
  }
});

Deno.test("bytes above 127 are no white space in lists", async () => {
  await using served = await site();
  const [[, http1]] = served.protocols;
  assert.equal((await http1("/h1", ["connection", "close\xa0"])).status, 400);
  await http1("/h1", ["x-forwarded-for", "\xa0192.0.2.1"]);
  assert.equal(served.seen.last?.fields.get("x-forwarded-for"), "127.0.0.1");
});

Deno.test("characters that RFC 3986 has not in targets reach the upstream as they came", async () => {
  await using served = await site();
  for (const [protocol, ask] of served.protocols) {
    for (const upstream of ["/h1", "/h2"]) {
      for (const target of TARGETS) {
        const { status } = await ask(upstream + target);
        assert.equal(status, 200, `${protocol}: ${upstream}${target}`);
        assert.equal(served.seen.last?.target, upstream + target, protocol);
      }
    }
    const moved = await ask("/moved?a={b}|c");
    assert.equal(moved.location, "https://b.test/moved?a={b}|c", protocol);
  }
});

Deno.test("they are routed and judged as what they are, in any spelling", async () => {
  await using served = await site();
  for (const [protocol, ask] of served.protocols) {
    for (const path of ["/h1/[x]", "/h1/%5Bx%5D", "/h1/[x%5d"]) {
      assert.equal((await ask(path)).status, 403, `${protocol}: ${path}`);
    }
    for (const path of ["/h1/../[x]", "/h1/[x]/..", "/h1/[%2f]", "/h1/%2e./["]) {
      assert.equal((await ask(path)).status, 400, `${protocol}: ${path}`);
    }
  }
});

Deno.test("other characters, and these in other places, are still refused", async () => {
  await using served = await site();
  const paths = [...'{}|^`<>"\\', "%", "%zz", "%4"].map((text) => `/h1/${text}`);
  const queries = [...'<>"\\#', " ", "\x7f", "\x01"].map((text) => `/h1?${text}`);
  for (const target of [...paths, ...queries]) {
    const [[, http1], [, http2]] = served.protocols;
    assert.equal((await http1(target)).status, 400, target);
    const answered = await http2(target).then(({ status }) => status, () => "reset");
    assert.ok(answered === 400 || answered === "reset", `${target}: ${answered}`);
    assert.equal(served.seen.last, undefined, target);
  }
});

Deno.test("server.limits.strict_targets refuses them", async () => {
  await using served = await site("limits.strict_targets = true");
  for (const [protocol, ask] of served.protocols) {
    for (const target of TARGETS) {
      assert.equal((await ask("/h1" + target)).status, 400, `${protocol}: ${target}`);
    }
    assert.equal((await ask("/h1/a%5B?b=%7B")).status, 200, protocol);
  }
});

Deno.test("access records are JSON in UTF-8 whatever the octets", async () => {
  await using served = await site();
  const [[, http1]] = served.protocols;
  assert.equal((await http1("/h1/[last]?{", ["user-agent", `${OCTETS}"\\`])).status, 200);
  await until("it is logged", () => served.gateway.process.output.includes("/h1/[last]"));
  const line = served.gateway.process.output.split("\n").find((each) => each.includes("[last]"));
  assert.equal(JSON.parse(line ?? "").path, "/h1/[last]");
});
