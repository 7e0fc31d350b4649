import assert from "node:assert/strict";
import type { Logger } from "../../gateway/reports/log.ts";
import { FileBody } from "./files/file_body.ts";
import { Memory } from "./files/memory.ts";
import { MAX_DEPTH } from "./files/request_path.ts";
import { pageSchema } from "./schema.ts";
import { Site } from "./site.ts";
import { exchangeFor, openBelow, TestSite } from "./testing/site.ts";

const FILES = {
  "index.html": "<h1>home</h1>",
  "style.css": "body{}",
  "empty.txt": "",
  "é ü.txt": "umlauts",
  "100%.txt": "percent",
  "%41.txt": "an escape as a name",
  "A.txt": "the letter",
  "docs/index.html": "docs",
  "bare/": "",
  ".secret": "secret",
  "docs/.git/config": "secret",
};

Deno.test("site: a file is served with its type, validators and cache policy", async () => {
  await using t = await TestSite.with(FILES);
  const modified = Deno.statSync(`${t.root}/style.css`).mtime!;
  const { status, fields, body } = await t.get("/style.css");
  assert.equal(status, 200);
  assert.equal(body, "body{}");
  assert.deepEqual([...fields], [
    ["content-type", "text/css; charset=utf-8"],
    ["cache-control", "public, max-age=60"],
    ["last-modified", modified.toUTCString()],
    ["accept-ranges", "bytes"],
    ["etag", `W/"6-${(modified.getTime() / 1000).toString(16)}-0"`],
  ]);
});

Deno.test("site: cache_control and expires are sent as configured", async () => {
  await using t = await TestSite.with(FILES, { cache_control: "no-store", expires: "0" });
  const { fields } = await t.get("/style.css");
  assert.equal(fields.get("cache-control"), "no-store");
  assert.equal(fields.get("expires"), "0");
});

Deno.test("site: the tag has the milliseconds of the change as nanoseconds", async () => {
  await using t = await TestSite.with(FILES);
  Deno.utimeSync(`${t.root}/style.css`, new Date(1_700_000_000_123), new Date(1_700_000_000_123));
  const { fields } = await t.get("/style.css");
  assert.equal(fields.get("etag"), `W/"6-6553f100-${(123_000_000).toString(16)}"`);
});

Deno.test("site: other methods than GET and HEAD are passed on", async () => {
  await using t = await TestSite.with(FILES);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "get"]) {
    assert.equal((await t.get("/style.css", { method })).status, 0, method);
  }
});

Deno.test("site: HEAD has the status, the fields and the length of GET", async () => {
  await using t = await TestSite.with(FILES);
  const get = await t.ask("/style.css");
  const head = await t.ask("/style.css", { method: "HEAD" });
  assert.equal(head.status, get.status);
  assert.deepEqual([...head.response], [...get.response]);
  assert.equal(head.responseBody?.length, 6);
});

Deno.test("site: what is not there is passed on", async () => {
  await using t = await TestSite.with(FILES);
  for (
    const path of [
      "/nothing",
      "/nothing/at/all",
      "/style.css/",
      "/style.css/more",
      "/docs/index.html/",
      "/bare",
      "/bare/",
      "/docs//index.html",
      "/" + "x".repeat(300),
      "/" + "d/".repeat(100),
      "/" + "y".repeat(5000),
    ]
  ) assert.equal((await t.get(path)).status, 0, path.slice(0, 40));
});

Deno.test("site: a path deeper than a path may be is not found", async () => {
  const deepest = "d/".repeat(MAX_DEPTH - 1);
  await using t = await TestSite.with({ [`${deepest}f.txt`]: "deep", [`${deepest}d/f.txt`]: "" });
  assert.equal((await t.get(`/${deepest}f.txt`)).body, "deep");
  assert.equal((await t.get(`/${deepest}d/f.txt`)).status, 0);
});

Deno.test("site: a file is found although something below it was asked for before", async () => {
  await using t = await TestSite.with(FILES);
  assert.equal((await t.get("/style.css/more")).status, 0);
  assert.equal((await t.get("/style.css")).status, 200);
});

Deno.test("site: a directory answers with its index file at its path with a slash", async () => {
  await using t = await TestSite.with(FILES);
  assert.equal((await t.get("/")).body, "<h1>home</h1>");
  assert.equal((await t.get("/docs/")).body, "docs");
  const { status, fields, body } = await t.get("/docs");
  assert.deepEqual([status, fields.get("location"), body], [308, "/docs/", undefined]);
  assert.equal((await t.get("/docs/")).fields.get("content-type"), "text/html; charset=utf-8");
});

Deno.test("site: index files are tried in order", async () => {
  const files = { "b.html": "b", "a.html": "a", "sub/a.html": "sub a", "c.html/": "" };
  await using t = await TestSite.with(files, { index_files: ["c.html", "b.html", "a.html"] });
  assert.equal((await t.get("/")).body, "b");
  assert.equal((await t.get("/sub/")).body, "sub a");
});

Deno.test("site: escapes stand for the bytes of a name, once", async () => {
  await using t = await TestSite.with(FILES);
  assert.equal((await t.get("/%C3%A9%20%c3%bc.txt")).body, "umlauts");
  assert.equal((await t.get("/100%25.txt")).body, "percent");
  assert.equal((await t.get("/s%74yle.css")).body, "body{}");
});

Deno.test("site: a name that looks like an escape is not mistaken for what the escape means", async () => {
  await using t = await TestSite.with(FILES);
  for (let i = 0; i < 2; i++) {
    assert.equal((await t.get("/%2541.txt")).body, "an escape as a name");
    assert.equal((await t.get("/%41.txt")).body, "the letter");
  }
});

Deno.test("site: dotfiles are forbidden whether they are there or not", async () => {
  await using t = await TestSite.with(FILES);
  for (
    const path of [
      "/.secret",
      "/docs/.git/config",
      "/docs/%2Egit/config",
      "/.nothing",
    ]
  ) {
    const { status, body, fields } = await t.get(path);
    assert.equal(status, 403, path);
    assert.equal(body, "forbidden");
    assert.equal(fields.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(fields.get("cache-control"), "no-store");
  }
});

Deno.test("site: /.well-known/ is served although dotfiles are denied, at the top and no other", async () => {
  const files = {
    ".well-known/security.txt": "contact",
    ".well-known/acme-challenge/token": "proof",
    ".well-known/.hidden": "",
    "sub/.well-known/a": "",
  };
  await using t = await TestSite.with(files);
  assert.equal((await t.get("/.well-known/security.txt")).body, "contact");
  assert.equal((await t.get("/%2ewell-known/acme-challenge/token")).body, "proof");
  assert.equal((await t.get("/.well-known/none")).status, 0);
  for (const path of ["/.well-known/.hidden", "/sub/.well-known/a", "/.well-known2/a"]) {
    assert.equal((await t.get(path)).status, 403, path);
  }
  await using hidden = await TestSite.with(files, { deny_well_known: true });
  assert.equal((await hidden.get("/.well-known/security.txt")).status, 403);
  await using open = await TestSite.with(files, { deny_well_known: true, deny_dotfiles: false });
  assert.equal((await open.get("/.well-known/security.txt")).status, 200);
});

Deno.test("site: text has the charset of the table, other types have none", async () => {
  const type = async (charset?: string) => {
    const files = { "a.html": "", "a.txt": "", "a.js": "", "a.json": "", "a.svg": "", "a.png": "" };
    await using t = await TestSite.with(files, charset === undefined ? {} : { charset });
    const types: (string | undefined)[] = [];
    for (const name of Object.keys(files)) {
      types.push((await t.get(`/${name}`)).fields.get("content-type"));
    }
    return types;
  };
  const others = ["application/json", "image/svg+xml", "image/png"];
  assert.deepEqual(await type(), [
    "text/html; charset=utf-8",
    "text/plain; charset=utf-8",
    "text/javascript; charset=utf-8",
    ...others,
  ]);
  assert.equal((await type("iso-8859-1"))[0], "text/html; charset=iso-8859-1");
  assert.deepEqual(await type(""), ["text/html", "text/plain", "text/javascript", ...others]);
});

Deno.test("site: dotfiles are served when they are not denied", async () => {
  await using t = await TestSite.with(FILES, { deny_dotfiles: false });
  assert.equal((await t.get("/.secret")).body, "secret");
});

Deno.test("site: what would leave the root is forbidden, dotfiles denied or not", async () => {
  await using t = await TestSite.with(FILES, { deny_dotfiles: false });
  for (
    const path of [
      "/../etc/passwd",
      "/docs/../style.css",
      "/docs/%2e%2e/style.css",
      "/docs/..%2fstyle.css",
      "/./style.css",
      "/docs%5Cindex.html",
      "/style.css%00",
    ]
  ) assert.equal((await t.get(path)).status, 403, path);
});

Deno.test("site: malformed escapes and bytes that are not UTF-8 are a bad request", async () => {
  await using t = await TestSite.with(FILES);
  for (const path of ["/%zz", "/%", "/a%4", "/%ff", "/%C3%28", "/%C0%AF", "/%ED%A0%80", "/\xe9"]) {
    const { status, body } = await t.get(path);
    assert.equal(status, 400, path);
    assert.equal(body, "unsafe request path");
  }
});

Deno.test("site: conditions and ranges are honoured alike from memory and from the disk", async () => {
  const content = "0123456789";
  for (const max_bytes of [1 << 20, 0]) {
    await using t = await TestSite.with({ "n.txt": content });
    t.memory.use({ max_bytes, max_file_bytes: 1 << 20, revalidate_secs: 1 }, 1);
    const first = await t.get("/n.txt");
    const etag = first.fields.get("etag")!;
    const modified = first.fields.get("last-modified")!;
    const earlier = new Date(Date.parse(modified) - 1000).toUTCString();
    const ask = async (fields: Record<string, string>) => {
      const { status, body, fields: answer } = await t.get("/n.txt", { fields });
      return [status, body, answer.get("content-range")];
    };
    const whole = [200, content, undefined];
    const unmodified = [304, undefined, undefined];
    const failed = [412, "", undefined];
    const unsatisfiable = [416, "", "bytes */10"];
    const cases: [Record<string, string>, unknown[]][] = [
      [{}, whole],
      [{ "if-none-match": etag }, unmodified],
      [{ "if-none-match": etag.slice(2) }, unmodified],
      [{ "if-none-match": "*" }, unmodified],
      [{ "if-none-match": '"x"' }, whole],
      [{ "if-modified-since": modified }, unmodified],
      [{ "if-modified-since": earlier }, whole],
      [{ "if-none-match": '"x"', "if-modified-since": modified }, whole],
      [{ "if-none-match": etag, "cache-control": "no-cache" }, whole],
      [{ "if-modified-since": modified, pragma: "no-cache" }, whole],
      [{ "if-match": "*" }, whole],
      [{ "if-match": etag }, failed],
      [{ "if-match": '"x"', "cache-control": "no-cache" }, failed],
      [{ "if-unmodified-since": modified }, whole],
      [{ "if-unmodified-since": earlier }, failed],
      [{ "if-match": "*", "if-none-match": etag }, unmodified],
      [{ range: "bytes=2-4" }, [206, "234", "bytes 2-4/10"]],
      [{ range: "bytes=-3" }, [206, "789", "bytes 7-9/10"]],
      [{ range: "bytes=7-" }, [206, "789", "bytes 7-9/10"]],
      [{ range: "bytes=0-1,3-4" }, whole],
      [{ range: "bytes=10-" }, unsatisfiable],
      [{ range: "bytes=4-2" }, unsatisfiable],
      [{ range: "lines=1-2" }, unsatisfiable],
      [{ range: "bytes=2-4", "if-none-match": etag }, unmodified],
      [{ range: "bytes=2-4", "if-match": '"x"' }, failed],
      [{ range: "bytes=2-4", "if-range": etag }, whole],
      [{ range: "bytes=2-4", "if-range": '"x"' }, whole],
      [{ range: "bytes=2-4", "if-range": modified }, [206, "234", "bytes 2-4/10"]],
      [{ range: "bytes=2-4", "if-range": earlier }, whole],
      [{ range: "nonsense", "if-range": earlier }, whole],
      [{ "if-range": earlier }, whole],
    ];
    for (const [fields, expected] of cases) {
      assert.deepEqual(await ask(fields), expected, `${max_bytes} ${JSON.stringify(fields)}`);
    }
    assert.equal(openBelow(t.root), 0);
  }
});

Deno.test("site: a 304 has what a cache updates and no more", async () => {
  await using t = await TestSite.with(FILES, { expires: "0" });
  const { fields } = await t.get("/style.css", { fields: { "if-none-match": "*" } });
  assert.deepEqual(fields.names, ["cache-control", "expires", "last-modified", "etag"]);
});

Deno.test("site: the part of a second of a change plays no part in conditions", async () => {
  await using t = await TestSite.with(FILES);
  Deno.utimeSync(`${t.root}/style.css`, new Date(1_700_000_000_999), new Date(1_700_000_000_999));
  const date = (await t.get("/style.css")).fields.get("last-modified")!;
  assert.equal((await t.get("/style.css", { fields: { "if-modified-since": date } })).status, 304);
  assert.equal(
    (await t.get("/style.css", { fields: { "if-unmodified-since": date } })).status,
    200,
  );
});

Deno.test("site: a failed condition or range is not answered as something to be cached", async () => {
  await using t = await TestSite.with(FILES, { expires: "0" });
  const failed = await t.get("/style.css", { fields: { "if-match": '"x"' } });
  const beyond = await t.get("/style.css", { fields: { range: "bytes=100-" } });
  assert.deepEqual(failed.fields.names, ["last-modified", "etag"]);
  assert.deepEqual(beyond.fields.names, ["last-modified", "etag", "content-range"]);
});

Deno.test("site: no range of an empty file can be satisfied", async () => {
  await using t = await TestSite.with(FILES);
  assert.equal((await t.get("/empty.txt")).body, "");
  const { status, fields } = await t.get("/empty.txt", { fields: { range: "bytes=0-" } });
  assert.equal(status, 416);
  assert.equal(fields.get("content-range"), "bytes */0");
});

Deno.test("site: a part of a file in memory is a part of its bytes, not a copy", async () => {
  await using t = await TestSite.with({ "n.txt": "0123456789" });
  const whole = (await t.ask("/n.txt")).responseBody;
  const part = (await t.ask("/n.txt", { fields: { range: "bytes=2-4" } })).responseBody;
  assert.ok(whole instanceof Uint8Array && part instanceof Uint8Array);
  assert.equal(part.buffer, whole.buffer);
});

Deno.test("site: a file of any size is sent where there is no limit", async () => {
  await using t = await TestSite.with({ "big.bin": "" });
  const size = 3 * 1024 * 1024 * 1024;
  await Deno.truncate(`${t.root}/big.bin`, size);
  const whole = await t.ask("/big.bin");
  assert.deepEqual([whole.status, whole.responseBody?.length], [200, size]);
  whole.releaseAll();
  const { body } = await t.get("/big.bin", { fields: { range: "bytes=-2" } });
  assert.equal(body, "\0\0");
});

Deno.test("site: more than max_file_bytes at once is refused, HEAD and parts are not", async () => {
  await using t = await TestSite.with({ "big.bin": "" }, { max_file_bytes: "64 MiB" });
  const size = 64 * 1024 * 1024 + 1;
  await Deno.truncate(`${t.root}/big.bin`, size);
  const whole = await t.get("/big.bin");
  assert.equal(whole.status, 413);
  assert.equal(whole.body, "static response too large");
  const head = await t.ask("/big.bin", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.responseBody?.length, size);
  head.releaseAll();
  const part = await t.get("/big.bin", { fields: { range: `bytes=${size - 2}-` } });
  assert.equal(part.status, 206);
  assert.equal(part.body, "\0\0");
  const most = await t.ask("/big.bin", { fields: { range: "bytes=1-" } });
  assert.equal(most.status, 206);
  most.releaseAll();
  assert.equal(openBelow(t.root), 0);
});

Deno.test("site: a large file is read while it is sent, and closed at its end", async () => {
  const content = "large ".repeat(300_000);
  await using t = await TestSite.with({ "large.txt": content });
  const exchange = await t.ask("/large.txt");
  assert.ok(exchange.responseBody instanceof FileBody);
  assert.equal(openBelow(t.root), 1);
  assert.equal((await t.get("/large.txt")).body, content);
  exchange.releaseAll();
  assert.equal(openBelow(t.root), 0);
});

Deno.test("site: an exchange that ends early closes the file it was sending", async () => {
  await using t = await TestSite.with({ "large.txt": "x".repeat(2 << 20) });
  for (const method of ["GET", "HEAD"]) {
    const exchange = await t.ask("/large.txt", { method });
    exchange.responseBody = undefined;
    exchange.releaseAll();
    assert.equal(openBelow(t.root), 0, method);
  }
});

Deno.test("site: what the system does not let be read is an internal error, and logged", {
  permissions: { read: false },
}, async () => {
  const errors: string[] = [];
  const log: Logger = {
    logsAccess: false,
    enabled: () => true,
    log: (level, _target, message) => void errors.push(`${level}: ${message}`),
    access() {},
  };
  const memory = new Memory();
  const web = pageSchema.parse({ root: "/srv" });
  const site = new Site(web, { clock: { now: 1 }, watch: { changes: 0 }, memory, log });
  const exchange = exchangeFor("/a.txt");
  await site.serve(exchange);
  assert.equal(exchange.status, 500);
  assert.equal(exchange.refusal?.text, "internal server error");
  assert.match(errors[0], /^error: static file not served: .*\/srv/);
});
