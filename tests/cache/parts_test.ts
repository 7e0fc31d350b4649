/** Ranges that are stored by themselves, and slices of large objects, with real clients and upstreams. */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { until } from "../../src/net/testing/until.ts";
import { Caching, type Got } from "../testing/caching.ts";

/** Content that a range of can be asked for. */
class Content {
  constructor(public bytes: string, public headers: Record<string, string> = {}) {}

  readonly respond = ({ headers, method }: IncomingMessage, response: ServerResponse): void => {
    if (method === "DELETE") {
      response.writeHead(204);
      return void response.end();
    }
    const { bytes } = this;
    const own: Record<string, string> = {
      "content-type": "image/png",
      "cache-control": "max-age=60",
      ...this.headers,
    };
    const match = /^bytes=([0-9]+)-([0-9]+)$/.exec(headers.range ?? "");
    const isOther = headers["if-range"] !== undefined && headers["if-range"] !== own.etag;
    if (match === null || isOther) {
      response.writeHead(200, { ...own, "content-length": String(bytes.length) });
      return void response.end(bytes);
    }
    const first = Number(match[1]);
    const last = Math.min(Number(match[2]), bytes.length - 1);
    response.writeHead(206, {
      ...own,
      "content-range": `bytes ${first}-${last}/${bytes.length}`,
      "content-length": String(last - first + 1),
    });
    response.end(bytes.slice(first, last + 1));
  };
}

const RANGE = 'range = { enabled = true, max_bytes = "64 KiB" }';
const SLICES =
  'range = { enabled = true, max_bytes = "1 KiB", slice = { enabled = true, size_bytes = "4 B", max_slices = 256 } }';
const TAG = { etag: '"1"' };

function get(caching: Caching, range: string, more: Record<string, string> = {}): Promise<Got> {
  return caching.get("/a.png", { range, ...more });
}

Deno.test("a closed range is stored by itself, and only the same one hits", async () => {
  const content = new Content("0123456789");
  await using caching = await Caching.start(content.respond, RANGE);
  for (
    const [range, said, body] of [["2-3", "MISS", "23"], ["2-3", "HIT", "23"], [
      "2-4",
      "MISS",
      "234",
    ]]
  ) {
    const got = await get(caching, `bytes=${range}`);
    assert.deepEqual([got.status, got.cache, got.body], [206, said, body]);
    assert.equal(got.headers.get("content-range"), `bytes ${range}/10`);
  }
  assert.equal(caching.asked, 2);
  assert.equal(caching.upstream.last.headers.range, "bytes=2-4");
  await caching.get("/a.png", {}, "DELETE");
  assert.equal((await get(caching, "bytes=2-3")).cache, "MISS");
  await caching.get("/a.png");
  const whole = await get(caching, "bytes=5-6");
  assert.deepEqual([whole.cache, whole.body], ["HIT", "56"]);
});

Deno.test("an answer that is not the range that was asked for is passed on and not stored", async () => {
  let headers: Record<string, string> = {};
  let status = 206;
  await using caching = await Caching.start((_, response) => {
    response.writeHead(status, {
      "content-type": "image/png",
      "cache-control": "max-age=60",
      ...headers,
    });
    response.end("ab");
  }, RANGE);
  for (
    const [range, reason] of [
      ["bytes 0-1/10", "range-cache-content-range"],
      ["bytes 2-3/*", "range-cache-content-range"],
    ]
  ) {
    headers = { "content-range": range, "content-length": "2" };
    for (let i = 0; i < 2; i++) {
      assert.equal((await get(caching, "bytes=2-3")).cache, `MISS ${reason}`);
    }
  }
  status = 200;
  headers = { "content-length": "2" };
  const got = await get(caching, "bytes=1-1");
  assert.deepEqual([got.status, got.body, got.cache], [206, "b", "MISS range-cache-non-partial"]);
});

Deno.test("vector 26: slices answer one range and several, and the second time without the upstream", async () => {
  const content = new Content("0123456789", TAG);
  await using caching = await Caching.start(content.respond, SLICES);
  const cold = await get(caching, "bytes=0-0,5-5");
  assert.equal(cold.status, 206);
  assert.equal(cold.cache, "MISS slice-fill");
  const boundary = /^multipart\/byteranges; boundary=(fluxheim-[0-9a-f]{32})$/
    .exec(cold.headers.get("content-type") ?? "")?.[1];
  assert.equal(
    cold.body,
    `\r\n--${boundary}\r\nContent-Type: image/png\r\nContent-Range: bytes 0-0/10\r\n\r\n0` +
      `\r\n--${boundary}\r\nContent-Type: image/png\r\nContent-Range: bytes 5-5/10\r\n\r\n5` +
      `\r\n--${boundary}--\r\n`,
  );
  assert.equal(caching.asked, 2);
  const warm = await get(caching, "bytes=0-0,5-5");
  assert.equal(warm.cache, "HIT slice");
  for (
    const [range, body] of [["2-8", "2345678"], ["8-", "89"], ["-3", "789"], ["0-99", "0123456789"]]
  ) {
    const got = await get(caching, `bytes=${range}`);
    assert.equal(got.body, body);
    assert.match(got.headers.get("content-range") ?? "", /^bytes [0-9]+-[0-9]+\/10$/);
  }
  assert.equal(caching.asked, 3);
  const past = await get(caching, "bytes=10-");
  assert.deepEqual([past.status, past.headers.get("content-range")], [416, "bytes */10"]);
  const known = await get(caching, "bytes=0-1", { "if-none-match": '"1"' });
  assert.equal(known.status, 304);
  const old = await get(caching, "bytes=0-1", { "if-range": '"0"' });
  assert.deepEqual([old.status, old.body], [200, "0123456789"]);
});

Deno.test("a purge of the path makes all of its slices go, and a slice fetch carries nothing of the client", async () => {
  const content = new Content("AAAABBBBCCCC", TAG);
  await using caching = await Caching.start(content.respond, SLICES);
  await get(caching, "bytes=0-11", { cookie: "a=b", "x-own": "1", "accept-encoding": "br" });
  for (const { headers } of caching.upstream.seen) {
    assert.deepEqual([headers.cookie, headers["x-own"]], [undefined, undefined]);
    assert.equal(headers["accept-encoding"], "identity");
  }
  await caching.get("/a.png", {}, "DELETE");
  // The same validator for other content: what was purged must not come back.
  content.bytes = "aaaabbbbcccc";
  assert.equal((await get(caching, "bytes=0-11")).body, "aaaabbbbcccc");
});

Deno.test("A16: slices of two versions are never put together", async () => {
  for (const headers of [{ etag: 'W/"1"' }, {}, TAG]) {
    const content = new Content("AAAABBBB", headers);
    await using caching = await Caching.start(content.respond, SLICES);
    await get(caching, "bytes=0-3");
    content.bytes = "CCCCDDDD";
    if ("etag" in headers && headers.etag === '"1"') content.headers = { etag: '"2"' };
    for (let i = 0; i < 3; i++) {
      const { body } = await get(caching, "bytes=0-7").catch(() => ({ body: "" }));
      assert.notEqual(body, "AAAADDDD");
    }
    assert.equal((await get(caching, "bytes=0-7")).body, "CCCCDDDD");
  }
});

Deno.test("waiting readers share the fetch of a slice, and get it as it comes", async () => {
  const waiting: ServerResponse[] = [];
  const size = 400_000;
  await using caching = await Caching.start(
    (_, response) => {
      response.writeHead(206, {
        "content-type": "image/png",
        "cache-control": "max-age=60",
        etag: '"1"',
        "content-range": `bytes 0-${size - 1}/${size}`,
        "content-length": String(size),
      });
      response.write("x".repeat(100_000));
      waiting.push(response);
    },
    'range = { enabled = true, max_bytes = "1 MiB", slice = { enabled = true, size_bytes = "1 MiB", max_slices = 4 } }',
  );
  const clients = await Promise.all(Array.from({ length: 10 }, async () => {
    const client = await caching.raw();
    await client.send(
      "GET /a.png HTTP/1.1\r\nHost: h\r\nRange: bytes=0-\r\nConnection: close\r\n\r\n",
    );
    return client;
  }));
  const rests = clients.map((client) => client.rest());
  await until("the upstream is asked", () => waiting.length > 0);
  const first = await caching.raw();
  await first.send(
    "GET /a.png HTTP/1.1\r\nHost: h\r\nRange: bytes=0-9\r\nConnection: close\r\n\r\n",
  );
  assert.match(await first.rest(), /x{10}$/);
  for (const response of waiting) response.end("x".repeat(size - 100_000));
  for (const rest of rests) assert.match(await rest, /\r\n\r\nx{400000}$/);
  assert.equal(waiting.length, 1);
  first[Symbol.dispose]();
  for (const client of clients) client[Symbol.dispose]();
});

Deno.test("slices that may not be fetched are proxied, and so is what is over the bounds", async () => {
  const content = new Content("x".repeat(200), TAG);
  await using caching = await Caching.start(
    content.respond,
    SLICES.replace("max_slices = 256", "max_slices = 256, fill_missing = false"),
  );
  const got = await get(caching, "bytes=0-3");
  assert.deepEqual([got.status, got.cache], [206, "BYPASS range-miss"]);
  assert.equal((await get(caching, "bytes=0-150")).status, 206);
});
