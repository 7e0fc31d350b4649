import assert from "node:assert/strict";
import { pathProblem } from "./paths.ts";
import { withDirectory } from "../testing/directory.ts";

const LINKS = { trustedParent: true, process: false, links: true };

function wrong(path: string): string {
  return pathProblem(path, LINKS)?.message ?? "";
}

Deno.test("the links of certbot's live directory are followed", async () => {
  await withDirectory({ "archive/a.test/privkey1.pem": "" }, (directory) => {
    Deno.mkdirSync(`${directory}/live/a.test`, { recursive: true });
    const path = `${directory}/live/a.test/privkey.pem`;
    Deno.symlinkSync("../../archive/a.test/privkey1.pem", path);
    assert.equal(wrong(path), "");
    Deno.chmodSync(`${directory}/archive/a.test`, 0o775);
    assert.match(wrong(path), /^is an unsafe path: .*archive\/a\.test is writable by its group/);
    Deno.chmodSync(`${directory}/archive/a.test`, 0o755);
    Deno.chmodSync(`${directory}/live/a.test`, 0o775);
    assert.match(wrong(path), /^is an unsafe path: .*live\/a\.test is writable by its group/);
    assert.match(pathProblem(path, LINKS)?.hint ?? "", /chmod go-w .*live\/a\.test$/);
  });
});

Deno.test("the links of a volume of Kubernetes are followed, in a directory with the sticky bit, too", async () => {
  await withDirectory({ "tls/..2026_01/tls.key": "", "tls/..2026_02/tls.key": "" }, (directory) => {
    Deno.symlinkSync("..2026_01", `${directory}/tls/..data`);
    Deno.symlinkSync("..data/tls.key", `${directory}/tls/tls.key`);
    for (const mode of [0o755, 0o1777]) {
      Deno.chmodSync(`${directory}/tls`, mode);
      assert.equal(wrong(`${directory}/tls/tls.key`), "", mode.toString(8));
    }
    Deno.chmodSync(`${directory}/tls`, 0o777);
    assert.match(
      wrong(`${directory}/tls/tls.key`),
      /\/tls is writable by its group or by everyone/,
    );
  });
});

Deno.test("a file in a directory with the sticky bit is no link that others can replace", async () => {
  await withDirectory({ "tmp/a.key": "" }, (directory) => {
    Deno.chmodSync(`${directory}/tmp`, 0o1777);
    assert.match(wrong(`${directory}/tmp/a.key`), /writable/);
    Deno.symlinkSync("tmp/a.key", `${directory}/a.key`);
    assert.match(wrong(`${directory}/a.key`), /tmp is writable/);
  });
});

Deno.test("links that lead nowhere are left to who opens them, those that never end are refused", async () => {
  await withDirectory({}, (directory) => {
    Deno.symlinkSync("nowhere", `${directory}/broken`);
    assert.equal(wrong(`${directory}/broken`), "");
    assert.equal(wrong(`${directory}/not/yet`), "");
    Deno.symlinkSync("round", `${directory}/round`);
    assert.match(wrong(`${directory}/round`), /too many links/);
  });
});

Deno.test("a link to where the runtime allows no access is refused", async () => {
  await withDirectory({}, (directory) => {
    Deno.symlinkSync("/proc/self/environ", `${directory}/link`);
    assert.match(wrong(`${directory}/link`), /^leads into \/proc/);
  });
});

Deno.test("a path that goes up is refused although what links say may", () => {
  assert.match(wrong("/etc/../etc/x"), /has a ".." component/);
});
