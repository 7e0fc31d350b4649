import assert from "node:assert/strict";
import { formatProblem, hasErrors, problemRecords } from "./problems.ts";
import type { Problem } from "../types.ts";

const FULL: Problem = {
  key: "vhosts[0].name",
  message: "must be unique",
  hint: "rename it",
  scope: 'vhost "a"',
  file: "/etc/a.toml",
  line: 3,
  warning: true,
};

Deno.test("a problem reads from its place to the way out", () => {
  assert.equal(
    formatProblem(FULL),
    '/etc/a.toml:3: warning: vhosts[0].name (vhost "a"): must be unique\n    hint: rename it',
  );
});

Deno.test("what is not known is left out", () => {
  assert.equal(formatProblem({ key: "server", message: "no" }), "server: no");
  assert.equal(formatProblem({ key: "", message: "is gone", file: "/a" }), "/a: is gone");
});

Deno.test("programs get every key, null where nothing is known", () => {
  assert.deepEqual(problemRecords([{ key: "a", message: "x" }]), [{
    severity: "error",
    security: false,
    file: null,
    line: null,
    key: "a",
    scope: null,
    message: "x",
    hint: null,
  }]);
  assert.equal(problemRecords([FULL])[0].severity, "warning");
});

Deno.test("warnings are no errors", () => {
  assert.ok(!hasErrors([FULL]));
  assert.ok(hasErrors([FULL, { key: "", message: "" }]));
});
