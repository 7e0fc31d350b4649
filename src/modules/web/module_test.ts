import assert from "node:assert/strict";
import { contextOf, needsOf, started, systemOf } from "../../gateway/testing/modules.ts";
import type { RouteScope, RunningModule } from "../../gateway/module.ts";
import { loadText } from "../../config/load.ts";
import type { Config } from "../../config/types.ts";
import { Keep } from "../../gateway/keep.ts";
import { errorPage, memoryOf, pageSite } from "./error_page.ts";
import { DEFAULT_MEMORY } from "./defaults.ts";
import { module } from "./module.ts";
import { type PageConfig, pageSchema } from "./schema.ts";
import { exchangeFor, openBelow, TestSite, textOf } from "./testing/site.ts";

/** The configuration that a text says, which must be without problems. */
function configOf(text: string): Config {
  const { config, problems } = loadText(text, module.schema, [], {
    file: "/etc/fluxheim/test.toml",
  });
  assert.deepEqual(problems, []);
  assert.ok(config !== undefined);
  return config;
}

function problemsOf(text: string): string[] {
  const { config, problems } = loadText(text, module.schema, [], {
    file: "/etc/fluxheim/test.toml",
  });
  const all = config === undefined ? problems : [...problems, ...module.check?.(config) ?? []];
  return all.map(({ key }) => key);
}

/** A vhost with static files at `root` and a route to others. */
function twoSites(root: string, routeRoot: string): string {
  return `
    [[vhosts]]
    name = "shop"
    hosts = ["shop.example"]
    [vhosts.web]
    root = "${root}"
    [[vhosts.routes]]
    name = "docs"
    path_prefix = "/docs"
    strip_prefix = "/docs"
    web = { root = "${routeRoot}" }
  `;
}

function scopeOf(config: Config, route?: number): RouteScope {
  const vhost = config.vhosts[0];
  return { config, vhost, route: route === undefined ? undefined : vhost.routes[route], key: "" };
}

const HOLD = new Keep().hold();
const KEPT = { keep: <T extends object>(key: string, make: () => T) => HOLD.get(key, make) };

/** Where the pages of `web` are read from. */
function siteOf(web: PageConfig) {
  return pageSite(KEPT, web);
}

function running(config: Config): Promise<RunningModule> {
  return started(module, contextOf(config, [module]));
}

Deno.test("module: each vhost and each route serves its own files", async () => {
  await using shop = await TestSite.with({ "index.html": "shop" });
  await using docs = await TestSite.with({ "index.html": "docs" });
  const config = configOf(twoSites(shop.root, docs.root));
  const sites = await running(config);
  for (const [route, text] of [[undefined, "shop"], [0, "docs"]] as const) {
    const exchange = exchangeFor("/");
    await sites.plan(scopeOf(config, route))?.serve?.(exchange);
    assert.deepEqual(exchange.responseBody, new TextEncoder().encode(text));
  }
  await sites.stop();
});

Deno.test("module: without a root there is no step", async () => {
  const config = configOf("[web]\nindex_files = ['a.html']");
  const sites = await running(config);
  assert.equal(sites.plan(scopeOf(config)), undefined);
  assert.equal(sites.explain?.(scopeOf(config), exchangeFor("/")), undefined);
  await sites.stop();
});

Deno.test("module: explains which file would answer", async () => {
  await using t = await TestSite.with({ "index.html": "home", "sub/": "" });
  const config = configOf(`[web]\nroot = "${t.root}"\ndirectory_listing.enabled = true`);
  const sites = await running(config);
  const explain = (path: string, method = "GET") =>
    sites.explain?.(scopeOf(config), exchangeFor(path, { method }));
  assert.equal(explain("/"), `file ${t.root}/index.html`);
  assert.equal(explain("/sub/"), `listing of ${t.root}/sub`);
  assert.equal(explain("/sub"), "/sub is a directory: redirects to its path with a slash");
  assert.equal(explain("/none"), `no file for /none below ${t.root}`);
  assert.equal(explain("/.git"), "403 forbidden");
  assert.equal(explain("/%zz"), "400 unsafe request path");
  assert.equal(explain("/", "POST"), "files are not served to POST");
  await sites.stop();
});

Deno.test("module: explains which variant of a file would answer", async () => {
  await using t = await TestSite.with({ "a.txt": "a", "a.txt.gz": "gz", "b.txt": "b" });
  const config = configOf(`[web]\nroot = "${t.root}"\nprecompressed = true`);
  const sites = await running(config);
  const explain = (path: string, coding: string) =>
    sites.explain?.(
      scopeOf(config),
      exchangeFor(path, { fields: { "accept-encoding": coding } }),
    );
  assert.equal(explain("/a.txt", "gzip"), `file ${t.root}/a.txt.gz`);
  assert.equal(explain("/a.txt", "br"), `file ${t.root}/a.txt`);
  assert.equal(explain("/b.txt", "gzip"), `file ${t.root}/b.txt`);
  await sites.stop();
});

Deno.test("module: asks to read each root and names the key that wants it", () => {
  const config = configOf(twoSites("/srv/shop", "/srv/docs"));
  const { read, ...others } = needsOf(module, config).grants ?? {};
  assert.deepEqual(others, {});
  assert.deepEqual(read, [
    { value: "/srv/shop", key: "vhosts[0].web.root", for: "edge" },
    { value: "/srv/shop", key: "vhosts[0].web.root", for: "keeper" },
    { value: "/srv/docs", key: "vhosts[0].routes[0].web.root", for: "edge" },
    { value: "/srv/docs", key: "vhosts[0].routes[0].web.root", for: "keeper" },
  ]);
});

Deno.test("module: the root of a configuration without vhosts is named as it is written", () => {
  const { read } = needsOf(module, configOf('[web]\nroot = "/srv/site"')).grants ?? {};
  assert.deepEqual(read?.map(({ key }) => key), ["web.root", "web.root"]);
});

Deno.test("module: a root must be a directory that is there, by its real path", async () => {
  await using t = await TestSite.with({ "site/a.txt": "a" });
  await Deno.symlink(`${t.root}/site`, `${t.root}/link`);
  await Deno.mkdir(`${t.root}/site/in`);
  const check = async (root: string) => {
    const config = configOf(twoSites(`${t.root}/site`, `${t.root}/site`));
    const web = { ...config.vhosts[0].web!, root };
    const changed = { ...config, vhosts: [{ ...config.vhosts[0], web }] };
    return (await module.preflight!(changed, systemOf(0))).map((
      { key, message },
    ) => [key, message]);
  };
  const key = "vhosts[0].web.root";
  assert.deepEqual(await check(`${t.root}/site`), []);
  for (
    const [root, wrong] of [
      [`${t.root}/none`, "must exist"],
      [`${t.root}/site/a.txt`, "must be a directory"],
      [`${t.root}/link`, "must not be a symbolic link"],
      [`${t.root}/link/in`, "must not lead through a symbolic link"],
    ]
  ) assert.deepEqual(await check(root), [[key, `${root} ${wrong}`]]);
});

Deno.test("module: refuses a route without a root, and index files that are no names", () => {
  const route = (web: string) => `
    [[vhosts]]
    name = "shop"
    hosts = ["shop.example"]
    [[vhosts.routes]]
    name = "docs"
    path_prefix = "/docs"
    web = { ${web} }
  `;
  assert.deepEqual(problemsOf(route("deny_dotfiles = true")), ["vhosts[0].routes[0].web"]);
  for (const name of ["", " ", ".", "..", "a/b", "a\\\\b"]) {
    const text = route(`root = "/srv", index_files = ["index.html", "${name}"]`);
    assert.deepEqual(problemsOf(text), ["vhosts[0].routes[0].web.index_files[1]"], name);
  }
  assert.deepEqual(problemsOf(route('root = "/srv", index_files = []')), [
    "vhosts[0].routes[0].web.index_files",
  ]);
});

Deno.test("error page: the file and its fields, whatever the request said", async () => {
  await using t = await TestSite.with({ "502.html": "<h1>sorry</h1>" });
  const web = pageSchema.parse({ root: t.root, expires: "0" });
  const page = errorPage(siteOf(web), "/502.html");
  assert.equal(await textOf(page!.body), "<h1>sorry</h1>");
  assert.equal(page?.fields.get("content-type"), "text/html; charset=utf-8");
  assert.deepEqual(page?.fields.names, ["content-type", "cache-control", "expires"]);
  assert.equal(page.fields.get("cache-control"), "private, no-store");
});

Deno.test("error page: a small one is kept in memory while a configuration with memory runs", async () => {
  await using t = await TestSite.with({ "502.html": "sorry" });
  const stopUsing = memoryOf(KEPT).use(DEFAULT_MEMORY, 1);
  const site = siteOf(pageSchema.parse({ root: t.root }));
  const kept = errorPage(site, "/502.html")?.body;
  assert.equal(errorPage(site, "/502.html")?.body, kept);
  stopUsing();
  const afterwards = errorPage(site, "/502.html")?.body;
  assert.notEqual(afterwards, kept);
  assert.equal(await textOf(afterwards!), "sorry");
});

Deno.test("error page: none that is missing, hidden, a directory or too large", async () => {
  await using t = await TestSite.with({ ".502.html": "", "sub/": "", "big.html": "" });
  await Deno.truncate(`${t.root}/big.html`, 64 * 1024 * 1024 + 1);
  const web = pageSchema.parse({ root: t.root, directory_listing: { enabled: true } });
  for (const path of ["/502.html", "/.502.html", "/sub", "/big.html", "/%zz"]) {
    assert.equal(errorPage(siteOf(web), path), undefined, path);
  }
  assert.equal(openBelow(t.root), 0);
});
