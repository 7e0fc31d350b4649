import assert from "node:assert/strict";
import { openBelow, TestSite } from "../testing/site.ts";

const FILES = { "in/a.txt": "inside", "in/deep/b.txt": "deep" };

/** A directory outside the root, which goes with the test. */
async function outside(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  Deno.writeTextFileSync(`${path}/o.txt`, "outside");
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Links of each kind. */
function link(root: string, away: string): void {
  Deno.symlinkSync("in/a.txt", `${root}/file`);
  Deno.symlinkSync("in", `${root}/folder`);
  Deno.symlinkSync(`${root}/in`, `${root}/absolute`);
  Deno.symlinkSync("folder", `${root}/twice`);
  Deno.symlinkSync(`${away}/o.txt`, `${root}/away.txt`);
  Deno.symlinkSync(away, `${root}/away`);
  Deno.symlinkSync("../nothing", `${root}/dangling`);
  Deno.symlinkSync("loop", `${root}/loop`);
  Deno.symlinkSync("/etc", `${root}/etc`);
}

const INSIDE = ["/file", "/folder/a.txt", "/folder/deep/b.txt", "/absolute/a.txt", "/twice/a.txt"];
const AWAY = ["/away.txt", "/away/o.txt"];
const NEVER = ["/dangling", "/loop", "/loop/x"];

Deno.test("links: none is followed unless that is asked for, and the log says once what would", async () => {
  await using away = await outside();
  await using t = await TestSite.with(FILES);
  link(t.root, away.path);
  for (const path of [...INSIDE, ...AWAY, ...NEVER]) {
    assert.equal((await t.get(path)).status, 0, path);
  }
  assert.equal(t.errors.length, 1);
  assert.match(t.errors[0], /is not followed: set symlinks = "same-owner" or "inside-root"/);
});

Deno.test("links: inside-root follows those that stay below the root", async () => {
  await using away = await outside();
  await using t = await TestSite.with(FILES, { symlinks: "inside-root" });
  link(t.root, away.path);
  for (let i = 0; i < 2; i++) {
    for (const path of INSIDE) assert.equal((await t.get(path)).status, 200, path);
    for (const path of [...AWAY, ...NEVER]) assert.equal((await t.get(path)).status, 0, path);
  }
  assert.equal(t.errors.length, 1);
  assert.equal(openBelow(t.root), 0);
});

Deno.test("links: same-owner follows those that lead to what their owner owns", {
  ignore: Deno.uid() !== 0,
}, async () => {
  await using away = await outside();
  await using t = await TestSite.with(FILES, { symlinks: "same-owner" });
  link(t.root, away.path);
  for (const path of [...INSIDE, ...AWAY]) assert.equal((await t.get(path)).status, 200, path);
  for (const path of NEVER) assert.equal((await t.get(path)).status, 0, path);
  // Made by a user that does not own what they lead to.
  Deno.chownSync(`${away.path}/o.txt`, 12345, null);
  t.watch.changes++;
  assert.equal((await t.get("/away.txt")).status, 0);
  assert.equal(t.errors.length, 1);
});

Deno.test("links: a link that is turned to another place is followed there", async () => {
  await using t = await TestSite.with({ "v1/a.txt": "one", "v2/a.txt": "two" }, {
    symlinks: "inside-root",
  });
  Deno.symlinkSync("v1", `${t.root}/current`);
  assert.equal((await t.get("/current/a.txt")).body, "one");
  Deno.symlinkSync("v2", `${t.root}/next`);
  Deno.renameSync(`${t.root}/next`, `${t.root}/current`);
  t.watch.changes++;
  assert.equal((await t.get("/current/a.txt")).body, "two");
});

Deno.test("links: a listing shows those that are followed, as what they lead to", async () => {
  await using away = await outside();
  await using t = await TestSite.with(FILES, {
    symlinks: "inside-root",
    directory_listing: { enabled: true },
  });
  link(t.root, away.path);
  const { body = "" } = await t.get("/");
  const shown = [...body.matchAll(/href="([^"]+)"/g)].map(([, href]) => href);
  assert.deepEqual(shown, ["/absolute/", "/folder/", "/in/", "/twice/", "/file"]);
});
