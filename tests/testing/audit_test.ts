import assert from "node:assert/strict";
import { Audit, neverUsed } from "./audit.ts";
import { TempDir } from "./peer.ts";

const grant = (kind: "net" | "read", value: string) =>
  ({ kind, value, key: "k", for: "edge", optional: false }) as const;

const PLAN = { grants: [grant("read", "/srv/www"), grant("net", "127.0.0.1:80")] };

async function undeclared(...checks: [permission: string, value: string | null][]) {
  await using dir = new TempDir();
  const lines = checks.map(([permission, value]) => JSON.stringify({ v: 1, permission, value }));
  return new Audit(PLAN, dir.write("audit.jsonl", lines.join("\n"))).finish();
}

Deno.test("what the plan has is no fault, a directory with all that is below", async () => {
  assert.deepEqual(
    await undeclared(["read", "/srv/www/a/b"], ["read", "/srv/www"], ["net", "127.0.0.1:80"], [
      "net",
      null,
    ]),
    [],
  );
});

Deno.test("what the plan does not have is reported", async () => {
  assert.deepEqual(
    await undeclared(["read", "/srv/www2"], ["net", "127.0.0.1:81"], ["env", "HOME"]),
    ["env HOME", "net 127.0.0.1:81", "read /srv/www2"],
  );
});

Deno.test("a key that one test uses is used, also where others only declare it", () => {
  assert.deepEqual(neverUsed("declared net a\nused net a\ndeclared read b\n"), ["read b"]);
});
