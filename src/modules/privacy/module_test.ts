import assert from "node:assert/strict";
import { loadText } from "../../config/load.ts";
import type { Problem } from "../../config/types.ts";
import { module as proxy } from "../proxy/module.ts";
import { module } from "./module.ts";

function load(text: string) {
  const check = module.check;
  assert.ok(check !== undefined);
  return loadText(text, [...module.schema, ...proxy.schema], [check], {
    defaults: module.defaults,
  });
}

function keys(problems: readonly Problem[]): string[] {
  return problems.map(({ key }) => key);
}

Deno.test("nothing is recorded unless asked, and asking is refused", () => {
  assert.equal(load("").config?.logging.access.enabled, false);
  assert.deepEqual(keys(load("[logging.access]\nenabled = true\n").problems), [
    "logging.access.enabled",
  ]);
});

Deno.test("a log file is refused", () => {
  const text = '[logging.file]\nenabled = true\npath = "/var/log/fluxheim/f.log"\n';
  assert.deepEqual(keys(load(text).problems), ["logging.file.enabled"]);
});

Deno.test("there is no table [privacy]: the build is the switch", () => {
  assert.deepEqual(keys(load("[privacy]\nenabled = true\n").problems), ["privacy"]);
});

Deno.test("it needs no permission, ever", () => {
  assert.deepEqual(module.manifest, {});
});

Deno.test("a configured pid file has no effect, which is worth a warning", () => {
  const { config, problems } = load('[server.process]\npid_file = "/srv/f.pid"\n');
  assert.ok(config !== undefined);
  assert.deepEqual(problems.map(({ key, warning }) => [key, warning]), [
    ["server.process.pid_file", true],
  ]);
  assert.match(problems[0].message, /has no effect.*\/srv\/f.pid/);
  const packaged = '[server.process]\npid_file = "/run/fluxheim/fluxheim.pid"\n';
  assert.deepEqual(load(packaged).problems, []);
});

Deno.test("a PROXY header, which tells an upstream who asks, is refused wherever it is asked for", () => {
  const proxy = 'proxy = { upstream = "127.0.0.1:1", upstream_proxy_protocol = "v2" }\n';
  const { problems } = load(
    `[[vhosts]]\nname = "a"\nhosts = ["a.test"]\n${proxy}` +
      `[[vhosts.routes]]\nname = "b"\npath_prefix = "/b"\n${proxy}`,
  );
  assert.deepEqual(keys(problems), [
    "vhosts[0].proxy.upstream_proxy_protocol",
    "vhosts[0].routes[0].proxy.upstream_proxy_protocol",
  ]);
  assert.match(problems[0].message, /^must be "off": .*; found "v2"$/);
  assert.deepEqual(keys(load(proxy).problems), ["proxy.upstream_proxy_protocol"]);
  assert.deepEqual(load(proxy.replace("v2", "off")).problems, []);
});
