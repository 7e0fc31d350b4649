import assert from "node:assert/strict";
import { MAX_ENTRIES } from "./listing.ts";
import { TestSite } from "../testing/site.ts";

const ON = { directory_listing: { enabled: true } };

/** The cells of a listing, row by row: href, name, time, size. */
function rows(html: string): string[][] {
  return [...html.matchAll(/<tr><td><a href="([^"]*)">([^<]*)<\/a><td>([^<]*)<td>([^<\n]*)/g)]
    .map((match) => match.slice(1, 5));
}

function names(html: string | undefined): string[] {
  return rows(html ?? "").map(([, name]) => name);
}

Deno.test("listing: off unless enabled", async () => {
  await using t = await TestSite.with({ "a.txt": "a" });
  assert.equal((await t.get("/")).status, 0);
});

Deno.test("listing: an index file goes before a listing", async () => {
  await using t = await TestSite.with({ "index.html": "index" }, ON);
  assert.equal((await t.get("/")).body, "index");
});

Deno.test("listing: an HTML page that is not to be kept", async () => {
  await using t = await TestSite.with({ "a.txt": "a" }, ON);
  const { status, fields } = await t.get("/");
  assert.equal(status, 200);
  assert.deepEqual([...fields], [
    ["content-type", "text/html; charset=utf-8"],
    ["cache-control", "private, no-store"],
  ]);
});

Deno.test("listing: directories first, then by name, and a way up from below the root", async () => {
  const files = { "b.txt": "", "a.txt": "", "z/": "", "y/x/": "", "y/w.txt": "" };
  await using t = await TestSite.with(files, ON);
  assert.deepEqual(names((await t.get("/")).body), ["y/", "z/", "a.txt", "b.txt"]);
  assert.deepEqual(names((await t.get("/y/")).body), ["../", "x/", "w.txt"]);
});

Deno.test("listing: links begin with the path that was requested", async () => {
  await using t = await TestSite.with({ "sub/a.txt": "", "sub/d/": "" }, ON);
  const { body } = await t.get("/sub/", { requested: "/app/sub/" });
  const hrefs = rows(body!).map(([href]) => href);
  assert.deepEqual(hrefs, ["/app/", "/app/sub/d/", "/app/sub/a.txt"]);
});

Deno.test("listing: names are escaped for links and for the page", async () => {
  await using t = await TestSite.with({ "<b>&\"' ?#%é.txt": "" }, ON);
  const [[href, name]] = rows((await t.get("/")).body!);
  assert.equal(href, "/%3Cb%3E%26%22%27%20%3F%23%25%C3%A9.txt");
  assert.equal(name, "&lt;b&gt;&amp;&quot;&#39; ?#%é.txt");
});

Deno.test("listing: the requested path is escaped too", async () => {
  await using t = await TestSite.with({ "a&'b/c.txt": "" }, ON);
  const { body } = await t.get("/a&'b/");
  assert.equal(rows(body!)[1][0], "/a&amp;&#39;b/c.txt");
  assert.match(body!, /<title>Index of \/a&amp;&#39;b\/<\/title>/);
});

Deno.test("listing: links, special files, dotfiles and names that are not UTF-8 are left out", async () => {
  await using t = await TestSite.with({ "a.txt": "", ".hidden": "" }, ON);
  await Deno.symlink(`${t.root}/a.txt`, `${t.root}/link.txt`);
  const made = await new Deno.Command("sh", {
    args: ["-c", `mkfifo pipe && touch "$(printf 'bad\\377name')"`],
    cwd: t.root,
  }).output();
  assert.ok(made.success);
  assert.deepEqual(names((await t.get("/")).body), ["a.txt"]);
});

Deno.test("listing: dotfiles are shown when they are not denied", async () => {
  await using t = await TestSite.with({ ".hidden": "" }, { ...ON, deny_dotfiles: false });
  assert.deepEqual(names((await t.get("/")).body), [".hidden"]);
});

Deno.test("listing: sizes and times as configured", async () => {
  const files = { "a.txt": "12345", "d/": "" };
  const time = new Date(2026, 0, 2, 3, 4, 5);
  await using plain = await TestSite.with(files, ON);
  Deno.utimeSync(`${plain.root}/a.txt`, time, time);
  assert.deepEqual(rows((await plain.get("/")).body!)[1].slice(2), [time.toUTCString(), "-"]);

  await using exact = await TestSite.with(files, {
    directory_listing: { enabled: true, exact_size: true, local_time: true },
  });
  Deno.utimeSync(`${exact.root}/a.txt`, time, time);
  const [directory, file] = rows((await exact.get("/")).body!);
  assert.equal(directory[3], "-");
  assert.equal(file[3], "5");
  assert.match(file[2], /^2026-01-02 03:04:05 [+-]\d{4}$/);
  assert.equal(new Date(file[2].replace(" ", "T").replace(" ", "")).getTime(), time.getTime());
});

Deno.test("listing: HEAD has the length of the page", async () => {
  await using t = await TestSite.with({ "a.txt": "" }, ON);
  const get = await t.get("/");
  const head = await t.ask("/", { method: "HEAD" });
  assert.equal(head.responseBody?.length, new TextEncoder().encode(get.body).length);
});

Deno.test("listing: as many entries as allowed are listed, one more is an error", async () => {
  await using t = await TestSite.with({}, ON);
  for (let i = 0; i < MAX_ENTRIES; i++) Deno.writeFileSync(`${t.root}/${i}`, new Uint8Array());
  assert.equal(names((await t.get("/")).body).length, MAX_ENTRIES);
  // Counted although it would not be shown.
  Deno.writeFileSync(`${t.root}/.more`, new Uint8Array());
  const { status, body } = await t.get("/");
  assert.equal(status, 500);
  assert.equal(body, "internal server error");
  assert.match(t.errors[0], /too many entries/);
});
