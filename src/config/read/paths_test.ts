import assert from "node:assert/strict";
import { pathProblem, resolvePath } from "./paths.ts";
import { withDirectory } from "../testing/directory.ts";

const SAFE = { trustedParent: false, process: false };
const TRUSTED = { trustedParent: true, process: false };

/** What is wrong with a path; empty when nothing is. */
function wrong(path: string, rule = SAFE): string {
  return pathProblem(path, rule)?.message ?? "";
}

Deno.test("a relative path starts at its directory, an absolute one stays", () => {
  assert.equal(resolvePath("/etc/x", "a/b"), "/etc/x/a/b");
  assert.equal(resolvePath("/etc/x", "./a//b/."), "/etc/x/a/b");
  assert.equal(resolvePath("/etc/x", "/srv/"), "/srv");
  assert.equal(resolvePath("/etc/x", "../y"), "/etc/x/../y");
});

Deno.test("a path that the runtime never opens is refused, there or not, with a way out", () => {
  const closed = [
    "/dev",
    "/dev/shm",
    "/dev/shm/a",
    "/dev/null/a",
    "/proc",
    "/proc/self/cwd",
    "/sys/fs",
  ];
  for (const path of closed) {
    assert.match(wrong(path), /^leads into \/(dev|proc|sys), which the runtime opens to no/, path);
    assert.match(pathProblem(path, SAFE)?.hint ?? "", /\/run/, path);
  }
  assert.match(pathProblem("/dev/stdout", SAFE)?.hint ?? "", /logging.target = "stdout"/);
  for (const path of ["/devices", "/srv/dev", "/process", "/system"]) assert.equal(wrong(path), "");
});

Deno.test("what the runtime opens in there is left to who opens it, and its directory is not looked at", () => {
  for (const path of ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"]) {
    assert.equal(wrong(path, TRUSTED), "", path);
  }
});

Deno.test("a path with a comma is refused: no flag of the runtime can name it", () => {
  assert.match(wrong("/srv/a,b/www"), /^has a comma/);
});

Deno.test("a path that goes up is refused as such, wherever it leads", () => {
  for (const path of ["/srv/../dev/shm", "/dev/../srv", "/a,b/.."]) {
    assert.match(wrong(path), /^is an unsafe path: it has a ".." component/, path);
  }
});

Deno.test("a path that does not exist yet is safe", async () => {
  await withDirectory({}, (directory) => {
    assert.equal(pathProblem(`${directory}/not/yet`, SAFE), undefined);
    assert.equal(pathProblem(`${directory}/not/yet`, TRUSTED), undefined);
  });
});

Deno.test("a path through a symbolic link is unsafe", async () => {
  await withDirectory({ "real/a": "" }, (directory) => {
    Deno.symlinkSync(`${directory}/real`, `${directory}/link`);
    Deno.symlinkSync(`${directory}/nowhere`, `${directory}/broken`);
    for (const path of ["link", "link/a", "link/not/yet", "broken"]) {
      assert.match(
        wrong(`${directory}/${path}`),
        /unsafe path: .*link|broken/,
        path,
      );
    }
  });
});

Deno.test("the sticky bit does not make a parent trusted", async () => {
  await withDirectory({ "tmp/x/a": "" }, (directory) => {
    Deno.chmodSync(`${directory}/tmp`, 0o1777);
    assert.match(wrong(`${directory}/tmp/new`, TRUSTED), /writable/);
    assert.match(wrong(`${directory}/tmp/new/er`, TRUSTED), /writable/);
    assert.equal(pathProblem(`${directory}/tmp/new`, SAFE), undefined);
  });
});

Deno.test("only the nearest existing ancestor must be trusted", async () => {
  await withDirectory({ "tmp/x/a": "" }, (directory) => {
    Deno.chmodSync(`${directory}/tmp`, 0o777);
    assert.equal(pathProblem(`${directory}/tmp/x/a`, TRUSTED), undefined);
  });
});

Deno.test("the path itself may be writable, its parent may not", async () => {
  await withDirectory({ "a": "" }, (directory) => {
    Deno.chmodSync(`${directory}/a`, 0o666);
    assert.equal(pathProblem(`${directory}/a`, TRUSTED), undefined);
    Deno.chmodSync(directory, 0o770);
    assert.match(wrong(`${directory}/a`, TRUSTED), /writable/);
  });
});

Deno.test("a path below a file could not be inspected", async () => {
  await withDirectory({ "a": "" }, (directory) => {
    assert.match(wrong(`${directory}/a/b`), /could not be inspected/);
  });
});

Deno.test("a path is checked as far as the permissions of the process reach", async () => {
  await withDirectory({ "real/a": "", "site/index.html": "" }, async (directory) => {
    Deno.symlinkSync(`${directory}/real`, `${directory}/link`);
    const worker = new Worker(new URL("../testing/narrow_worker.ts", import.meta.url), {
      type: "module",
      deno: { permissions: { read: [`${directory}/site`, `${directory}/link/a`], import: false } },
    });
    try {
      const ask = (path: string) =>
        new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = reject;
          worker.postMessage(path);
        });
      assert.equal(await ask(`${directory}/site/index.html`), "fine");
      assert.equal(await ask(`${directory}/site/not/yet`), "fine");
      assert.equal(await ask(`${directory}/elsewhere`), "fine");
      assert.match(String(await ask(`${directory}/link/a`)), /symbolic link/);
    } finally {
      worker.terminate();
    }
  });
});
