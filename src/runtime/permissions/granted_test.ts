import assert from "node:assert/strict";
import { descriptorOf, isGranted, missingGrants } from "./granted.ts";
import type { PermissionKind, PlannedGrant } from "./planned_grant.ts";

function grant(kind: PermissionKind, value: string, optional = false): PlannedGrant {
  return { kind, value, optional, key: "server.listen[0]", for: "keeper" };
}

Deno.test("the runtime is asked about each grant by its own kind and value", () => {
  const asked = (kind: PermissionKind, value: string) => descriptorOf({ kind, value });
  assert.deepEqual(asked("net", "127.0.0.1:80"), { name: "net", host: "127.0.0.1:80" });
  assert.deepEqual(asked("net", "unix:/run/app.sock"), { name: "net", host: "unix:/run/app.sock" });
  assert.deepEqual(asked("read", "/srv"), { name: "read", path: "/srv" });
  assert.deepEqual(asked("write", "/run/f"), { name: "write", path: "/run/f" });
  assert.deepEqual(asked("run", "/bin/true"), { name: "run", command: "/bin/true" });
  assert.deepEqual(asked("env", "LANG"), { name: "env", variable: "LANG" });
  assert.deepEqual(asked("sys", "uid"), { name: "sys", kind: "uid" });
});

Deno.test("the runtime cannot be asked about ranges, wildcards and kinds of sys it has no name for", () => {
  for (const value of ["10.0.0.0/8", "10.0.0.0/8:80", "*.example.com:443"]) {
    assert.equal(descriptorOf({ kind: "net", value }), undefined, value);
  }
  assert.equal(descriptorOf({ kind: "sys", value: "cpus" }), undefined);
});

Deno.test({
  name: "what is missing is what the runtime denies and the plan cannot do without",
  permissions: { env: ["LANG"], read: true },
  fn() {
    const [has, lacks] = [grant("env", "LANG"), grant("env", "HOME")];
    assert.equal(isGranted(has), true);
    assert.equal(isGranted(lacks), false);
    const range = grant("net", "10.0.0.0/8");
    assert.equal(isGranted(range), true, "it counts as granted");
    const grants = [has, lacks, grant("net", "127.0.0.1:1", true), range];
    assert.deepEqual(missingGrants({ grants }), [lacks]);
  },
});
