/** Static files beyond 1.5: files to try, strong tags, several ranges, rules for some files. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";

function config(web: string, more = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.web]
root = "{dir}/site"
${web}
${more}`;
}

const NAVIGATION = { accept: "text/html,*/*;q=0.8" };

async function get(gateway: TestGateway, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(gateway.url(path), { headers, redirect: "manual" });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return {
    status: response.status,
    text: new TextDecoder().decode(bytes),
    field: (name: string) => response.headers.get(name),
  };
}

Deno.test("a single-page application answers navigations, and no file that is missing", async () => {
  await using gateway = await TestGateway.start(
    config('try_files = ["{path}", "{path}.html", "/index.html"]'),
    {
      "site/index.html": "app",
      "site/about.html": "about",
      "site/docs/index.html": "docs",
      "site/a?b.txt": "question",
      "site/%3F.txt": "escape",
    },
  );
  const deep = await get(gateway, "/settings/profile?tab=1", NAVIGATION);
  assert.equal(deep.status, 200);
  assert.equal(deep.text, "app");
  assert.equal(deep.field("cache-control"), "no-cache");
  assert.equal(deep.field("vary"), "accept");
  assert.equal((await get(gateway, "/about")).text, "about");
  assert.equal((await get(gateway, "/about")).field("cache-control"), "public, max-age=60");
  assert.equal((await get(gateway, "/docs")).status, 308);
  assert.equal((await get(gateway, "/docs/")).text, "docs");
  for (
    const [path, headers] of [
      ["/assets/app-dead.js", { accept: "*/*" }],
      ["/assets/app-dead.js", NAVIGATION],
      ["/api/x", { accept: "application/json" }],
      ["/settings", {}],
    ] as const
  ) {
    const missing = await get(gateway, path, headers);
    assert.equal(missing.status, 404, path);
    assert.match(missing.field("cache-control") ?? "", /no-store/);
  }
  assert.equal((await get(gateway, "/.env", NAVIGATION)).status, 403);
  // Names are names, whatever they would mean in a URL.
  assert.equal((await get(gateway, "/a%3Fb.txt")).text, "question");
  assert.equal((await get(gateway, "/%253F.txt")).text, "escape");
});

Deno.test("a route that guards a file guards it where try_files finds it, too", async () => {
  await using gateway = await TestGateway.start(
    config(
      'try_files = ["{path}", "{path}.html", "/index.html"]',
      `[[vhosts.routes]]
name = "secret"
path_exact = "/secret.html"
access.deny = ["127.0.0.1"]
web.root = "{dir}/site"
[[vhosts.routes]]
name = "app"
path_prefix = "/app"
strip_prefix = "/app"
web = { root = "{dir}/site", try_files = ["{path}", "/page.html"] }
[[vhosts.routes]]
name = "page"
path_exact = "/app/page.html"
access.deny = ["127.0.0.1"]
web.root = "{dir}/site"
`,
    ),
    { "site/index.html": "app", "site/secret.html": "secret", "site/page.html": "page" },
  );
  assert.equal((await get(gateway, "/secret")).status, 403);
  assert.equal((await get(gateway, "/app/any", NAVIGATION)).status, 403);
});

Deno.test("a strong tag is of the content, and allows parts to be joined", async () => {
  await using gateway = await TestGateway.start(config('etag = "strong"'), {
    "site/a.txt": "same",
    "site/b.txt": "same",
  });
  const first = await get(gateway, "/a.txt");
  const tag = first.field("etag") ?? "";
  assert.match(tag, /^"[\w-]{24}"$/);
  assert.equal((await get(gateway, "/b.txt")).field("etag"), tag);
  assert.equal((await get(gateway, "/a.txt", { "if-none-match": tag })).status, 304);
  assert.equal((await get(gateway, "/a.txt", { "if-match": tag })).status, 200);
  assert.equal((await get(gateway, "/a.txt", { "if-match": '"other"' })).status, 412);
  const part = await get(gateway, "/a.txt", { "if-range": tag, range: "bytes=1-2" });
  assert.equal(part.status, 206);
  assert.equal(part.text, "am");
});

Deno.test("several ranges come in one answer, within bounds", async (t) => {
  const large = "0123456789".repeat(20_000);
  await using gateway = await TestGateway.start(
    config("max_ranges = 4", "[web_memory]\nmax_file_bytes = 1000\n"),
    { "site/small.txt": "0123456789", "site/large.txt": large },
  );
  for (const [path, length] of [["/small.txt", 10], ["/large.txt", 200_000]] as const) {
    await t.step(path, async () => {
      const several = await get(gateway, path, { range: "bytes=0-1, 4-5,-1" });
      assert.equal(several.status, 206);
      assert.equal(several.field("content-range"), null);
      const type = several.field("content-type") ?? "";
      const boundary = /^multipart\/byteranges; boundary=([0-9a-f]{32})$/.exec(type)?.[1];
      const part = (range: string, text: string) =>
        `--${boundary}\r\ncontent-type: text/plain; charset=utf-8\r\n` +
        `content-range: bytes ${range}/${length}\r\n\r\n${text}\r\n`;
      const last = `${length - 1}-${length - 1}`;
      assert.equal(
        several.text,
        part("0-1", "01") + part("4-5", "45") + part(last, "9") + `--${boundary}--\r\n`,
      );
      assert.equal(several.field("content-length"), String(several.text.length));
      const one = await get(gateway, path, { range: `bytes=0-1,${length}-` });
      assert.equal(one.status, 206);
      assert.equal(one.field("content-range"), `bytes 0-1/${length}`);
      for (
        const whole of ["bytes=0-,0-", "bytes=0-1,1-2", "bytes=0-0,2-2,4-4,6-6,8-8", "bytes=0-1,x"]
      ) {
        assert.equal((await get(gateway, path, { range: whole })).status, 200, whole);
      }
      const hundreds = `bytes=${Array(200).fill("0-").join(",")}`;
      assert.equal((await get(gateway, path, { range: hundreds })).status, 200);
      const none = await get(gateway, path, { range: `bytes=${length}-,${length + 1}-` });
      assert.equal(none.status, 416);
    });
  }
});

Deno.test("rules for some files set how long they are kept, and have browsers save them", async () => {
  await using gateway = await TestGateway.start(
    config(`
[[vhosts.web.files]]
match = ["/assets/*"]
cache_control = "public, max-age=31536000, immutable"
[[vhosts.web.files]]
match = ["*.pdf", "report-*"]
download = true
[[vhosts.web.files]]
match = ["/latest.bin"]
download = "release 1.0.bin"
`),
    {
      "site/index.html": "index",
      "site/assets/app.js": "js",
      "site/a/größe.pdf": "pdf",
      "site/report-1.txt": "text",
      "site/latest.bin": "bin",
    },
  );
  const asset = await get(gateway, "/assets/app.js");
  assert.equal(asset.field("cache-control"), "public, max-age=31536000, immutable");
  assert.equal(asset.field("content-disposition"), null);
  assert.equal((await get(gateway, "/")).field("cache-control"), "public, max-age=60");
  assert.equal(
    (await get(gateway, "/a/gr%C3%B6%C3%9Fe.pdf")).field("content-disposition"),
    `attachment; filename="gr__e.pdf"; filename*=UTF-8''gr%C3%B6%C3%9Fe.pdf`,
  );
  assert.equal(
    (await get(gateway, "/report-1.txt")).field("content-disposition"),
    'attachment; filename="report-1.txt"',
  );
  assert.equal(
    (await get(gateway, "/latest.bin")).field("content-disposition"),
    'attachment; filename="release 1.0.bin"',
  );
});
