/** Scripts that mean no good, or go wrong, with a real php-fpm: the gateway and other requests go on. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import { PhpFpm, testWithPhp } from "../testing/php_fpm.ts";

const SCRIPTS = {
  "hello.php": `<?php echo "hello";`,
  "endless_head.php":
    `<?php for ($i = 0; $i < 3000; $i++) header("X-$i: " . str_repeat("x", 100));`,
  "endless_body.php": `<?php while (true) echo str_repeat("x", 65536);`,
  "endless_errors.php": `<?php while (true) error_log(str_repeat("e", 1000));`,
  "no_body.php": `<?php http_response_code(204);`,
  "interim.php": `<?php http_response_code(103); echo "early";`,
  "injection.php": `<?php header("X-A: a\\nX-Injected: 1"); header("X-Seen: 1"); echo "body";`,
  "exit.php": `<?php echo str_repeat("x", 20000); flush(); exit(3);`,
  "killed.php": `<?php echo str_repeat("x", 20000); flush(); posix_kill(getmypid(), 9);`,
  "sleeper.php": `<?php sleep(5); echo "late";`,
  "memory.php":
    `<?php ini_set("display_errors", "0"); $a = []; while (true) $a[] = str_repeat("x", 1 << 20);`,
  "smuggle.php":
    `<?php header("Content-Length: 3"); header("Transfer-Encoding: chunked"); header("Connection: X-Seen");
    header("X-Seen: 1"); echo "0123456789";`,
};

testWithPhp("scripts that go wrong cost their own requests and nothing else", async () => {
  await using fpm = await PhpFpm.start(SCRIPTS, { workers: 3 });
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
[vhosts.php]
enabled = true
root = "${fpm.root}"
max_response_bytes = "4MiB"
request_timeout_secs = 2
max_in_flight = 3
fpm.socket = "${fpm.socket}"
`);
  const get = async (path: string) => {
    const response = await fetch(gateway.url(path));
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  /** Asks until there is a place: a script that was given up may still have one. */
  const expect = async (path: string, status: number) => {
    let answer = await get(path);
    await until(`${path} is answered`, async () => {
      if (answer.status !== 503) return true;
      answer = await get(path);
      return false;
    });
    assert.equal(answer.status, status, `${path}: ${answer.text.slice(0, 200)}`);
    return answer;
  };
  await expect("/endless_head.php", 502);
  await expect("/endless_body.php", 502);
  await expect("/endless_errors.php", 502);
  assert.equal((await expect("/no_body.php", 204)).text, "");
  await expect("/interim.php", 502);
  const injected = await expect("/injection.php", 200);
  assert.equal(injected.headers.get("x-injected"), null);
  assert.equal((await expect("/exit.php", 200)).text.length, 20_000);
  await expect("/killed.php", 502);
  await expect("/sleeper.php", 502);
  await expect("/memory.php", 500);
  const smuggled = await expect("/smuggle.php", 200);
  assert.equal(smuggled.text, "0123456789");
  assert.deepEqual([smuggled.headers.get("content-length"), smuggled.headers.get("x-seen")], [
    "10",
    null,
  ]);
  for (let i = 0; i < 5; i++) assert.equal((await expect("/hello.php", 200)).text, "hello");
});

testWithPhp(
  "workers that come and go lose no request, with kept connections and without",
  async () => {
    for (const keepalive of [false, true]) {
      await using fpm = await PhpFpm.start(
        {
          "count.php":
            `<?php file_put_contents(__DIR__."/n.txt", "x", FILE_APPEND | LOCK_EX); echo "ok";`,
        },
        { workers: 4, lines: ["pm.max_requests = 25"] },
      );
      await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
process.threads = 2
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
[vhosts.php]
enabled = true
root = "${fpm.root}"
max_in_flight = 64
[vhosts.php.fpm]
socket = "${fpm.socket}"
keepalive = ${keepalive}
pool_max_idle = 2
`);
      const ask = async () => {
        for (let i = 0; i < 60; i++) {
          const response = await fetch(gateway.url("/count.php"));
          assert.deepEqual([response.status, await response.text()], [200, "ok"]);
        }
      };
      await Promise.all(Array.from({ length: 10 }, ask));
      assert.equal(
        Deno.readTextFileSync(`${fpm.root}/n.txt`).length,
        600,
        `keepalive ${keepalive}`,
      );
    }
  },
);
