import assert from "node:assert/strict";
import type { Fields } from "../../../http/fields.ts";
import { openBelow, type Request, TestSite } from "../testing/site.ts";

const FILES = {
  "page.html": "the page itself, which is longest",
  "page.html.br": "the page in br",
  "page.html.gz": "the page in gzip",
  "index.html": "home",
  "index.html.zst": "home in zstd",
  "plain.txt": "plain",
  "only.txt.gz": "nothing beside it",
};

function site(): Promise<TestSite> {
  return TestSite.with(FILES, {}, true);
}

const accepting = (coding: string, fields: Record<string, string> = {}): Request => ({
  fields: { "accept-encoding": coding, ...fields },
});

/** Content coding, type and `Vary` of an answer. */
function described(fields: Fields) {
  return ["content-encoding", "content-type", "vary"].map((name) => fields.get(name));
}

Deno.test("precompressed: the best variant that is there is sent with the type of the file", async () => {
  await using t = await site();
  const br = await t.get("/page.html", accepting("gzip, br, zstd"));
  assert.equal(br.body, "the page in br");
  assert.deepEqual(described(br.fields), ["br", "text/html; charset=utf-8", "accept-encoding"]);
  const gzip = await t.get("/page.html", accepting("gzip, zstd"));
  assert.equal(gzip.body, "the page in gzip");
  assert.deepEqual(described(gzip.fields), ["gzip", "text/html; charset=utf-8", "accept-encoding"]);
  assert.notEqual(br.fields.get("etag"), gzip.fields.get("etag"));
});

Deno.test("precompressed: the variant of an index file answers for its directory", async () => {
  await using t = await site();
  const { body, fields } = await t.get("/", accepting("zstd"));
  assert.equal(body, "home in zstd");
  assert.equal(fields.get("content-encoding"), "zstd");
});

Deno.test("precompressed: without a variant, or a client that wants it, the file itself is sent", async () => {
  await using t = await site();
  for (
    const [path, request, text] of [
      ["/page.html", {}, "the page itself, which is longest"],
      ["/page.html", accepting("br;q=0"), "the page itself, which is longest"],
      ["/page.html", accepting("zstd"), "the page itself, which is longest"],
      ["/plain.txt", accepting("br, gzip"), "plain"],
    ] as const
  ) {
    const { body, fields } = await t.get(path, request);
    assert.equal(body, text);
    assert.equal(fields.get("content-encoding"), undefined);
    assert.equal(fields.get("vary"), "accept-encoding");
  }
});

Deno.test("precompressed: a variant does not answer for a file that is not there", async () => {
  await using t = await site();
  assert.equal((await t.get("/only.txt", accepting("gzip"))).status, 0);
});

Deno.test("precompressed: a variant by its own name is a file like others", async () => {
  await using t = await site();
  const { body, fields } = await t.get("/page.html.gz", accepting("gzip"));
  assert.equal(body, "the page in gzip");
  assert.equal(fields.get("content-encoding"), undefined);
});

Deno.test("precompressed: a variant older than its file is not sent", async () => {
  await using t = await site();
  Deno.utimeSync(`${t.root}/page.html`, new Date(), new Date());
  const { body } = await t.get("/page.html", accepting("br"));
  assert.equal(body, "the page itself, which is longest");
});

Deno.test("precompressed: conditions and ranges are those of the variant", async () => {
  await using t = await site();
  const { fields } = await t.get("/page.html", accepting("br"));
  const tag = fields.get("etag")!;
  const unchanged = await t.get("/page.html", accepting("br", { "if-none-match": tag }));
  assert.equal(unchanged.status, 304);
  assert.deepEqual(described(unchanged.fields), [undefined, undefined, "accept-encoding"]);
  const other = await t.get("/page.html", accepting("gzip", { "if-none-match": tag }));
  assert.equal(other.status, 200);
  const part = await t.get("/page.html", accepting("br", { range: "bytes=0-3" }));
  assert.equal(part.status, 206);
  assert.equal(part.body, "the ");
  assert.equal(part.fields.get("content-range"), "bytes 0-3/14");
  assert.equal(part.fields.get("content-encoding"), "br");
});

Deno.test("precompressed: what stays in memory and what is read from the disk are distinguished", async () => {
  await using t = await site();
  await t.settle();
  for (let round = 0; round < 3; round++) {
    assert.equal((await t.get("/page.html", accepting("br"))).body, "the page in br");
    assert.equal((await t.get("/page.html")).body, "the page itself, which is longest");
  }
  assert.equal(openBelow(t.root), 0);
});

Deno.test("precompressed: files too large for memory are closed, whichever is sent", async () => {
  const large = "x".repeat(2 * 1024 * 1024);
  await using t = await TestSite.with({ "large.txt": large, "large.txt.gz": large }, {}, true);
  assert.equal((await t.get("/large.txt", accepting("gzip"))).body, large);
  assert.equal((await t.get("/large.txt")).body, large);
  Deno.utimeSync(`${t.root}/large.txt`, new Date(), new Date());
  assert.equal((await t.get("/large.txt", accepting("gzip"))).body, large);
  assert.equal(openBelow(t.root), 0);
});

Deno.test("precompressed: a directory or a link is no variant", async () => {
  await using t = await TestSite.with({ "page.txt": "x".repeat(2 * 1024 * 1024) }, {}, true);
  Deno.mkdirSync(`${t.root}/page.txt.gz`);
  assert.equal((await t.get("/page.txt", accepting("gzip"))).status, 200);
  Deno.removeSync(`${t.root}/page.txt.gz`);
  Deno.symlinkSync("page.txt", `${t.root}/page.txt.gz`);
  const linked = await t.get("/page.txt", accepting("gzip"));
  assert.equal(linked.fields.get("content-encoding"), undefined);
  assert.equal(openBelow(t.root), 0);
});

Deno.test("precompressed: a site that does not opt in sends files as they are", async () => {
  await using t = await TestSite.with(FILES);
  const { body, fields } = await t.get("/page.html", accepting("br"));
  assert.equal(body, "the page itself, which is longest");
  assert.equal(fields.get("vary"), undefined);
});

Deno.test("precompressed: no part goes with what has its date in another encoding", async () => {
  // As `gzip -k` leaves them: both have the same date.
  await using t = await TestSite.with(
    { "a.txt": "plain text", "a.txt.gz": "gz", "b.txt": "plain text" },
    {},
    true,
  );
  const date = (await t.get("/a.txt")).fields.get("last-modified") ?? "";
  const status = async (path: string, coding: string, condition = date) => {
    const fields = { range: "bytes=1-", "accept-encoding": coding, "if-range": condition };
    return (await t.get(path, { fields })).status;
  };
  assert.equal(await status("/a.txt", "identity"), 200);
  assert.equal(await status("/a.txt", "gzip"), 200);
  assert.equal(await status("/b.txt", "gzip"), 206);
});
