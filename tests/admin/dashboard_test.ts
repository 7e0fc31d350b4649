/** The dashboard in a real browser. */
import assert from "node:assert/strict";
import { testWith } from "../testing/peer.ts";
import { Page } from "../peers/page.ts";
import { AdminGateway, TOKEN } from "../testing/admin.ts";

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

Deno.test("the page and what it loads need no token, hold no data, and allow nothing from elsewhere", async () => {
  await using admin = await AdminGateway.start({ admin: "dashboard = true" });
  const types: Record<string, string> = {
    "": "text/html; charset=utf-8",
    "/app.js": "text/javascript; charset=utf-8",
    "/app.css": "text/css; charset=utf-8",
    "/icon.svg": "image/svg+xml",
    "/panels/overview.js": "text/javascript; charset=utf-8",
    "/panels/snapshots.js": "text/javascript; charset=utf-8",
    "/panels/traffic.js": "text/javascript; charset=utf-8",
  };
  for (const [path, type] of Object.entries(types)) {
    const response = await fetch(`http://127.0.0.1:${admin.port}${UI}${path}`);
    const text = await response.text();
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get("content-type"), type);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.doesNotMatch(text, /\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b/);
    assert.doesNotMatch(text.replaceAll("http://www.w3.org/2000/svg", ""), /https?:\/\//, path);
  }
  assert.equal((await admin.ask("POST", UI, {}, "")).status, 405);
  assert.equal((await admin.ask("GET", `${UI}/other.js`, {}, "")).status, 401);
});

Deno.test("without the key there is no page, and in a lockout neither", async () => {
  await using off = await AdminGateway.start();
  assert.equal((await off.ask("GET", UI, {}, "")).status, 401);
  assert.equal((await off.get(UI)).status, 404);
  await using admin = await AdminGateway.start({
    admin: "dashboard = true\n[admin.auth_throttle]\nper_source_failures = 1",
  });
  assert.equal((await admin.ask("GET", "/_fluxheim/status", {}, "wrong")).status, 429);
  assert.equal((await admin.ask("GET", UI, {}, "")).status, 429);
});

testWith(
  ["chromium"],
  "an operator logs in by keyboard, looks around, and goes back to a snapshot after seeing what changes",
  async () => {
    await using admin = await AdminGateway.start({
      admin: "dashboard = true",
      tables: "[[vhosts]]\nname = '<img src=x onerror=alert(1)>'\nhosts = [\"odd.test\"]\n" +
        '[vhosts.access]\nenabled = true\ndeny = ["127.0.0.0/8"]\n' +
        '[vhosts.redirect]\nenabled = true\nto = "https://odd.test/"',
    });
    await admin.post("/_fluxheim/snapshot", { "X-Fluxheim-Message": "<b>first</b>" });
    const args = ["-s", "-H", "Host: odd.test", admin.gateway.url("/")];
    await new Deno.Command("curl", { args, stdout: "null" }).output();
    await using page = await Page.open(`http://127.0.0.1:${admin.port}${UI}`);
    await page.shows("the field has the focus", 'document.activeElement?.id === "token"');
    await looked(page, "login");
    await page.type("not the token");
    await page.press("Enter");
    await page.shows("it is refused", "/not accepted/.test(document.body.innerText)");
    await page.type(TOKEN);
    await page.press("Enter");
    await page.shows("it is let in", '/ready/.test(document.querySelector("dl")?.innerText)');
    await page.shows("snapshots are listed", "/<b>first<\\/b>/.test(document.body.innerText)");
    await looked(page, "overview");
    assert.equal(await page.evaluate('document.querySelectorAll("img, b").length'), 0);
    assert.equal(await page.evaluate("location.href.includes('correct-horse')"), false);
    assert.equal(await page.evaluate("localStorage.length + sessionStorage.length"), 0);
    assert.equal(await page.evaluate("document.cookie"), "");

    admin.rewrite("/two");
    const reload =
      '[...document.querySelectorAll("button")].find((b) => b.textContent === "Reload configuration")';
    await page.evaluate(`${reload}.focus()`);
    await page.press("Enter");
    await page.shows(
      "what will change is shown",
      '/vhosts\\[0\\]\\.redirect\\.to/.test(document.querySelector("dialog")?.innerText)',
    );
    await looked(page, "dialog");
    assert.equal(await admin.target(), "/one", "nothing has been done yet");
    await page.evaluate('document.querySelector("dialog .strong").focus()');
    await page.press("Enter");
    await page.shows(
      "it is said",
      '/Reload: snapshot/.test(document.getElementById("said").innerText)',
    );
    assert.equal(await admin.target(), "/two");

    await page.shows(
      "two are listed",
      'document.querySelectorAll("[aria-label^=\\"Roll back to\\"]").length === 2',
    );
    await page.evaluate(
      '[...document.querySelectorAll("[aria-label^=\\"Roll back to\\"]")].at(-1).focus()',
    );
    await page.press("Enter");
    await page.shows("it asks", 'document.querySelector("dialog") !== null');
    await page.press("Escape");
    await page.shows("it is dropped", 'document.querySelector("dialog") === null');
    assert.equal(await admin.target(), "/two");
    await page.evaluate(
      '[...document.querySelectorAll("[aria-label^=\\"Roll back to\\"]")].at(-1).click()',
    );
    await page.shows("it asks again", 'document.querySelector("dialog .strong") !== null');
    await page.evaluate('document.querySelector("dialog .strong").click()');
    await page.shows(
      "it has gone back",
      '/Rolled back/.test(document.getElementById("said").innerText)',
    );
    assert.equal(await admin.target(), "/one");

    // The next answers come after the logout.
    await page.evaluate(`{
      const { fetch } = window;
      const held = new Promise((resolve) => window.release = resolve);
      window.fetch = async (url, { signal, ...options }) => {
        const response = await fetch(url, options);
        const body = await response.json();
        window.asked = true;
        await held;
        setTimeout(() => window.isAnswered = true);
        return { status: response.status, json: () => body };
      };
    }`);
    await page.shows("an answer is on its way", "window.asked === true");
    await page.evaluate('document.getElementById("leave").click()');
    await page.evaluate("window.release()");
    await page.shows("the answer has come", "window.isAnswered === true");
    const left = 'document.querySelectorAll("section[data-panel] > div > *").length';
    assert.equal(await page.evaluate(left), 0, "nothing is left");
    // The browser logs the wrong token's 401 itself; nothing else may be there.
    assert.deepEqual(page.complaints.filter((text) => !/status of 401/.test(text)), []);
  },
);
