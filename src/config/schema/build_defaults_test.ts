import assert from "node:assert/strict";
import { applyBuildDefaults } from "./build_defaults.ts";
import { loadText } from "../load.ts";

const QUIET = [{ path: ["logging", "access", "enabled"], value: false }];

Deno.test("a default of the build holds where the files say nothing", () => {
  assert.equal(loadText("", [], [], { defaults: QUIET }).config?.logging.access.enabled, false);
  const text = '[logging]\nlevel = "warn"\n';
  assert.equal(loadText(text, [], [], { defaults: QUIET }).config?.logging.access.enabled, false);
});

Deno.test("what the files say goes before it", () => {
  const text = "[logging.access]\nenabled = true\n";
  assert.equal(loadText(text, [], [], { defaults: QUIET }).config?.logging.access.enabled, true);
});

Deno.test("a wrong value in its way is left for the checks to refuse", () => {
  const root = { logging: 5 };
  applyBuildDefaults(root, QUIET);
  assert.deepEqual(root, { logging: 5 });
  assert.equal(loadText("logging = 5\n", [], [], { defaults: QUIET }).config, undefined);
});
