import assert from "node:assert/strict";
import { pathProblem, resolvePath } from "./paths.ts";
import { withDirectory } from "./testing/directory.ts";

const SAFE = { trustedParent: false, process: false };
const TRUSTED = { trustedParent: true, process: false };

Deno.test("a relative path starts at its directory, an absolute one stays", () => {
  assert.equal(resolvePath("/etc/x", "a/b"), "/etc/x/a/b");
  assert.equal(resolvePath("/etc/x", "./a//b/."), "/etc/x/a/b");
  assert.equal(resolvePath("/etc/x", "/srv/"), "/srv");
  assert.equal(resolvePath("/etc/x", "../y"), "/etc/x/../y");
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
        pathProblem(`${directory}/${path}`, SAFE) ?? "",
        /unsafe path: .*link|broken/,
        path,
      );
    }
  });
});

Deno.test("the sticky bit does not make a parent trusted", async () => {
  await withDirectory({ "tmp/x/a": "" }, (directory) => {
    Deno.chmodSync(`${directory}/tmp`, 0o1777);
    assert.match(pathProblem(`${directory}/tmp/new`, TRUSTED) ?? "", /writable/);
    assert.match(pathProblem(`${directory}/tmp/new/er`, TRUSTED) ?? "", /writable/);
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
    assert.match(pathProblem(`${directory}/a`, TRUSTED) ?? "", /writable/);
  });
});

Deno.test("a path below a file could not be inspected", async () => {
  await withDirectory({ "a": "" }, (directory) => {
    assert.match(pathProblem(`${directory}/a/b`, SAFE) ?? "", /could not be inspected/);
  });
});

Deno.test("a path is checked as far as the permissions of the process reach", async () => {
  await withDirectory({ "real/a": "", "site/index.html": "" }, async (directory) => {
    Deno.symlinkSync(`${directory}/real`, `${directory}/link`);
    const worker = new Worker(new URL("./testing/narrow_worker.ts", import.meta.url), {
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
