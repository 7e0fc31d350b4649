/** Local static files in the cache, with real clients. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../../src/net/testing/until.ts";

const BIG = "0123456789".repeat(200_000);

const SITE = `
[server]
listen = ["127.0.0.1:{port}"]
[web_memory]
max_file_bytes = "4 KiB"
[[vhosts]]
name = "site"
hosts = ["localhost", "127.0.0.1"]
[vhosts.web]
root = "{dir}/www"
[vhosts.cache]
enabled = true
local_static = true
status_header = "X-Cache-Status"
status_reason_header = "X-Cache-Reason"
max_object_bytes = "4 MiB"
bypass_query = true
`;
const MEMORY = '[vhosts.cache.memory]\nenabled = true\nmax_size_bytes = "16 MiB"\n';
const FILES = {
  "www/small.css": "a {}",
  "www/big.png": BIG,
  "www/page.html": "<p>",
  "www/huge.png": BIG.repeat(3),
};

async function get(
  gateway: TestGateway,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
) {
  const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, { headers, method });
  const body = await response.text();
  const reason = response.headers.get("x-cache-reason");
  const said = response.headers.get("x-cache-status") ?? "";
  return {
    status: response.status,
    headers: response.headers,
    body,
    said: reason === null ? said : `${said} ${reason}`,
  };
}

Deno.test("a file is stored when it is first sent, and the stored copy is sent after that", async () => {
  await using gateway = await TestGateway.start(SITE + MEMORY, FILES);
  for (const [path, body] of [["/small.css", "a {}"], ["/big.png", BIG]]) {
    const first = await get(gateway, path);
    assert.deepEqual([first.said, first.headers.get("age")], ["MISS", null]);
    assert.ok(first.body === body);
    const second = await get(gateway, path);
    assert.equal(second.said, "HIT");
    assert.match(second.headers.get("age") ?? "", /^[0-9]$/);
    assert.equal(second.headers.get("etag"), first.headers.get("etag"));
    assert.ok(second.body === body);
  }
  const part = await get(gateway, "/big.png", { range: "bytes=10-12" });
  assert.deepEqual([part.status, part.said, part.body], [206, "HIT", "012"]);
  const etag = part.headers.get("etag") ?? "";
  const known = await get(gateway, "/big.png", { "if-none-match": etag });
  assert.deepEqual([known.status, known.said], [304, "HIT"]);
});

Deno.test("an edited file is another one, and a link that took its place is not followed", async () => {
  await using gateway = await TestGateway.start(SITE + MEMORY, FILES);
  await get(gateway, "/big.png");
  const path = `${gateway.dir.path}/www/big.png`;
  Deno.writeTextFileSync(path, BIG.replaceAll("0", "x"));
  await until(
    "the new content is sent",
    async () => (await get(gateway, "/big.png")).body.startsWith("x123"),
  );
  assert.equal((await get(gateway, "/big.png")).said, "HIT");
  Deno.writeTextFileSync(`${gateway.dir.path}/secret`, "secret");
  Deno.removeSync(path);
  Deno.symlinkSync(`${gateway.dir.path}/secret`, path);
  await until("the link is refused", async () => (await get(gateway, "/big.png")).status === 404);
});

Deno.test("what is not stored says why", async () => {
  await using gateway = await TestGateway.start(SITE + MEMORY, FILES);
  for (
    const [path, headers, method, said] of [
      ["/page.html", {}, "GET", "BYPASS static-ineligible"],
      ["/big.png", {}, "HEAD", "BYPASS static-ineligible"],
      ["/big.png", { range: "bytes=0-1" }, "GET", "BYPASS static-ineligible"],
      ["/huge.png", {}, "GET", "BYPASS static-not-storeable"],
      ["/big.png?x", {}, "GET", "BYPASS request-query"],
      ["/absent.png", {}, "GET", ""],
    ] as const
  ) {
    assert.equal((await get(gateway, path, headers, method)).said, said, path);
  }
});

Deno.test("without a memory tier files are stored on disk", async () => {
  const disk = '[vhosts.cache.disk]\nenabled = true\npath = "{dir}/cache"\n';
  await using gateway = await TestGateway.start(SITE + disk, FILES);
  assert.equal((await get(gateway, "/big.png")).said, "MISS");
  const got = await get(gateway, "/big.png");
  assert.equal(got.said, "HIT");
  assert.ok(got.body === BIG);
  await until("it lies on disk", () => {
    for (const { name } of Deno.readDirSync(`${gateway.dir.path}/cache`)) {
      if (!/^[0-9a-f]{2}$/.test(name)) continue;
      if ([...Deno.readDirSync(`${gateway.dir.path}/cache/${name}`)].length > 0) return true;
    }
    return false;
  });
});
