/** Static files of the whole program (spec 02 section 7), as a client sees them over the wire. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { testWith, until } from "../testing/peer.ts";
import { type Answer, RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

const SITE = `
[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "site"
hosts = ["a.test"]
[vhosts.web]
root = "{dir}/www"
[[vhosts.routes]]
name = "docs"
path_prefix = "/docs"
strip_prefix = "/docs"
[vhosts.routes.web]
root = "{dir}/docs"
index_files = ["main.html", "index.html"]
cache_control = "no-store"
expires = "0"
deny_dotfiles = false
directory_listing = { enabled = true, exact_size = true }
`;

const FILES = {
  "www/index.html": "<p>home</p>",
  "www/sub/page.txt": "0123456789",
  "www/bare/file.unknown": "?",
  "www/empty.txt": "",
  "www/.secret": "no",
  "www/name with ü.txt": "umlaut",
  "docs/index.html": "second choice",
  "docs/main.html": "manual",
  "docs/list/b & c.txt": "12",
  "docs/list/.shown": "",
  "docs/list/deeper/x": "",
};

/** One request on a connection of its own. */
async function ask(
  { port }: TestGateway,
  path: string,
  { method = "GET", fields = {} as Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  using client = await RawClient.connect(port);
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  await client.send(`${method} ${path} HTTP/1.1\r\nhost: a.test\r\n${lines}\r\n`);
  const answer = await client.answer(method !== "HEAD");
  assert.ok(answer !== undefined, `no answer to ${path}`);
  return answer;
}

function site(config = SITE): Promise<TestGateway> {
  return TestGateway.start(config, FILES);
}

Deno.test("a file comes with its type, its length, its validators and the vhost's policy", async () => {
  await using gateway = await site();
  const path = `${gateway.dir.path}/www/sub/page.txt`;
  Deno.utimeSync(path, 1_700_000_000.5, 1_700_000_000.5);
  const answer = await ask(gateway, "/sub/page.txt");
  assert.equal(answer.status, 200);
  assert.equal(answer.body, "0123456789");
  const { fields } = answer;
  assert.equal(fields.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(fields.get("content-length"), "10");
  assert.equal(fields.get("cache-control"), "public, max-age=60");
  assert.equal(fields.get("last-modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  assert.equal(fields.get("accept-ranges"), "bytes");
  assert.equal(fields.get("etag"), `W/"a-6553f100-1dcd6500"`);
  assert.equal(fields.get("expires"), undefined);
  assert.equal(fields.get("x-content-type-options"), "nosniff");
  assert.equal(fields.get("server"), "fluxheim");
});

Deno.test("HEAD says what GET would, and sends nothing behind it", async () => {
  await using gateway = await site();
  for (const path of ["/", "/empty.txt", "/nowhere", "/.secret"]) {
    const got = await ask(gateway, path);
    using client = await RawClient.connect(gateway.port);
    const head = (method: string) => `${method} ${path} HTTP/1.1\r\nhost: a.test\r\n\r\n`;
    await client.send(head("HEAD") + head("GET"));
    const told = await client.answer(false);
    assert.equal(told?.status, got.status, path);
    assert.equal(told?.fields.get("content-length"), got.fields.get("content-length"), path);
    assert.equal((await client.answer())?.body, got.body, path);
  }
});

/** Path, status and body of what needs no more description. */
const PATHS: readonly (readonly [path: string, status: number, body: string])[] = [
  ["/", 200, "<p>home</p>"],
  ["/?query=ignored", 200, "<p>home</p>"],
  ["/name%20with%20%C3%BC.txt", 200, "umlaut"],
  ["/bare/file.unknown", 200, "?"],
  // A directory without an index file, and what is not there.
  ["/bare", 404, ""],
  ["/bare/", 404, ""],
  ["/nowhere", 404, ""],
  ["/index.html/", 404, ""],
  ["/index.html/more", 404, ""],
  ["/sub/PAGE.TXT", 404, ""],
  // What must not be served, whether it is there or not.
  ["/.secret", 403, "forbidden"],
  ["/.nothing", 403, "forbidden"],
  ["/sub/.x/y", 403, "forbidden"],
  ["/%2esecret", 403, "forbidden"],
  // What never reaches a file.
  ["/../www/index.html", 400, "unsafe request path"],
  ["/sub/..%2findex.html", 400, "unsafe request path"],
  ["/sub/%2e%2e/index.html", 400, "unsafe request path"],
  ["/sub/%252e%252e/index.html", 400, "unsafe request path"],
  ["/sub%5cpage.txt", 400, "unsafe request path"],
  ["/sub//page.txt", 400, "unsafe request path"],
  ["/%00", 400, "unsafe request path"],
  ["/%ff", 400, "unsafe request path"],
  ["/100%25", 400, "unsafe request path"],
  // The route's own root, index files and dotfiles; its prefix ends at a segment.
  ["/docs", 308, ""],
  ["/docs/", 200, "manual"],
  ["/docs/index.html", 200, "second choice"],
  ["/docs/list/.shown", 200, ""],
  ["/docsx", 404, ""],
];

Deno.test("a path leads to its file and nowhere else", async (t) => {
  await using gateway = await site();
  for (const [path, status, body] of PATHS) {
    await t.step(path, async () => {
      const answer = await ask(gateway, path);
      assert.deepEqual([answer.status, answer.body], [status, body]);
    });
  }
});

Deno.test("a link or a special file at any level is not there", async () => {
  await using gateway = await site();
  const www = `${gateway.dir.path}/www`;
  Deno.symlinkSync("/etc/hostname", `${www}/file`);
  Deno.symlinkSync("/etc", `${www}/directory`);
  Deno.symlinkSync(`${www}/sub`, `${www}/inside`);
  await new Deno.Command("mkfifo", { args: [`${www}/pipe`] }).output();
  for (const path of ["/file", "/directory/hostname", "/inside/page.txt", "/pipe"]) {
    assert.equal((await ask(gateway, path)).status, 404, path);
  }
});

Deno.test("a file whose folder becomes a link is gone although it is in memory", async () => {
  await using gateway = await site();
  const www = `${gateway.dir.path}/www`;
  for (let i = 0; i < 3; i++) assert.equal((await ask(gateway, "/sub/page.txt")).status, 200);
  Deno.renameSync(`${www}/sub`, `${gateway.dir.path}/moved`);
  Deno.symlinkSync(`${gateway.dir.path}/moved`, `${www}/sub`);
  await until("it is gone", async () => (await ask(gateway, "/sub/page.txt")).status === 404);
});

Deno.test("a file that changes is served as it is now, within the time it is believed", async () => {
  await using gateway = await site();
  const before = await ask(gateway, "/");
  Deno.writeTextFileSync(`${gateway.dir.path}/www/index.html`, "<p>news</p>");
  await until(
    "the new page is served",
    async () => (await ask(gateway, "/")).body.includes("news"),
  );
  assert.notEqual((await ask(gateway, "/")).fields.get("etag"), before.fields.get("etag"));
});

Deno.test("methods other than GET and HEAD are not for files: 404 without an upstream, never 405", async () => {
  await using gateway = await site();
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "get"]) {
    const answer = await ask(gateway, "/", { method });
    assert.deepEqual([answer.status, answer.fields.get("allow")], [404, undefined], method);
  }
});

Deno.test("what no file answers goes to the vhost's upstream, by its own path", async () => {
  await using upstream = await Upstream.start((request, response) => response.end(request.url));
  await using gateway = await site(
    SITE.replace(
      "[[vhosts.routes]]",
      `[vhosts.proxy]\nupstream = "127.0.0.1:${upstream.port}"\n$&`,
    ),
  );
  assert.equal((await ask(gateway, "/")).body, "<p>home</p>");
  assert.equal((await ask(gateway, "/", { method: "POST" })).body, "/");
  assert.equal((await ask(gateway, "/nowhere?q=1")).body, "/nowhere?q=1");
  assert.equal((await ask(gateway, "/docs/nowhere")).body, "/docs/nowhere");
  assert.equal((await ask(gateway, "/bare/")).body, "/bare/");
  // Refused is not the same as absent.
  assert.equal((await ask(gateway, "/.secret")).status, 403);
});

Deno.test("conditions are looked at in their order, and no-cache looks past those of a cache", async () => {
  await using gateway = await site();
  const { fields } = await ask(gateway, "/sub/page.txt");
  const etag = fields.get("etag") ?? "";
  const date = fields.get("last-modified") ?? "";
  const past = "Tue, 14 Nov 2023 22:13:20 GMT";
  const status = async (conditions: Record<string, string>) =>
    (await ask(gateway, "/sub/page.txt", { fields: conditions })).status;
  assert.equal(await status({ "if-match": "*" }), 200);
  // A weak tag never matches strongly.
  assert.equal(await status({ "if-match": etag }), 412);
  assert.equal(await status({ "if-unmodified-since": date }), 200);
  assert.equal(await status({ "if-unmodified-since": past }), 412);
  assert.equal(await status({ "if-match": "*", "if-unmodified-since": past }), 200);
  assert.equal(await status({ "if-none-match": etag }), 304);
  assert.equal(await status({ "if-none-match": etag.slice(2) }), 304);
  assert.equal(await status({ "if-none-match": `"other", ${etag}` }), 304);
  assert.equal(await status({ "if-none-match": "*" }), 304);
  assert.equal(await status({ "if-none-match": '"other"', "if-modified-since": date }), 200);
  assert.equal(await status({ "if-modified-since": date }), 304);
  assert.equal(await status({ "if-modified-since": past }), 200);
  assert.equal(await status({ "if-modified-since": "yesterday" }), 200);
  for (const value of ["no-cache", "no-store", "max-age=0"]) {
    assert.equal(await status({ "if-none-match": etag, "cache-control": value }), 200, value);
  }
  assert.equal(await status({ "if-none-match": etag, pragma: "no-cache" }), 200);
  assert.equal(await status({ "if-match": etag, "if-none-match": etag }), 412);
  assert.equal(await status({ "if-none-match": etag, range: "bytes=0-1" }), 304);
  const unchanged = await ask(gateway, "/sub/page.txt", { fields: { "if-none-match": etag } });
  assert.equal(unchanged.fields.get("content-length"), undefined);
  assert.equal(unchanged.fields.get("etag"), etag);
});

/** A range of the ten bytes `0123456789`, and what comes back. */
const RANGES:
  readonly (readonly [range: string, status: number, body: string, content?: string])[] = [
    ["bytes=0-0", 206, "0", "bytes 0-0/10"],
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=7-99", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=0-1,3-4", 200, "0123456789"],
    ["bytes=10-", 416, "", "bytes */10"],
    ["bytes=-0", 416, "", "bytes */10"],
    ["bytes=4-2", 416, "", "bytes */10"],
    ["bytes=a-b", 416, "", "bytes */10"],
    ["lines=0-1", 416, "", "bytes */10"],
  ];

Deno.test("one range is served, several are ignored, and what cannot be is a 416", async (t) => {
  await using gateway = await site();
  for (const [range, status, body, content] of RANGES) {
    await t.step(range, async () => {
      const answer = await ask(gateway, "/sub/page.txt", { fields: { range } });
      assert.deepEqual([answer.status, answer.body], [status, body]);
      assert.equal(answer.fields.get("content-range"), content);
      assert.equal(answer.fields.get("content-length"), String(body.length));
    });
  }
  const empty = await ask(gateway, "/empty.txt", { fields: { range: "bytes=0-" } });
  assert.deepEqual([empty.status, empty.fields.get("content-range")], [416, "bytes */0"]);
});

Deno.test("a range is for GET: HEAD tells of the whole", async () => {
  await using gateway = await site();
  for (const range of ["bytes=0-1", "bytes=50-"]) {
    const { status, fields } = await ask(gateway, "/sub/page.txt", {
      method: "HEAD",
      fields: { range },
    });
    assert.deepEqual([status, fields.get("content-length")], [200, "10"]);
    assert.equal(fields.get("content-range"), undefined);
  }
});

Deno.test("If-Range takes a date and never a weak tag", async () => {
  await using gateway = await site();
  const { fields } = await ask(gateway, "/sub/page.txt");
  const status = async (validator: string) => {
    const asked = { range: "bytes=0-1", "if-range": validator };
    return (await ask(gateway, "/sub/page.txt", { fields: asked })).status;
  };
  assert.equal(await status(fields.get("last-modified") ?? ""), 206);
  assert.equal(await status("Tue, 14 Nov 2023 22:13:20 GMT"), 200);
  // An older version may have been put back since.
  assert.equal(await status("Tue, 14 Nov 2045 22:13:20 GMT"), 200);
  assert.equal(await status(fields.get("etag") ?? ""), 200);
});

Deno.test("more than max_file_bytes at once is refused; HEAD and a part are not", async () => {
  await using gateway = await site(
    SITE.replace('root = "{dir}/www"', `$&\nmax_file_bytes = "64 MiB"`),
  );
  const mib = 1024 * 1024;
  Deno.writeTextFileSync(`${gateway.dir.path}/www/huge.bin`, "");
  Deno.truncateSync(`${gateway.dir.path}/www/huge.bin`, 64 * mib + 1);
  const whole = await ask(gateway, "/huge.bin");
  assert.deepEqual([whole.status, whole.body], [413, "static response too large"]);
  const head = await ask(gateway, "/huge.bin", { method: "HEAD" });
  assert.deepEqual([head.status, head.fields.get("content-length")], [200, `${64 * mib + 1}`]);
  const part = await ask(gateway, "/huge.bin", { fields: { range: `bytes=${64 * mib}-` } });
  assert.deepEqual([part.status, part.body], [206, "\0"]);
});

/** What comes of `large.bin` when `change` is done while it is sent, and what the log says then. */
async function changedWhileSent(
  change: (path: string) => void,
): Promise<{ readonly received: number; readonly log: string }> {
  await using gateway = await site();
  const path = `${gateway.dir.path}/www/large.bin`;
  Deno.writeFileSync(path, new Uint8Array(LARGE_BYTES).fill(120));
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: gateway.port });
  using _conn = conn;
  const head = "GET /large.bin HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n";
  await conn.write(new TextEncoder().encode(head));
  const buffer = new Uint8Array(65_536);
  let received = await conn.read(buffer) ?? 0;
  received -= new TextDecoder().decode(buffer.subarray(0, received)).indexOf("\r\n\r\n") + 4;
  // The socket's buffers hold a small part of it, so the rest is read when the file is another already.
  change(path);
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) break;
    received += count;
  }
  let log = "";
  await until("it is in the log", () => {
    log = gateway.process.output;
    return log.includes('"path":"/large.bin"');
  });
  return { received, log };
}

const LARGE_BYTES = 32 * 1024 * 1024;

Deno.test("a file that shrinks while it is sent cuts the answer, which is logged", async () => {
  const { received, log } = await changedWhileSent((path) => Deno.truncateSync(path, 1024 * 1024));
  assert.ok(received < LARGE_BYTES, `${received} bytes came of a file that was cut`);
  assert.match(log, /broke off: the file became shorter while it was sent/);
});

Deno.test("a file that grows while it is sent comes as it was announced, which is logged", async () => {
  const { received, log } = await changedWhileSent((path) =>
    Deno.writeTextFileSync(path, "more", { append: true })
  );
  assert.equal(received, LARGE_BYTES);
  assert.match(log, /grew while it was sent/);
});

Deno.test("a listing names what may be asked for, folders first, relative to the request", async () => {
  await using gateway = await site();
  Deno.symlinkSync("/etc/hostname", `${gateway.dir.path}/docs/list/link`);
  const answer = await ask(gateway, "/docs/list/");
  assert.equal(answer.status, 200);
  assert.equal(answer.fields.get("content-type"), "text/html; charset=utf-8");
  assert.equal(answer.fields.get("cache-control"), "private, no-store");
  const links = [...answer.body.matchAll(/href="([^"]+)"/g)].map(([, href]) => href);
  const base = new URL("http://a.test/docs/list/");
  const paths = links.map((href) => new URL(href, base).pathname);
  const below = paths.filter((path) => path.startsWith(base.pathname) && path !== base.pathname);
  assert.deepEqual(below, [
    "/docs/list/deeper/",
    "/docs/list/.shown",
    "/docs/list/b%20%26%20c.txt",
  ]);
  assert.ok(answer.body.includes("b &amp; c.txt"));
  assert.ok(!answer.body.includes("link"));
  for (const path of below) assert.equal((await ask(gateway, path)).status, 200, path);
});

Deno.test("cache_control and expires are the route's", async () => {
  await using gateway = await site();
  const { fields } = await ask(gateway, "/docs/");
  assert.deepEqual([fields.get("cache-control"), fields.get("expires")], ["no-store", "0"]);
});

testWith(["curl"], "curl resumes a download and revalidates it", async () => {
  await using gateway = await site();
  const file = `${gateway.dir.path}/copy`;
  const content = Array.from({ length: 200_000 }, (_, i) => String(i % 10)).join("");
  Deno.writeTextFileSync(`${gateway.dir.path}/www/long.txt`, content);
  Deno.writeTextFileSync(file, content.slice(0, 70_000));
  const curl = async (...args: string[]) => {
    const url = gateway.url("/long.txt");
    const { stdout } = await new Deno.Command("curl", { args: ["-s", ...args, url] }).output();
    return new TextDecoder().decode(stdout);
  };
  await curl("-C", "-", "-o", file);
  assert.equal(Deno.readTextFileSync(file), content);
  const tags = `${gateway.dir.path}/etag`;
  await curl("--etag-save", tags, "-o", "/dev/null");
  assert.equal(
    await curl("--etag-compare", tags, "-o", "/dev/null", "-w", "%{http_code} %{size_download}"),
    "304 0",
  );
});
