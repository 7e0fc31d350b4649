import assert from "node:assert/strict";
import { withDirectory } from "../config/testing/directory.ts";
import type { PermissionKind, PlannedGrant } from "./permissions/planned_grant.ts";
import { permissionProblems, processProblems } from "./preflight.ts";
import { testConfig } from "./testing/keeper.ts";

function found(config: Parameters<typeof testConfig>[0]): string[] {
  return processProblems(testConfig(config)).map(({ key, message }) => `${key} ${message}`);
}

Deno.test("a log file goes into a directory that exists", async () => {
  await withDirectory({ "there/old.log": "" }, (directory) => {
    const path = `${directory}/none/f.log`;
    const [problem] = processProblems(testConfig({ logFile: path }));
    assert.equal(problem.key, "logging.file.path");
    assert.equal(
      problem.message,
      `${path} must be in a directory that exists: there is no ${directory}/none`,
    );
    assert.match(problem.hint ?? "", /make the directory/);
    assert.deepEqual(found({ logFile: `${directory}/there/new.log` }), []);
    assert.deepEqual(found({ logFile: `${directory}/there/old.log` }), []);
  });
});

Deno.test("a log file is no directory, device or socket", async () => {
  await withDirectory({ "there/old.log": "" }, (directory) => {
    assert.deepEqual(found({ logFile: `${directory}/there` }), [
      `logging.file.path must name a file; ${directory}/there is a directory`,
    ]);
    assert.deepEqual(found({ logFile: "/dev/null" }), [
      "logging.file.path must name a file; /dev/null is no regular file",
    ]);
  });
});

Deno.test("a pid file takes nothing's place; its directory may be missing, as by default", () => {
  assert.deepEqual(found({ process: { pid_file: "/dev/null" } }), [
    "server.process.pid_file must name a file; /dev/null is no regular file",
  ]);
  assert.deepEqual(found({ process: { pid_file: "/nonexistent/f.pid" } }), []);
});

Deno.test({
  name: "what the keeper and the workers lack for the same key is told once",
  permissions: { read: false },
  fn() {
    const grant = (kind: PermissionKind, user: PlannedGrant["for"], key = "web.root") =>
      ({ kind, value: "/srv", key, for: user, optional: false }) as const;
    const grants = [
      grant("read", "edge"),
      grant("read", "keeper"),
      grant("read", "edge", "x.root"),
    ];
    assert.deepEqual(permissionProblems({ grants }).map(({ key }) => key), ["web.root", "x.root"]);
  },
});
