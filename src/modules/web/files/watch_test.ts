import assert from "node:assert/strict";
import { Clock } from "../../../net/clock.ts";
import { until } from "../../../net/testing/until.ts";
import { TestSite } from "../testing/site.ts";
import { TreeWatch } from "./watch.ts";

Deno.test("watch: a change of a file in a root, or below it, is counted", async () => {
  await using t = await TestSite.with({ "a.txt": "a", "deep/er/b.txt": "b" });
  const clock = new Clock();
  const watch = new TreeWatch([t.root], clock);
  assert.ok(await watch.started());
  for (const path of ["a.txt", "deep/er/b.txt", "deep/new.txt"]) {
    const before = watch.changes;
    clock.tick();
    t.write(path, "changed");
    await until("the change is counted", () => watch.changes > before);
  }
  await watch.close();
});

Deno.test("watch: changes within a tick count once when they begin and once at its end", async () => {
  await using t = await TestSite.with({ "a.txt": "a" });
  const clock = new Clock();
  const watch = new TreeWatch([t.root], clock);
  await watch.started();
  for (let i = 0; i < 50; i++) t.write("a.txt", String(i));
  await until("the first change is counted", () => watch.changes > 0);
  assert.equal(watch.changes, 1);
  await until("the last change is counted", () => {
    clock.tick();
    return watch.changes === 2;
  });
  await watch.close();
});

Deno.test("watch: nothing is counted once it is closed", async () => {
  await using t = await TestSite.with({ "a.txt": "a" });
  const clock = new Clock();
  const watch = new TreeWatch([t.root], clock);
  await watch.started();
  await until("a change is counted elsewhere", () => {
    t.write("a.txt", "changed");
    return watch.changes > 0;
  });
  await watch.close();
  clock.tick();
  assert.equal(watch.changes, 1);
});

Deno.test("watch: where there is nothing to watch it says so", async () => {
  const watch = new TreeWatch(["/nowhere/at/all"], new Clock());
  assert.equal(await watch.started(), false);
  await watch.close();
});

Deno.test("watch: without the right to read it says so", { permissions: {} }, async () => {
  const watch = new TreeWatch(["/etc"], new Clock());
  assert.equal(await watch.started(), false);
  await watch.close();
});

Deno.test("watch: closing at once leaves nothing behind", async () => {
  await using t = await TestSite.with({ "a.txt": "a" });
  await new TreeWatch([t.root], new Clock()).close();
});

Deno.test("watch: a link is not followed", async () => {
  await using t = await TestSite.with({ "in/a.txt": "a" });
  await using outside = await TestSite.with({ "b.txt": "b" });
  await Deno.symlink(outside.root, `${t.root}/link`);
  const watch = new TreeWatch([t.root], new Clock());
  const there = new TreeWatch([outside.root], new Clock());
  await Promise.all([watch.started(), there.started()]);
  outside.write("b.txt", "changed");
  await until("the change is counted there", () => there.changes > 0);
  assert.equal(watch.changes, 0);
  t.write("in/a.txt", "changed");
  await until("the first change is counted", () => watch.changes > 0);
  await Promise.all([watch.close(), there.close()]);
});
