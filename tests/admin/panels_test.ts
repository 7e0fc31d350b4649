/** The panels of modules in the dashboard, in a real browser. */
import assert from "node:assert/strict";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { Page } from "../peers/page.ts";
import { AdminGateway, TOKEN } from "../testing/admin.ts";
import { freePort, TempDir, testWith } from "../testing/peer.ts";
import { PHP_FPM, PhpFpm } from "../testing/php_fpm.ts";
import { Upstream } from "../testing/upstream.ts";
import { image } from "../testing/caching.ts";

const UI = "/_fluxheim/ui";

/** Where screenshots are put, for a person to look at. */
const SHOTS = Deno.env.get("FLUXHEIM_SCREENSHOTS");

async function looked(page: Page, name: string): Promise<void> {
  for (const width of [390, 1400]) {
    for (const scheme of ["light", "dark"] as const) {
      await page.size(width, scheme);
      const overflows =
        "document.documentElement.scrollWidth > document.documentElement.clientWidth";
      assert.equal(await page.evaluate(overflows), false, `${name} at ${width} px`);
      if (SHOTS !== undefined) await page.screenshot(`${SHOTS}/${name}-${width}-${scheme}.png`);
    }
  }
}

/** Text of a panel, as a script. */
const textOf = (panel: string) =>
  `document.querySelector('section[data-panel="${panel}"]').innerText`;

/** A control by its label, as a script. */
const labelled = (label: string) => `document.querySelector('[aria-label="${label}"]')`;

async function certificate(dir: TempDir): Promise<{ cert: string; key: string }> {
  const { cert, key } = await new TestAuthority().issue({
    name: "site.test",
    names: ["site.test", "127.0.0.1"],
  });
  dir.write("key.pem", key);
  await Deno.chmod(`${dir.path}/key.pem`, 0o600);
  dir.write("cert.pem", cert);
  return { cert: `${dir.path}/cert.pem`, key: `${dir.path}/key.pem` };
}

testWith(
  ["chromium"],
  "an operator sees members, caches, certificates, PHP, latencies and refusals, and acts by keyboard",
  async () => {
    await using dir = new TempDir();
    await using fpm = PHP_FPM === undefined
      ? undefined
      : await PhpFpm.start({ "index.php": "<?php echo 'php';" });
    await using one = await Upstream.start((_, response) => response.end("one"));
    await using two = await Upstream.start((_, response) => response.end("two"));
    await using origin = await Upstream.start((_, response) => image(response));
    const { cert, key } = await certificate(dir);
    const php = fpm === undefined ? "" : `[[vhosts]]
name = "blog"
hosts = ["blog.test"]
[vhosts.php]
enabled = true
root = "${fpm.root}"
[vhosts.php.fpm]
socket = "${fpm.socket}"
keepalive = true
`;
    await using admin = await AdminGateway.start({
      server: `tls_listen = ["127.0.0.1:${freePort()}"]`,
      admin: "dashboard = true",
      tables: `[tls]
enabled = true
certificates = [{ cert_path = "${cert}", key_path = "${key}" }]
[[vhosts]]
name = "app"
hosts = ["app.test"]
[vhosts.proxy]
upstreams = ["127.0.0.1:${one.port}", "127.0.0.1:${two.port}"]
upstream_aliases = ["one", "two"]
[[vhosts]]
name = "img"
hosts = ["img.test"]
[vhosts.proxy]
upstream = "127.0.0.1:${origin.port}"
[vhosts.cache]
enabled = true
[vhosts.cache.memory]
enabled = true
[[vhosts]]
name = "closed"
hosts = ["closed.test"]
[vhosts.access]
enabled = true
deny = ["127.0.0.0/8"]
[vhosts.redirect]
enabled = true
to = "https://closed.test/"
${php}`,
    });
    const request = async (host: string, path = "/") => {
      const args = ["-s", "-o", "/dev/null", "-H", `Host: ${host}`, admin.gateway.url(path)];
      await new Deno.Command("curl", { args }).output();
    };
    for (const host of ["app.test", "app.test", "closed.test"]) await request(host);
    for (const path of ["/a.png", "/a.png", "/b.png"]) await request("img.test", path);
    if (fpm !== undefined) await request("blog.test", "/index.php");

    await using page = await Page.open(`http://127.0.0.1:${admin.port}${UI}`);
    await page.shows("the field has the focus", 'document.activeElement?.id === "token"');
    await page.type(TOKEN);
    await page.press("Enter");
    await page.shows("members are listed", `/two 127/.test(${textOf("members")})`);
    await page.shows("caches are listed", `/img\\s+2\\s/.test(${textOf("cache")})`);
    await page.shows("the hit ratio is shown", `/33\\.3 % of 3/.test(${textOf("cache")})`);
    await page.shows(
      "the certificate has its days",
      `/tls\\.certificates\\[0\\]\\s+\\d+/.test(${textOf("certificates")})`,
    );
    await page.shows("refusals are shown", `/access: deny/.test(${textOf("refusals")})`);
    await page.shows("times are shown", `/img\\s.* ms/.test(${textOf("latency")})`);
    if (fpm !== undefined) {
      await page.shows("PHP is shown", `/blog\\s.*1.* ms/.test(${textOf("php")})`);
    }
    await looked(page, "panels");

    // The button that was pressed changes its name; the focus stays on it, over updates as well.
    await page.evaluate(`${labelled("Drain one")}.focus()`);
    await page.press("Enter");
    await page.shows("it is drained", `/one is drained/.test(document.body.innerText)`);
    await page.shows(
      "the button enables it, and has the focus",
      'document.activeElement.getAttribute("aria-label") === "Enable one"',
    );
    for (let i = 0; i < 4; i++) await request("app.test");
    assert.equal(one.seen.length, 1);
    await page.press("Enter");
    await page.shows("it is enabled", `/one is normal/.test(document.body.innerText)`);

    await page.evaluate(`${labelled("Set the weight of two")}.focus()`);
    await page.press("Enter");
    await page.shows("the weight is asked for", 'document.querySelector("dialog input") !== null');
    await page.evaluate('document.querySelector("dialog input").select()');
    await page.type("7");
    await looked(page, "weight");
    await page.press("Enter");
    await page.shows("it is set", `/two has weight 7/.test(document.body.innerText)`);
    await page.shows("it is shown", `/7 \\(1\\)/.test(${textOf("members")})`);

    await page.evaluate(`${labelled("Purge a path of img")}.focus()`);
    await page.press("Enter");
    await page.shows("the path is asked for", 'document.querySelector("dialog") !== null');
    await page.evaluate('document.getElementById("purge-host").value = "img.test"');
    await page.evaluate('document.getElementById("purge-path").value = "/a.png"');
    await page.evaluate('document.querySelector("dialog .strong").click()');
    await page.shows("it is purged", `/\\/a\\.png is purged/.test(document.body.innerText)`);
    await page.evaluate(`${labelled("Purge all of img")}.click()`);
    await page.shows("it asks", 'document.querySelector("dialog .strong") !== null');
    await page.evaluate('document.querySelector("dialog .strong").click()');
    await page.shows("all is purged", `/1 of 1 objects are purged/.test(document.body.innerText)`);
    await page.shows("none is left", `/img\\s+0\\s/.test(${textOf("cache")})`);
    assert.deepEqual(page.complaints, []);
  },
);
