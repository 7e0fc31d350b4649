/** What goes wrong with PHP in other gateways, against a real php-fpm. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import { PhpFpm, testWithPhp } from "../testing/php_fpm.ts";
import { RawClient } from "../testing/raw.ts";

/** What a test says of its vhost. */
interface Vhost {
  readonly server?: string;
  readonly php?: string;
  readonly fpm?: string;
  readonly web?: string;
  readonly more?: string;
}

function config(
  { root, socket }: PhpFpm,
  { server = "", php = "", fpm, web = "", more = "" }: Vhost = {},
): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
${server}
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
max_request_body_bytes = "64MiB"
[vhosts.php]
enabled = true
root = "${root}"
${php}
[vhosts.php.fpm]
${fpm ?? `socket = "${socket}"`}
[vhosts.web]
root = "${root}"
${web}
${more}
`;
}

/** Appends a line to `file` in the directory of the script. */
const MARK = `file_put_contents(__DIR__."/ran.txt", "ran\\n", FILE_APPEND);`;

/** How often a script has run. */
function runs({ root }: PhpFpm): number {
  try {
    return Deno.readTextFileSync(`${root}/ran.txt`).split("\n").length - 1;
  } catch {
    return 0;
  }
}

async function textOf(gateway: TestGateway, path: string, init: RequestInit = {}) {
  const response = await fetch(gateway.url(path), init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

testWithPhp("large headers and a large query arrive whole", async () => {
  await using fpm = await PhpFpm.start({
    "see.php": `<?php for ($i = 0; $i < 8; $i++) echo strlen($_SERVER["HTTP_X_H$i"]), " ";
      echo strlen($_SERVER["QUERY_STRING"]), " ", strlen($_SERVER["REQUEST_URI"]);`,
  });
  await using gateway = await TestGateway.start(config(fpm, {
    server: 'limits.max_request_header_bytes = "128KiB"\nlimits.max_uri_bytes = "16KiB"',
  }));
  const headers = Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [`x-h${i}`, "h".repeat(7168)]),
  );
  const { status, text } = await textOf(gateway, `/see.php?${"q".repeat(7168)}`, { headers });
  assert.equal(status, 200);
  assert.equal(text, `${"7168 ".repeat(8)}7168 7177`);
});

for (const enabled of [true, false]) {
  testWithPhp(
    `source is never sent, with php-fpm gone and PHP ${enabled ? "on" : "off"}`,
    async () => {
      const source = "<?php echo 'secret';";
      const fpm = await PhpFpm.start({
        "index.php": source,
        "index.php.gz": gzipSync(source),
        "dir/index.php": source,
        "INDEX2.PHP": source,
        "copy.php~": source,
        "copy.php.bak": source,
        "part.inc": source,
        "alias/x.html": "page",
      });
      const text = config(fpm, { web: 'index_files = ["index.php"]\nprecompressed = true' })
        .replace("enabled = true", `enabled = ${enabled}`);
      await using dir = fpm.dir;
      await fpm.stop();
      await using gateway = await TestGateway.start(text);
      for (
        const path of [
          "/",
          "/dir/",
          "/dir",
          "/index.php",
          "/index.PHP",
          "/INDEX2.PHP",
          "/index.php/",
          "/index.php.gz",
          "/copy.php~",
          "/copy.php.bak",
          "/part.inc",
          "/index%2ephp",
        ]
      ) {
        const variants: Record<string, string>[] = [
          {},
          { range: "bytes=0-3" },
          { "accept-encoding": "gzip" },
        ];
        for (const headers of variants) {
          for (const method of ["GET", "HEAD"]) {
            const answer = await textOf(gateway, path, { method, headers });
            assert.ok(!answer.text.includes("secret") && !answer.text.includes("<?"), path);
            assert.ok(answer.status >= 300, `${method} ${path} is ${answer.status}`);
          }
        }
      }
      assert.equal((await textOf(gateway, "/alias/x.html")).text, "page");
      assert.ok(dir.path !== "");
    },
  );
}

testWithPhp("slow clients in either direction stop no other one", async () => {
  await using fpm = await PhpFpm.start({
    "page.php": `<?php echo str_repeat("x", 1 << 20);`,
    "post.php": `<?php echo strlen(file_get_contents("php://input"));`,
    "hello.php": `<?php echo "hello";`,
  });
  await using gateway = await TestGateway.start(config(fpm, { php: "max_in_flight = 2" }));
  const slow = await Promise.all([0, 1, 2, 3].map(() => Deno.connect({ port: gateway.port })));
  const encoder = new TextEncoder();
  for (const conn of slow.slice(0, 2)) {
    await conn.write(
      encoder.encode("POST /post.php HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nx"),
    );
  }
  for (const conn of slow.slice(2)) {
    await conn.write(encoder.encode("GET /page.php HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    await conn.read(new Uint8Array(1));
  }
  assert.equal((await textOf(gateway, "/hello.php")).text, "hello");
  for (const conn of slow) conn.close();
});

testWithPhp("scripts whose clients have gone count until they end", async () => {
  await using fpm = await PhpFpm.start({
    "slow.php": `<?php
      file_put_contents(__DIR__."/now.txt", "+\\n", FILE_APPEND | LOCK_EX);
      while (!file_exists(__DIR__."/go.txt")) { usleep(20000); clearstatcache(); }
      file_put_contents(__DIR__."/now.txt", "-\\n", FILE_APPEND | LOCK_EX);`,
  }, { workers: 8 });
  await using gateway = await TestGateway.start(config(fpm, { php: "max_in_flight = 2" }));
  const begun = () => {
    try {
      return Deno.readTextFileSync(`${fpm.root}/now.txt`).split("\n").filter((line) => line === "+")
        .length;
    } catch {
      return 0;
    }
  };
  const gone = new AbortController();
  const first = [0, 1].map(() =>
    fetch(gateway.url("/slow.php"), { signal: gone.signal }).catch(() => {})
  );
  await until("two scripts run", () => begun() === 2);
  gone.abort();
  await Promise.all(first);
  for (let i = 0; i < 18; i++) {
    const { status, headers } = await textOf(gateway, "/slow.php");
    assert.deepEqual([status, headers.get("retry-after")], [503, "1"]);
  }
  assert.equal(begun(), 2);
  Deno.writeTextFileSync(`${fpm.root}/go.txt`, "");
  await until(
    "the places are free",
    async () => (await textOf(gateway, "/slow.php")).status === 200,
  );
});

testWithPhp("with keepalive no worker is kept from others", async () => {
  await using fpm = await PhpFpm.start({ "hello.php": `<?php echo "hello";` }, { workers: 2 });
  await using gateway = await TestGateway.start(config(fpm, {
    server: "process.threads = 3",
    fpm: `socket = "${fpm.socket}"\nkeepalive = true\npool_max_idle = 1`,
  }));
  const get = async () => {
    using client = Deno.createHttpClient({});
    assert.equal((await textOf(gateway, "/hello.php", { client } as RequestInit)).text, "hello");
  };
  for (let i = 0; i < 3; i++) {
    await Promise.all(Array.from({ length: 8 }, get));
    for (let j = 0; j < 5; j++) await get();
  }
});

testWithPhp("of two endpoints one is down: every form arrives once", async () => {
  await using fpm = await PhpFpm.start({
    "form.php": `<?php ${MARK} echo strlen(file_get_contents("php://input"));`,
  }, { lines: [] });
  await using dead = await PhpFpm.start({});
  const proxied = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = proxied.addr as Deno.NetAddr;
  const relays: Promise<unknown>[] = [];
  const accepting = (async () => {
    for await (const conn of proxied) {
      const upstream = await Deno.connect({ transport: "unix", path: fpm.socket });
      relays.push(Promise.allSettled([
        conn.readable.pipeTo(upstream.writable),
        upstream.readable.pipeTo(conn.writable),
      ]));
    }
  })();
  await using gateway = await TestGateway.start(config(fpm, {
    fpm: `tcp_upstreams = ["127.0.0.1:1", "127.0.0.1:${port}"]\nallow_private_tcp_upstreams = true`,
  }));
  for (let i = 0; i < 10; i++) {
    const { status, text } = await textOf(gateway, "/form.php", {
      method: "POST",
      body: "x".repeat(1000),
    });
    assert.deepEqual([status, text], [200, "1000"]);
  }
  assert.equal(runs(fpm), 10);
  proxied.close();
  await accepting;
  await Promise.all(relays);
  assert.ok(dead.pid > 0);
});

testWithPhp("an app below a prefix knows where it is", async () => {
  await using fpm = await PhpFpm.start({
    "index.php":
      `<?php echo $_SERVER["SCRIPT_NAME"], " ", $_SERVER["PATH_INFO"] ?? "-", " ", $_SERVER["REQUEST_URI"];`,
    "admin/index.php": `<?php echo $_SERVER["SCRIPT_NAME"];`,
  });
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
[[vhosts.routes]]
name = "forum"
path_prefix = "/forum/"
strip_prefix = "/forum"
[vhosts.routes.php]
enabled = true
root = "${fpm.root}"
path_info = "split"
fpm.socket = "${fpm.socket}"
`);
  assert.equal(
    (await textOf(gateway, "/forum/index.php/t/1")).text,
    "/forum/index.php /t/1 /forum/index.php/t/1",
  );
  assert.equal(
    (await textOf(gateway, "/forum/some/page?x")).text,
    "/forum/index.php - /forum/some/page?x",
  );
  const { status, headers } = await textOf(gateway, "/forum/admin?a=1", { redirect: "manual" });
  assert.deepEqual([status, headers.get("location")], [308, "/forum/admin/?a=1"]);
  assert.equal((await textOf(gateway, "/forum/admin/")).text, "/forum/admin/index.php");
});

testWithPhp("a route that guards a script guards it under every name", async () => {
  await using fpm = await PhpFpm.start({
    "index.php": `<?php echo "open";`,
    "admin/index.php": `<?php echo "secret";`,
    "admin.php": `<?php echo "secret";`,
  });
  const guard = (path: string) =>
    `[[vhosts.routes]]
name = "guard ${path}"
path_exact = "${path}"
access = { deny = ["0.0.0.0/0"] }
php = { enabled = true, root = "${fpm.root}", fpm = { socket = "${fpm.socket}" } }
`;
  await using gateway = await TestGateway.start(config(fpm, {
    php: 'path_info = "split"',
    more: guard("/admin/index.php") + guard("/admin.php"),
  }));
  assert.equal((await textOf(gateway, "/x")).text, "open");
  for (
    const path of [
      "/admin/",
      "/admin/index.php",
      "/admin/index.php/x",
      "/admin.php",
      "/admin.php/x",
      "/%61dmin.php",
    ]
  ) {
    const { status, text } = await textOf(gateway, path);
    assert.equal(status, 403, path);
    assert.ok(!text.includes("secret"));
  }
});

testWithPhp("a script lets the gateway send a file, by the conditions of its request", async () => {
  await using fpm = await PhpFpm.start({
    "get.php": `<?php setcookie("a", "b"); header("X-Accel-Redirect: /files/big%20one.txt");`,
    "send.php": `<?php header("X-Sendfile: " . __DIR__ . "/files/big one.txt");`,
    "files/big one.txt": "0123456789",
  });
  await using gateway = await TestGateway.start(config(fpm));
  for (const path of ["/get.php", "/send.php"]) {
    const whole = await textOf(gateway, path);
    assert.equal(whole.text, "0123456789");
    assert.equal(whole.headers.get("cache-control"), "private, no-store");
    assert.equal(whole.headers.get("content-type"), "text/plain; charset=utf-8");
    const part = await textOf(gateway, path, { headers: { range: "bytes=2-4" } });
    assert.deepEqual([part.status, part.text], [206, "234"]);
    const etag = whole.headers.get("etag") ?? "";
    const same = await textOf(gateway, path, { headers: { "if-none-match": etag } });
    assert.equal(same.status, 304);
  }
});

testWithPhp("bodies above the threshold go through a file that has no name", async () => {
  await using fpm = await PhpFpm.start({
    "post.php": `<?php echo md5(file_get_contents("php://input"));`,
  }, { lines: ["php_admin_value[post_max_size] = 64M"] });
  await using gateway = await TestGateway.start(config(fpm, {
    php:
      `request_body_spool_dir = "${fpm.dir.path}/spool"\nrequest_body_spool_threshold_bytes = "64KiB"`,
  }));
  const body = new Uint8Array(8 * 1024 * 1024).map((_, i) => i % 251);
  const { createHash } = await import("node:crypto");
  const expected = createHash("md5").update(body).digest("hex");
  const sent = await textOf(gateway, "/post.php", { method: "POST", body });
  assert.equal(sent.text, expected);
  const chunked = await textOf(gateway, "/post.php", {
    method: "POST",
    body: new Blob([body]).stream(),
  });
  assert.equal(chunked.text, expected);
  assert.deepEqual([...Deno.readDirSync(`${fpm.dir.path}/spool`)], []);
});

testWithPhp("answers are compressed by the common rules, and HEAD has no body", async () => {
  await using fpm = await PhpFpm.start({ "index.php": `<?php echo str_repeat("hello ", 1000);` });
  await using gateway = await TestGateway.start(config(fpm, {
    more: "[vhosts.compression]\nenabled = true",
  }));
  const { headers, text } = await textOf(gateway, "/", { headers: { "accept-encoding": "gzip" } });
  assert.equal(headers.get("vary")?.toLowerCase(), "accept-encoding");
  assert.equal(text, "hello ".repeat(1000));
  const head = await textOf(gateway, "/", { method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
});

testWithPhp(
  "methods of REST interfaces reach the script, with what the client is known by",
  async () => {
    await using fpm = await PhpFpm.start({
      "index.php": `<?php echo $_SERVER["REQUEST_METHOD"], " ", $_SERVER["REMOTE_ADDR"], " ",
      $_SERVER["HTTP_X_FORWARDED_FOR"] ?? "-", " ", $_SERVER["HTTP_PROXY"] ?? "-";`,
    });
    await using gateway = await TestGateway.start(config(fpm));
    for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const { text } = await textOf(gateway, "/api", { method, headers: { proxy: "evil" } });
      assert.match(text, new RegExp(`^${method} 127\\.0\\.0\\.1 .* -$`));
    }
  },
);

testWithPhp("a page for failures of php-fpm", async () => {
  const fpm = await PhpFpm.start({ "index.php": "<?php", "502.html": "sorry" });
  await using _ = fpm.dir;
  await fpm.stop();
  await using gateway = await TestGateway.start(config(fpm, {
    php: `error_pages = [{ status = 502, path = "/502.html", web = { root = "${fpm.root}" } }]`,
  }));
  const { status, text } = await textOf(gateway, "/");
  assert.deepEqual([status, text], [502, "sorry"]);
  await until("it is logged", () => gateway.process.output.includes("connection_error"));
});

testWithPhp(
  "with streaming events come one by one, and a large download needs no memory",
  async () => {
    await using fpm = await PhpFpm.start({
      "events.php":
        `<?php header("Content-Type: text/event-stream"); header("X-Accel-Buffering: no");
      while (ob_get_level()) ob_end_flush();
      echo "data: one\\n\\n"; flush();
      while (!file_exists(__DIR__."/go.txt")) { usleep(20000); clearstatcache(); }
      echo "data: two\\n\\n";`,
      "large.php":
        `<?php while (ob_get_level()) ob_end_flush(); header("Content-Length: " . (256 << 20));
      $piece = str_repeat("x", 1 << 16); for ($i = 0; $i < 4096; $i++) { echo $piece; }`,
      "short.php":
        `<?php while (ob_get_level()) ob_end_flush(); header("Content-Length: 100"); echo "short";`,
      "post.php": `<?php echo strlen(file_get_contents("php://input"));`,
    });
    await using gateway = await TestGateway.start(config(fpm, { php: "streaming = true" }));
    const response = await fetch(gateway.url("/events.php"));
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, "data: one\n\n");
    Deno.writeTextFileSync(`${fpm.root}/go.txt`, "");
    assert.equal((await reader.read()).value, "data: two\n\n");
    assert.equal((await reader.read()).done, true);

    let length = 0;
    const large = await fetch(gateway.url("/large.php"));
    for await (const piece of large.body!) length += piece.length;
    assert.equal(length, 256 << 20);
    const memory = Deno.readTextFileSync(`/proc/${gateway.process.pid}/status`);
    const peak = Number(/VmHWM:\s*(\d+)/.exec(memory)?.[1]);
    assert.ok(peak < 250 * 1024, `${peak} KiB`);

    assert.equal(
      (await textOf(gateway, "/post.php", { method: "POST", body: "x".repeat(100_000) })).text,
      "100000",
    );
    using client = await RawClient.connect(gateway.port);
    await client.send("GET /short.php HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    assert.match(await client.rest(), /content-length: 100\r\n[\s\S]*\r\n\r\nshort$/i);
  },
);
