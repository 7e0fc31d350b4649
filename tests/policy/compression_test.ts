import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type IncomingHttpHeaders, request } from "node:http";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { TestGateway } from "../testing/gateway.ts";
import { testWith } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

const PAGE = "<p>What is said twice is said twice.</p>\n".repeat(100);
const LARGE = "<p>What is said twice is said twice.</p>\n".repeat(20_000);

const DECODERS = { br: brotliDecompressSync, zstd: zstdDecompressSync, gzip: gunzipSync } as const;

function config(upstream: number, compression: string): string {
  return `
[server]
listen = ["127.0.0.1:{port}"]
[compression]
enabled = true
zstd = true
brotli = true
${compression}
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
web = { root = "{dir}/site" }
proxy = { upstream = "127.0.0.1:${upstream}" }
[[vhosts.routes]]
name = "plain"
path_prefix = "/plain"
compression = { enabled = false }
proxy = { upstream = "127.0.0.1:${upstream}" }
`;
}

/** Pages of an origin: the path says what kind. */
function origin(): Promise<Upstream> {
  return Upstream.start((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://origin.test");
    const body = pathname === "/large" ? LARGE : PAGE;
    response.setHeader("content-type", "text/html");
    response.setHeader("etag", '"1"');
    if (pathname === "/private") response.setHeader("cache-control", "private");
    if (pathname === "/chunked") response.write(body);
    else response.setHeader("content-length", String(body.length));
    response.end(pathname === "/chunked" ? "" : body);
  });
}

/** An answer with its body as it came over the wire. */
interface Got {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

/** Asks with node's client, which decodes nothing. */
function get(
  gateway: TestGateway,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    request(gateway.url(path), { headers, agent: false }, (answer) => {
      const pieces: Uint8Array[] = [];
      answer.on("data", (piece: Uint8Array) => pieces.push(piece));
      answer.on("error", reject);
      answer.on("end", () => {
        const { statusCode: status = 0, headers: fields } = answer;
        resolve({ status, fields, body: Buffer.concat(pieces) });
      });
    }).on("error", reject).end();
  });
}

function decoded({ fields, body }: Got): string {
  const coding = fields["content-encoding"];
  assert.ok(coding === "br" || coding === "zstd" || coding === "gzip", String(coding));
  return new TextDecoder().decode(DECODERS[coding](body));
}

function start(upstream: Upstream, compression = "", files = {}): Promise<TestGateway> {
  return TestGateway.start(config(upstream.port, compression), { "site/none": "", ...files });
}

Deno.test("proxied answers come compressed and decode to what the origin sent", async () => {
  await using upstream = await origin();
  await using gateway = await start(upstream);
  for (const coding of Object.keys(DECODERS)) {
    for (const [path, text] of [["/page", PAGE], ["/large", LARGE]]) {
      const answer = await get(gateway, path, { "accept-encoding": coding });
      assert.equal(answer.status, 200);
      assert.equal(answer.fields["content-encoding"], coding);
      assert.equal(answer.fields["vary"], "accept-encoding");
      assert.equal(answer.fields["etag"], undefined);
      assert.ok(answer.body.length < text.length / 4);
      assert.equal(decoded(answer), text);
    }
  }
});

Deno.test("answers that must not be compressed come as the origin sent them", async () => {
  await using upstream = await origin();
  await using gateway = await start(upstream);
  const gzip = { "accept-encoding": "gzip" };
  const plain: [path: string, fields?: Record<string, string>][] = [
    ["/page"],
    ["/page", { "accept-encoding": "gzip;q=0" }],
    ["/page", { "accept-encoding": "gzip;level=1" }],
    ["/page", { ...gzip, cookie: "a=b" }],
    ["/page", { ...gzip, authorization: "Basic x" }],
    ["/private", gzip],
    ["/chunked", gzip],
    ["/plain", gzip],
  ];
  for (const [path, fields] of plain) {
    const answer = await get(gateway, path, fields);
    assert.equal(answer.fields["content-encoding"], undefined, `${path} ${JSON.stringify(fields)}`);
    assert.equal(answer.fields["etag"], '"1"');
    assert.equal(new TextDecoder().decode(answer.body), PAGE);
  }
});

Deno.test("a 304 of a file has the tag and Vary that its 200 has", async () => {
  await using upstream = await origin();
  await using gateway = await start(upstream, "", {
    "site/page.html": PAGE,
    "site/image.png": PAGE,
  });
  for (const path of ["/page.html", "/image.png"]) {
    const plain = await get(gateway, path);
    const { etag = "", "last-modified": modified = "" } = plain.fields;
    for (const coding of ["gzip", "identity"]) {
      const fields = { "accept-encoding": coding };
      const whole = await get(gateway, path, fields);
      const conditions: Record<string, string>[] = [
        { "if-none-match": etag },
        { "if-modified-since": modified },
      ];
      for (const condition of conditions) {
        const answer = await get(gateway, path, { ...fields, ...condition });
        assert.equal(answer.status, 304);
        const about = `${path} ${coding} ${JSON.stringify(condition)}`;
        for (const name of ["etag", "vary"]) {
          assert.equal(answer.fields[name], whole.fields[name], `${about} ${name}`);
        }
      }
    }
  }
});

Deno.test("static files are compressed, parts of them and small ones are not", async () => {
  await using upstream = await origin();
  await using gateway = await start(upstream, "", {
    "site/page.html": PAGE,
    "site/large.html": LARGE,
    "site/small.html": "small",
    "site/image.png": PAGE,
  });
  const accept = { "accept-encoding": "gzip, br" };
  for (const [path, text] of [["/page.html", PAGE], ["/large.html", LARGE]]) {
    const answer = await get(gateway, path, accept);
    assert.equal(answer.fields["content-encoding"], "br");
    assert.equal(answer.fields["accept-ranges"], undefined);
    assert.equal(decoded(answer), text);
  }
  const part = await get(gateway, "/page.html", { ...accept, range: "bytes=0-1999" });
  assert.equal(part.status, 206);
  assert.equal(part.fields["content-encoding"], undefined);
  assert.equal(new TextDecoder().decode(part.body), PAGE.slice(0, 2000));
  for (const path of ["/small.html", "/image.png"]) {
    assert.equal((await get(gateway, path, accept)).fields["content-encoding"], undefined);
  }
});

Deno.test("the plain answer says that it depends on Accept-Encoding, as the compressed one does", async () => {
  await using upstream = await origin();
  await using gateway = await start(upstream, "", {
    "site/page.html": PAGE,
    "site/image.png": PAGE,
  });
  for (const path of ["/page", "/page.html"]) {
    const clients: Record<string, string>[] = [{}, { "accept-encoding": "gzip" }, {
      cookie: "a=b",
    }];
    for (const fields of clients) {
      assert.equal((await get(gateway, path, fields)).fields["vary"], "accept-encoding", path);
    }
  }
  const part = await get(gateway, "/page.html", { range: "bytes=0-9" });
  assert.deepEqual([part.status, part.fields["vary"]], [206, "accept-encoding"]);
  for (const path of ["/image.png", "/private", "/plain"]) {
    assert.equal((await get(gateway, path)).fields["vary"], undefined, path);
  }
});

Deno.test("a compressed answer is never continued with plain bytes by its date", async () => {
  await using upstream = await Upstream.start((request, response) => {
    const whole = request.headers["if-range"] === undefined;
    response.setHeader("content-type", "text/html");
    response.setHeader("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT");
    if (!whole) response.setHeader("content-range", `bytes 10-3999/${PAGE.length}`);
    response.writeHead(whole ? 200 : 206, { "content-length": PAGE.length - (whole ? 0 : 10) });
    response.end(PAGE.slice(whole ? 0 : 10));
  });
  await using gateway = await start(upstream, "", {
    "site/page.html": PAGE,
    "site/image.png": PAGE,
  });
  const resume = async (path: string, coding: string) => {
    const accept = { "accept-encoding": coding };
    const { fields } = await get(gateway, path, accept);
    const condition = { range: "bytes=10-", "if-range": fields["last-modified"] ?? "" };
    return await get(gateway, path, { ...accept, ...condition });
  };
  for (const path of ["/page", "/page.html"]) {
    const again = await resume(path, "gzip");
    assert.deepEqual([again.status, decoded(again)], [200, PAGE], path);
    assert.equal((await resume(path, "identity")).status, 206, path);
  }
  assert.equal((await resume("/image.png", "gzip")).status, 206);
});

Deno.test("an answer that grows beyond max_output_bytes is cut off", async () => {
  await using upstream = await origin();
  await using gateway = await start(
    upstream,
    "gzip_level = 0\nmax_output_bytes = 2000\nmin_bytes = 1000",
  );
  for (const path of ["/page", "/large"]) {
    using client = await RawClient.connect(gateway.port);
    await client.send(`GET ${path} HTTP/1.1\r\nhost: shop.test\r\naccept-encoding: gzip\r\n\r\n`);
    const text = await client.rest();
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.ok(!text.endsWith("0\r\n\r\n"), "it ends as if it were whole");
  }
  // The gateway goes on.
  assert.equal((await get(gateway, "/page")).status, 200);
});

testWith(["curl"], "curl decodes what it gets", async () => {
  await using upstream = await origin();
  await using gateway = await start(upstream);
  for (const [path, text] of [["/page", PAGE], ["/large", LARGE]]) {
    const args = ["-s", "--compressed", "-H", "Host: shop.test", gateway.url(path)];
    const { stdout, success } = await new Deno.Command("curl", { args }).output();
    assert.ok(success);
    assert.equal(new TextDecoder().decode(stdout), text);
  }
});
