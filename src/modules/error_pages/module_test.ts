import assert from "node:assert/strict";
import { systemOf } from "../../gateway/testing/modules.ts";
import { loadText } from "../../config/load.ts";
import { withDirectory } from "../../config/testing/directory.ts";
import type { Problem } from "../../config/types.ts";
import { module as proxy } from "../proxy/module.ts";
import { module as web } from "../web/module.ts";
import { module } from "./module.ts";

const modules = [proxy, web, module];

function load(text: string) {
  const checks = modules.flatMap(({ check }) => check === undefined ? [] : [check]);
  return loadText(text, modules.flatMap(({ schema }) => schema), checks);
}

function vhost(pages: string): string {
  return `[[vhosts]]\nname = "a"\nhosts = ["a.test"]\n[vhosts.proxy]\nupstream = "a.test:80"\n${pages}`;
}

function page(status: number, path = "/page.html", root = "/srv"): string {
  return `[[vhosts.proxy.error_pages]]\nstatus = ${status}\npath = "${path}"\nweb.root = "${root}"\n`;
}

const AUTH = '[vhosts.proxy.auth_request]\nenabled = true\nurl = "http://a.test/auth"\n';

function warned(problems: readonly Problem[]): (string | undefined)[] {
  return problems.map(({ key, warning }) => warning === true ? key : `error: ${key}`);
}

Deno.test("a page for what is never a failure is a warning", () => {
  const pages = page(502) + page(503) + page(404) + page(500);
  assert.deepEqual(warned(load(vhost(pages)).problems), [
    "vhosts[0].proxy.error_pages[1].status",
    "vhosts[0].proxy.error_pages[2].status",
    "vhosts[0].proxy.error_pages[3].status",
  ]);
});

Deno.test("500 is a failure where an auth service is asked", () => {
  assert.deepEqual(load(vhost(page(500) + page(502) + AUTH)).problems, []);
  const [{ message }] = load(vhost(page(500))).problems;
  assert.match(message, /^500 is no failure without auth_request/);
});

Deno.test("a page that is not there, or cannot be sent, is a warning", async () => {
  await withDirectory({ "502.html": "sorry", "sub/index.html": "sorry" }, async (root) => {
    using large = Deno.createSync(`${root}/large`);
    large.truncateSync(64 * 1024 * 1024 + 1);
    const found = async (path: string) => {
      const { config } = load(vhost(page(502, path, root)));
      assert.ok(config !== undefined);
      return await module.preflight?.(config, systemOf()) ?? [];
    };
    assert.deepEqual(await found("/502.html"), []);
    assert.deepEqual(await found("/sub/"), []);
    const [missing] = await found("/none.html");
    assert.deepEqual(warned([missing]), ["vhosts[0].proxy.error_pages[0].path"]);
    assert.match(missing.message, /^\/none.html is no file below .*answered without it$/);
    assert.match((await found("/large"))[0].message, /^\/large is larger than 64 MiB/);
  });
});
