/** Answers of PHP in the cache, with a real php-fpm. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { PhpFpm, testWithPhp } from "../testing/php_fpm.ts";

const SCRIPTS = {
  "counted.php": `<?php $file = __DIR__ . "/count"; $count = (int) @file_get_contents($file) + 1;
    file_put_contents($file, $count); header("Cache-Control: max-age=60"); header("ETag: \\"e\\""); echo $count;`,
  "own.php": `<?php session_start(); header("Cache-Control: max-age=60"); echo session_id();`,
  "host.php":
    `<?php header("Cache-Control: max-age=60"); echo $_SERVER["HTTP_X_FORWARDED_HOST"] ?? "none";`,
  "file.php":
    `<?php header("Cache-Control: max-age=60"); header("X-Sendfile: " . __DIR__ . "/a.txt");`,
  "a.txt": "a file",
};

testWithPhp("answers of PHP are cached by the rules for upstreams", async () => {
  await using fpm = await PhpFpm.start(SCRIPTS);
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
[vhosts.php]
enabled = true
root = "${fpm.root}"
fpm.socket = "${fpm.socket}"
[vhosts.cache]
enabled = true
mode = "rfc9111"
php = true
max_object_bytes = "1 MiB"
status_header = "X-Cache-Status"
status_reason_header = "X-Cache-Reason"
[vhosts.cache.memory]
enabled = true
max_size_bytes = "8 MiB"
`);
  const get = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const response = await fetch(gateway.url(path), { headers, method });
    const reason = response.headers.get("x-cache-reason");
    const said = (response.headers.get("x-cache-status") ?? "") +
      (reason === null ? "" : ` ${reason}`);
    return { said, body: await response.text(), status: response.status };
  };
  assert.deepEqual(await get("/counted.php"), { said: "MISS", body: "1", status: 200 });
  assert.deepEqual(await get("/counted.php"), { said: "HIT", body: "1", status: 200 });
  assert.equal((await get("/counted.php", { "if-none-match": '"e"' })).status, 304);
  assert.equal((await get("/counted.php", {}, "POST")).body, "2");
  assert.deepEqual(await get("/counted.php"), { said: "MISS", body: "3", status: 200 });
  assert.equal(
    (await get("/counted.php", { authorization: "Basic eDp5" })).said,
    "BYPASS request-authorization",
  );
  assert.equal((await get("/own.php")).said, "MISS set-cookie");
  assert.notEqual((await get("/own.php")).body, (await get("/own.php")).body);
  await get("/host.php", { "x-forwarded-host": "poison" });
  const hit = await get("/host.php");
  assert.equal(hit.said, "HIT");
  assert.doesNotMatch(hit.body, /poison/);
  const cold = await get("/other.php", { "cache-control": "only-if-cached" });
  assert.notEqual(cold.said, "HIT");
  for (let i = 0; i < 2; i++) assert.match((await get("/file.php")).body, /^(?:a file|)$/);
});
