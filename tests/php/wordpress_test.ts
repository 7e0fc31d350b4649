/** WordPress from its installation to an upload, by every way to run php-fpm (spec 07 section 26.1). */
import assert from "node:assert/strict";
import { crc32, deflateSync } from "node:zlib";
import { TestGateway } from "../testing/gateway.ts";
import { TempDir, testUnlessMissing, until } from "../testing/peer.ts";
import { PHP_FPM, PhpFpm } from "../testing/php_fpm.ts";
import { Browser } from "./browser.ts";
import { MariaDb } from "./database.ts";
import { configure, install, installTree, logIn, missingForWordPress } from "./wordpress.ts";

const MISSING = [...(PHP_FPM === undefined ? ["php-fpm"] : []), ...missingForWordPress()];

function config(root: string, fpm: string, spool: string): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "wordpress"
hosts = ["127.0.0.1"]
max_request_body_bytes = "64MiB"
[vhosts.php]
enabled = true
preset = "wordpress"
root = "${root}"
max_in_flight = 3
max_request_body_bytes = "64MiB"
request_body_spool_dir = "${spool}"
request_body_spool_threshold_bytes = "256KiB"
hide_response_headers = ["x-powered-by"]
[vhosts.php.fpm]
${fpm}
[vhosts.web]
root = "${root}"
`;
}

function managed(dir: TempDir, more: string): string {
  const identity = Deno.uid() === 0
    ? 'user = "www-data"\ngroup = "www-data"\nlisten_owner = "root"\nlisten_group = "root"'
    : "";
  return `mode = "managed"
php_fpm_binary = "${PHP_FPM}"
socket_dir = "${dir.path}/run"
workers = 3
max_requests_per_worker = 100
listen_backlog = 64
request_terminate_timeout_secs = 30
request_slowlog_timeout_secs = 10
request_slowlog_trace_depth = 16
decorate_workers_output = false
${identity}
${more}`;
}

const MODES: Readonly<Record<string, string>> = {
  external: "",
  static: "",
  dynamic:
    'process_manager = "dynamic"\nstart_servers = 1\nmin_spare_servers = 1\nmax_spare_servers = 2\nmax_spawn_rate = 8',
  ondemand: 'process_manager = "ondemand"\nprocess_idle_timeout_secs = 5',
  respawn: "",
};

for (const [mode, keys] of Object.entries(MODES)) {
  testUnlessMissing(MISSING, `WordPress, ${mode}`, async () => {
    await using db = await MariaDb.start();
    await db.create("wp");
    await using dir = new TempDir();
    await installTree(dir);
    const root = `${dir.path}/www`;
    await using fpm = mode === "external"
      ? await PhpFpm.start({}, {
        lines: [
          "php_admin_value[upload_max_filesize] = 32M",
          "php_admin_value[post_max_size] = 64M",
        ],
      })
      : undefined;
    const endpoint = fpm === undefined ? managed(dir, keys) : `socket = "${fpm.socket}"`;
    await using gateway = await TestGateway.start(
      config(root, endpoint, `${dir.path}/spool`),
    );
    const base = `http://127.0.0.1:${gateway.port}`;
    configure(dir, base, "wp", db);
    const browser = new Browser(base);

    await install(browser);
    const cookies = await logIn(browser);
    assert.ok(cookies.filter((line) => line.startsWith("wordpress_")).length > 1);
    const admin = await browser.get("/wp-admin/");
    assert.equal(admin.status, 200);
    assert.match(admin.text, /Dashboard/);
    assert.match(admin.text, /Log Out/);
    assert.equal(admin.headers.get("x-powered-by"), null);

    const css = await browser.get("/wp-includes/css/buttons.css");
    assert.deepEqual([css.status, css.headers.get("content-type")], [
      200,
      "text/css; charset=utf-8",
    ]);

    // Created by REST, found again by its pretty permalink.
    const nonce = (await browser.get("/wp-admin/admin-ajax.php?action=rest-nonce")).text;
    const settings = { "x-wp-nonce": nonce };
    const made = await browser.send("POST", "/index.php?rest_route=/wp/v2/posts", {
      title: "Hello gateway",
      slug: "hello-gateway",
      status: "publish",
      content: "It works over FastCGI.",
    }, settings);
    assert.equal(made.status, 201, made.text.slice(0, 500));
    const { link } = JSON.parse(made.text);
    assert.match(link, /\/hello-gateway\/$/);
    const post = await browser.get(link.slice(base.length));
    assert.equal(post.status, 200, post.text.slice(0, 500));
    assert.match(post.text, /It works over FastCGI/);

    // A picture of some megabytes goes through the spool, which is empty afterwards.
    const picture = new FormData();
    picture.set("file", new File([largePng()], "large.png", { type: "image/png" }));
    const media = await browser.post("/index.php?rest_route=/wp/v2/media", picture, settings);
    if (mode === "external") assert.equal(media.status, 201, media.text.slice(0, 500));
    assert.deepEqual([...Deno.readDirSync(`${dir.path}/spool`)], []);

    Deno.writeTextFileSync(`${root}/wp-content/uploads/x.php`, "<?php echo 'executed';");
    const uploaded = await browser.get("/wp-content/uploads/x.php");
    assert.deepEqual([uploaded.status, uploaded.text], [403, "forbidden"]);

    if (mode === "respawn") {
      const name = [...Deno.readDirSync(`${dir.path}/run`)].find(({ name }) =>
        name.endsWith(".pid")
      )?.name;
      const pid = Number(Deno.readTextFileSync(`${dir.path}/run/${name}`));
      Deno.kill(pid, "SIGKILL");
      await until(
        "php-fpm runs again",
        () => gateway.process.output.includes("managed php-fpm restarted"),
      );
      const again = await browser.get("/wp-admin/");
      assert.match(again.text, /Dashboard/);
    }
    if (fpm !== undefined) {
      await fpm.stop();
      const failed = await browser.get("/index.php");
      assert.equal(failed.status, 502);
      assert.ok(!failed.text.includes("<?php"));
    }
  });
}

/** A picture of about 2 MiB that is one: rows of noise, not compressed. */
function largePng(): Uint8Array<ArrayBuffer> {
  const side = 800;
  const rows = new Uint8Array(side * (1 + 3 * side));
  for (let i = 0; i < rows.length; i += 65_536) {
    crypto.getRandomValues(rows.subarray(i, i + 65_536));
  }
  for (let y = 0; y < side; y++) rows[y * (1 + 3 * side)] = 0;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, side);
  view.setUint32(4, side);
  header.set([8, 2, 0, 0, 0], 8);
  const parts = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
    chunk("IHDR", header),
    chunk("IDAT", new Uint8Array(deflateSync(rows, { level: 0 }))),
    chunk("IEND", new Uint8Array(0)),
  ];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
