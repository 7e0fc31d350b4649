/** WordPress over TLS: as PHP of this gateway, as an upstream of another one, and in a browser (spec 07 section 26). */
import assert from "node:assert/strict";
import { Page as BrowserPage } from "../peers/page.ts";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../testing/gateway.ts";
import { find, freePort, TempDir, testUnlessMissing } from "../testing/peer.ts";
import { PHP_FPM, PhpFpm } from "../testing/php_fpm.ts";
import { Browser } from "./browser.ts";
import { MariaDb } from "./database.ts";
import { configure, install, installTree, logIn, missingForWordPress } from "./wordpress.ts";

const MISSING = [...(PHP_FPM === undefined ? ["php-fpm"] : []), ...missingForWordPress()];

/** A vhost that runs WordPress. */
function vhost(root: string, socket: string): string {
  return `[[vhosts]]
name = "wordpress"
hosts = ["127.0.0.1", "localhost"]
max_request_body_bytes = "64MiB"
[vhosts.php]
enabled = true
preset = "wordpress"
root = "${root}"
[vhosts.php.fpm]
socket = "${socket}"
[vhosts.web]
root = "${root}"
`;
}

for (const protocol of ["http1", "http2"] as const) {
  testUnlessMissing(
    MISSING,
    `WordPress over TLS, ${protocol}: installed, and logged in`,
    async () => {
      await using db = await MariaDb.start();
      await db.create("wp");
      await using dir = new TempDir();
      await installTree(dir);
      await using fpm = await PhpFpm.start({});
      await using certificate = new TestCertificate();
      const secure = freePort();
      await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${secure}"]
${certificate.tables}
${vhost(`${dir.path}/www`, fpm.socket)}`);
      await gateway.process.listening(secure);
      const base = `https://localhost:${secure}`;
      configure(dir, base, "wp", db);
      using client = Deno.createHttpClient({
        caCerts: [certificate.authority.root],
        http1: protocol === "http1",
        http2: protocol === "http2",
      });
      const browser = new Browser(base, client);
      await install(browser);
      const cookies = await logIn(browser);
      const kept = cookies.filter((line) => line.startsWith("wordpress_"));
      assert.ok(kept.length > 1);
      assert.deepEqual(kept.filter((line) => !/; secure/i.test(line)), []);
      assert.match((await browser.get("/wp-admin/")).text, /Dashboard/);
    },
  );
}

testUnlessMissing(MISSING, "WordPress of another server behind TLS ended here", async () => {
  await using db = await MariaDb.start();
  await db.create("wp");
  await using dir = new TempDir();
  await installTree(dir);
  await using fpm = await PhpFpm.start({});
  await using inner = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
trusted_proxies = ["127.0.0.1"]
${vhost(`${dir.path}/www`, fpm.socket)}[vhosts.headers.request]
x_forwarded_proto = false
`);
  await using certificate = new TestCertificate();
  const secure = freePort();
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${secure}"]
${certificate.tables}
[[vhosts]]
name = "front"
hosts = ["localhost"]
max_request_body_bytes = "64MiB"
[vhosts.proxy]
upstream = "127.0.0.1:${inner.port}"
[vhosts.headers.request]
set = { "X-Forwarded-For" = "{remote_addr}", "X-Forwarded-Proto" = "{scheme}" }
`);
  await gateway.process.listening(secure);
  const base = `https://localhost:${secure}`;
  // What WordPress's own handbook has for a proxy that ends TLS.
  configure(
    dir,
    base,
    "wp",
    db,
    "if (($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') $_SERVER['HTTPS'] = 'on';",
  );
  using client = Deno.createHttpClient({ caCerts: [certificate.authority.root] });
  const browser = new Browser(base, client);
  await install(browser);
  const cookies = await logIn(browser);
  assert.ok(
    cookies.some((line) => line.startsWith("wordpress_logged_in_") && /; secure/i.test(line)),
  );
  assert.match((await browser.get("/wp-admin/")).text, /Dashboard/);
});

testUnlessMissing(
  [...MISSING, ...(find("chromium") === undefined ? ["chromium"] : [])],
  "WordPress in Chromium: a login ends on the dashboard, and nothing fails to load",
  async () => {
    await using db = await MariaDb.start();
    await db.create("wp");
    await using dir = new TempDir();
    await installTree(dir);
    await using fpm = await PhpFpm.start({});
    await using certificate = new TestCertificate();
    const secure = freePort();
    await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${secure}"]
${certificate.tables}
${vhost(`${dir.path}/www`, fpm.socket)}`);
    await gateway.process.listening(secure);
    const base = `https://localhost:${secure}`;
    configure(dir, base, "wp", db);
    using client = Deno.createHttpClient({ caCerts: [certificate.authority.root] });
    await install(new Browser(base, client));

    await using page = await BrowserPage.open(
      `${base}/wp-login.php?redirect_to=%2Fwp-admin%2F&reauth=1`,
      ["--ignore-certificate-errors"],
    );
    await page.shows("the form", "document.querySelector('#user_login')");
    await page.evaluate(`document.querySelector("#user_login").value = "admin";
      document.querySelector("#user_pass").value = "correct horse";
      document.querySelector("#wp-submit").click();`);
    await page.shows(
      "the dashboard",
      `location.pathname === "/wp-admin/" && document.readyState === "complete" &&
        document.querySelector("#dashboard-widgets") && document.body.innerText.includes("Dashboard")`,
    );
    assert.equal(
      await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol"),
      "h2",
    );
    // Scripts and styles have come, and from here.
    assert.equal(await page.evaluate("typeof jQuery"), "function");
    // The pictures of its users are elsewhere, and this browser goes nowhere else.
    assert.deepEqual(
      page.complaints.filter((line) => /Failed to load(?!.*NOT_RESOLVED)/.test(line)),
      [],
    );
  },
);
