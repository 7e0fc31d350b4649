import assert from "node:assert/strict";
import { below, locate, type Place } from "./lookup.ts";
import { openFile } from "./open_file.ts";
import { openBelow, TestSite } from "../testing/site.ts";

/** A root with a file and, beside it, a directory outside of the paths asked for. */
function makeSite(): Promise<TestSite> {
  return TestSite.with({ "a/b/f.txt": "public", "other/b/f.txt": "secret" });
}

function place(t: TestSite): Place {
  return locate(t.root, ["a", "b", "f.txt"]) as Place;
}

/** Both ways of proof: of directories changed just now, and of directories long left alone. */
async function eachWay(test: (t: TestSite) => Promise<void> | void): Promise<void> {
  for (const isSettled of [false, true]) {
    await using t = await makeSite();
    if (isSettled) await t.settle();
    await test(t);
    assert.equal(openBelow(t.root), 0);
  }
}

Deno.test("open: a file that was not touched is opened", () =>
  eachWay((t) => {
    const file = openFile(place(t));
    assert.equal(file?.size, 6);
    file?.close();
  }));

Deno.test("open: a directory swapped for a link in between is noticed", () =>
  eachWay(async (t) => {
    const found = place(t);
    await Deno.rename(`${t.root}/a`, `${t.root}/aside`);
    await Deno.symlink(`${t.root}/other`, `${t.root}/a`);
    assert.equal(openFile(found), undefined);
  }));

Deno.test("open: a directory swapped for a link to itself in between is noticed", () =>
  eachWay(async (t) => {
    const found = place(t);
    await Deno.rename(`${t.root}/a/b`, `${t.root}/aside`);
    await Deno.symlink(`${t.root}/aside`, `${t.root}/a/b`);
    assert.equal(openFile(found), undefined);
  }));

Deno.test("open: a file swapped for a link in between is noticed", () =>
  eachWay(async (t) => {
    const found = place(t);
    await Deno.rename(`${t.root}/a/b/f.txt`, `${t.root}/aside`);
    await Deno.symlink(`${t.root}/aside`, `${t.root}/a/b/f.txt`);
    assert.equal(openFile(found), undefined);
  }));

Deno.test("open: a file swapped for a link to itself is noticed where nothing above its directory changed", () =>
  eachWay(async (t) => {
    const found = place(t);
    await Deno.rename(`${t.root}/a/b/f.txt`, `${t.root}/a/b/aside`);
    await Deno.symlink(`${t.root}/a/b/aside`, `${t.root}/a/b/f.txt`);
    assert.equal(openFile(found), undefined);
  }));

Deno.test("open: a file swapped for another file in between is noticed", () =>
  eachWay(async (t) => {
    const found = place(t);
    await Deno.rename(`${t.root}/other/b/f.txt`, `${t.root}/a/b/f.txt`);
    assert.equal(openFile(found), undefined);
  }));

Deno.test("open: a file that grew in between is noticed", () =>
  eachWay(async (t) => {
    const found = place(t);
    await Deno.writeTextFile(`${t.root}/a/b/f.txt`, "more", { append: true });
    assert.equal(openFile(found), undefined);
  }));

Deno.test("open: a file removed in between is noticed", () =>
  eachWay(async (t) => {
    const found = place(t);
    await Deno.remove(`${t.root}/a/b/f.txt`);
    assert.equal(openFile(found), undefined);
  }));

Deno.test("open: a pipe in the place of a file is not waited for", () =>
  eachWay(async (t) => {
    const found = place(t);
    await Deno.remove(`${t.root}/a/b/f.txt`);
    const { success } = await new Deno.Command("mkfifo", { args: [found.path] }).output();
    assert.ok(success);
    assert.equal(openFile(found), undefined);
  }));

Deno.test("open: an entry changed and changed back is noticed in a directory left alone before", async () => {
  await using t = await makeSite();
  await t.settle();
  const found = place(t);
  await Deno.rename(`${t.root}/a`, `${t.root}/aside`);
  await Deno.rename(`${t.root}/aside`, `${t.root}/a`);
  assert.equal(openFile(found), undefined);
});

Deno.test("locate: a link at any level, or a special file, leads nowhere", async () => {
  await using t = await makeSite();
  await Deno.symlink(`${t.root}/a`, `${t.root}/link`);
  await Deno.symlink(`${t.root}/a/b/f.txt`, `${t.root}/a/link.txt`);
  await new Deno.Command("mkfifo", { args: [`${t.root}/pipe`] }).output();
  assert.deepEqual(locate(t.root, ["link", "b", "f.txt"]), { depth: 1 });
  assert.deepEqual(locate(t.root, ["a", "link.txt"]), { depth: 2 });
  assert.deepEqual(locate(t.root, ["pipe"]), { depth: 1 });
  assert.deepEqual(locate(`${t.root}/link`, ["b", "f.txt"]), { depth: 0 });
  assert.deepEqual(locate(t.root, ["a", "b", "f.txt", "more", "still"]), { depth: 4 });
  assert.deepEqual(locate(t.root, ["none", "more", "still"]), { depth: 1 });
});

Deno.test("a name below the root of the file system has one slash before it", () => {
  assert.equal(below("/", "srv"), "/srv");
  assert.equal(below("/srv", "www"), "/srv/www");
});
