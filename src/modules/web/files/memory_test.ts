import assert from "node:assert/strict";
import { TestSite } from "../testing/site.ts";

const MEMORY = { max_bytes: 1 << 20, max_file_bytes: 1 << 16, revalidate_secs: 2 };

/** Whether two answers came from the same bytes in memory. */
async function isSameCopy(t: TestSite, path: string, before: unknown): Promise<boolean> {
  return (await t.ask(path)).responseBody === before;
}

Deno.test("memory: a small file is read once until its time is over", async () => {
  await using t = await TestSite.with({ "a.txt": "one" });
  t.memory.use(MEMORY, 1);
  await t.get("/a.txt");
  t.write("a.txt", "three");
  t.clock.now += 1999;
  assert.equal((await t.get("/a.txt")).body, "one");
  t.clock.now += 1;
  assert.equal((await t.get("/a.txt")).body, "three");
});

Deno.test("memory: a file that did not change is believed again for as long", async () => {
  await using t = await TestSite.with({ "a.txt": "one" });
  t.memory.use(MEMORY, 1);
  await t.settle();
  const { responseBody } = await t.ask("/a.txt");
  t.clock.now += 2000;
  assert.ok(await isSameCopy(t, "/a.txt", responseBody));
  t.write("a.txt", "three");
  t.clock.now += 1999;
  assert.ok(await isSameCopy(t, "/a.txt", responseBody));
});

Deno.test("memory: a change that the watch reports is looked for at once", async () => {
  await using t = await TestSite.with({ "a.txt": "one" });
  await t.settle();
  await t.get("/a.txt");
  t.write("a.txt", "three");
  t.watch.changes++;
  assert.equal((await t.get("/a.txt")).body, "three");
});

Deno.test("memory: other content of the same size in the same file is noticed by its time", async () => {
  await using t = await TestSite.with({ "a.txt": "one" });
  await t.settle();
  await t.get("/a.txt");
  Deno.writeTextFileSync(`${t.root}/a.txt`, "two");
  t.watch.changes++;
  assert.equal((await t.get("/a.txt")).body, "two");
});

Deno.test("memory: another file of the same size and time is noticed", async () => {
  await using t = await TestSite.with({ "a.txt": "one", "b.txt": "two" });
  const time = new Date(1_700_000_000_000);
  for (const name of ["a.txt", "b.txt"]) Deno.utimeSync(`${t.root}/${name}`, time, time);
  await t.settle();
  await t.get("/a.txt");
  await Deno.rename(`${t.root}/b.txt`, `${t.root}/a.txt`);
  t.watch.changes++;
  assert.equal((await t.get("/a.txt")).body, "two");
});

Deno.test("memory: a file that changes twice within one change time is read again", async () => {
  await using t = await TestSite.with({ "a.txt": "one" });
  await t.get("/a.txt");
  t.write("a.txt", "two");
  t.watch.changes++;
  assert.equal((await t.get("/a.txt")).body, "two");
});

Deno.test("memory: a file that is removed is gone, and one that comes back is found", async () => {
  await using t = await TestSite.with({ "a.txt": "one" });
  await t.get("/a.txt");
  await Deno.remove(`${t.root}/a.txt`);
  t.watch.changes++;
  assert.equal((await t.get("/a.txt")).status, 0);
  assert.equal(t.memory.files.used, 0);
  t.write("a.txt", "two");
  t.watch.changes++;
  assert.equal((await t.get("/a.txt")).body, "two");
});

Deno.test("memory: a better index file is noticed", async () => {
  await using t = await TestSite.with({ "b.html": "b" }, { index_files: ["a.html", "b.html"] });
  assert.equal((await t.get("/")).body, "b");
  t.write("a.html", "a");
  t.watch.changes++;
  assert.equal((await t.get("/")).body, "a");
});

Deno.test("memory: a directory that becomes a link takes its files out of memory", async () => {
  await using t = await TestSite.with({ "real/a.txt": "one" });
  await t.get("/real/a.txt");
  await Deno.rename(`${t.root}/real`, `${t.root}/moved`);
  await Deno.symlink(`${t.root}/moved`, `${t.root}/real`);
  t.watch.changes++;
  assert.equal((await t.get("/real/a.txt")).status, 0);
});

Deno.test("memory: what is kept stays within the bound, least recently used out first", async () => {
  const files: Record<string, string> = {};
  for (let i = 0; i < 40; i++) files[`${i}.txt`] = String(i % 10).repeat(50_000);
  await using t = await TestSite.with(files);
  t.memory.use(MEMORY, 1);
  const { responseBody } = await t.ask("/0.txt");
  for (let i = 1; i < 40; i++) {
    await t.ask(`/${i}.txt`);
    assert.ok(t.memory.files.used <= MEMORY.max_bytes);
    assert.ok(await isSameCopy(t, "/0.txt", responseBody), "used all the time");
  }
  const kept = (await t.ask("/39.txt")).responseBody;
  assert.ok(await isSameCopy(t, "/39.txt", kept));
});

Deno.test("memory: the bound is shared by the workers", async () => {
  await using t = await TestSite.with({});
  t.memory.use(MEMORY, 4);
  assert.equal(t.memory.files.limit, MEMORY.max_bytes / 4);
});

Deno.test("memory: the bounds of the snapshot that began last are in force while it lasts", async () => {
  await using t = await TestSite.with({});
  const [endFirst, endSecond] = [100, 200].map((max_bytes) =>
    t.memory.use({ ...MEMORY, max_bytes }, 1)
  );
  assert.equal(t.memory.files.limit, 200);
  endSecond();
  assert.equal(t.memory.files.limit, 100);
  const endThird = t.memory.use({ ...MEMORY, max_bytes: 300 }, 1);
  endFirst();
  assert.equal(t.memory.files.limit, 300);
  endThird();
});

Deno.test("memory: files larger than allowed are not kept", async () => {
  await using t = await TestSite.with({ "a.txt": "x".repeat(MEMORY.max_file_bytes + 1) });
  t.memory.use(MEMORY, 1);
  await t.get("/a.txt");
  assert.equal(t.memory.files.used, 0);
});

Deno.test("memory: an absence is remembered until its time is over, with all below it", async () => {
  await using t = await TestSite.with({});
  t.memory.use(MEMORY, 1);
  assert.equal((await t.get("/api/users/1")).status, 0);
  t.write("api/users/2", "two");
  assert.equal((await t.get("/api/users/2")).status, 0);
  t.clock.now += 2000;
  assert.equal((await t.get("/api/users/2")).body, "two");
});

Deno.test("memory: a change that the watch reports ends an absence at once", async () => {
  await using t = await TestSite.with({});
  assert.equal((await t.get("/a.txt")).status, 0);
  t.write("a.txt", "one");
  t.watch.changes++;
  assert.equal((await t.get("/a.txt")).body, "one");
});

Deno.test("memory: absences are bounded, and long paths are not remembered", async () => {
  await using t = await TestSite.with({});
  for (let i = 0; i < 5000; i++) await t.ask(`/${"random".repeat(30)}${i}`);
  assert.ok(t.memory.absences.used <= t.memory.absences.limit);
  assert.ok(t.memory.absences.used > t.memory.absences.limit / 2);
  const { used } = t.memory.absences;
  await t.ask("/" + "x".repeat(256));
  assert.equal(t.memory.absences.used, used);
});

Deno.test("memory: a later step that changes the fields of an answer changes no other answer", async () => {
  await using t = await TestSite.with({ "a.txt": "one" });
  const { response } = await t.ask("/a.txt");
  response.set("cache-control", "changed");
  response.append("x-added", "1");
  const { fields } = await t.get("/a.txt");
  assert.equal(fields.get("cache-control"), "public, max-age=60");
  assert.ok(!fields.has("x-added"));
});

Deno.test("memory: clearing a site gives back all it had", async () => {
  await using t = await TestSite.with({ "a.txt": "one" });
  await t.get("/a.txt");
  await t.get("/b.txt");
  t.site.close();
  assert.equal(t.memory.files.used, 0);
  assert.equal(t.memory.absences.used, 0);
});
