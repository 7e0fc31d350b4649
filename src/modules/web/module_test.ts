import assert from "node:assert/strict";
import { Clock } from "../../net/clock.ts";
import { Zones } from "../../net/zone.ts";
import { SILENT } from "../../gateway/log_none.ts";
import { NO_METRICS } from "../../gateway/metrics_none.ts";
import type { RouteScope } from "../../gateway/module.ts";
import { loadText } from "../../config/load.ts";
import type { Config } from "../../config/types.ts";
import { errorPage } from "./error_page.ts";
import { module } from "./module.ts";
import { pageSchema } from "./schema.ts";
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

async function started(config: Config) {
  return await module.start({
    config,
    clock: new Clock(),
    log: SILENT,
    metrics: NO_METRICS,
    files: new Map(),
    zones: new Zones(),
    modules: new Set(["web"]),
    worker: 0,
    workers: 1,
  });
}

Deno.test("module: each vhost and each route serves its own files", async () => {
  await using shop = await TestSite.with({ "index.html": "shop" });
  await using docs = await TestSite.with({ "index.html": "docs" });
  const config = configOf(twoSites(shop.root, docs.root));
  const running = await started(config);
  for (const [route, text] of [[undefined, "shop"], [0, "docs"]] as const) {
    const exchange = exchangeFor("/");
    await running.plan(scopeOf(config, route))?.serve?.(exchange);
    assert.deepEqual(exchange.responseBody, new TextEncoder().encode(text));
  }
  await running.stop();
});

Deno.test("module: without a root there is no step", async () => {
  const config = configOf("[web]\nindex_files = ['a.html']");
  const running = await started(config);
  assert.equal(running.plan(scopeOf(config)), undefined);
  assert.equal(running.explain?.(scopeOf(config), exchangeFor("/")), undefined);
  await running.stop();
});

Deno.test("module: explains which file would answer", async () => {
  await using t = await TestSite.with({ "index.html": "home", "sub/": "" });
  const config = configOf(`[web]\nroot = "${t.root}"\ndirectory_listing.enabled = true`);
  const running = await started(config);
  const explain = (path: string, method = "GET") =>
    running.explain?.(scopeOf(config), exchangeFor(path, { method }));
  assert.equal(explain("/"), `file ${t.root}/index.html`);
  assert.equal(explain("/sub/"), `listing of ${t.root}/sub`);
  assert.equal(explain("/sub"), "/sub is a directory: redirects to its path with a slash");
  assert.equal(explain("/none"), `no file for /none below ${t.root}`);
  assert.equal(explain("/.git"), "403 forbidden");
  assert.equal(explain("/%zz"), "400 unsafe request path");
  assert.equal(explain("/", "POST"), "files are not served to POST");
  await running.stop();
});

Deno.test("module: explains which variant of a file would answer", async () => {
  await using t = await TestSite.with({ "a.txt": "a", "a.txt.gz": "gz", "b.txt": "b" });
  const config = configOf(`[web]\nroot = "${t.root}"\nprecompressed = true`);
  const running = await started(config);
  const explain = (path: string, coding: string) =>
    running.explain?.(
      scopeOf(config),
      exchangeFor(path, { fields: { "accept-encoding": coding } }),
    );
  assert.equal(explain("/a.txt", "gzip"), `file ${t.root}/a.txt.gz`);
  assert.equal(explain("/a.txt", "br"), `file ${t.root}/a.txt`);
  assert.equal(explain("/b.txt", "gzip"), `file ${t.root}/b.txt`);
  await running.stop();
});

Deno.test("module: asks to read each root and names the key that wants it", () => {
  const config = configOf(twoSites("/srv/shop", "/srv/docs"));
  const { read, ...others } = module.permissions(config);
  assert.deepEqual(others, {});
  assert.deepEqual(read, [
    { value: "/srv/shop", key: "vhosts[0].web.root", for: "edge" },
    { value: "/srv/shop", key: "vhosts[0].web.root", for: "keeper" },
    { value: "/srv/docs", key: "vhosts[0].routes[0].web.root", for: "edge" },
    { value: "/srv/docs", key: "vhosts[0].routes[0].web.root", for: "keeper" },
  ]);
});

Deno.test("module: the root of a configuration without vhosts is named as it is written", () => {
  const { read } = module.permissions(configOf('[web]\nroot = "/srv/site"'));
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
    return (await module.preflight!(changed, { uid: 0 })).map(({ key, message }) => [key, message]);
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
  const page = errorPage(web, "/502.html");
  assert.equal(await textOf(page!.body), "<h1>sorry</h1>");
  assert.equal(page?.fields.get("content-type"), "text/html; charset=utf-8");
  assert.deepEqual(page?.fields.names, ["content-type", "cache-control", "expires"]);
  assert.equal(page.fields.get("cache-control"), "private, no-store");
});

Deno.test("error page: a small one is kept in memory while a configuration with memory runs", async () => {
  await using t = await TestSite.with({ "502.html": "sorry" });
  const running = await started(configOf(`[web]\nroot = "${t.root}"`));
  const page = pageSchema.parse({ root: t.root });
  const kept = errorPage(page, "/502.html")?.body;
  assert.equal(errorPage(page, "/502.html")?.body, kept);
  await running.stop();
  const afterwards = errorPage(page, "/502.html")?.body;
  assert.notEqual(afterwards, kept);
  assert.equal(await textOf(afterwards!), "sorry");
});

Deno.test("error page: none that is missing, hidden, a directory or too large", async () => {
  await using t = await TestSite.with({ ".502.html": "", "sub/": "", "big.html": "" });
  await Deno.truncate(`${t.root}/big.html`, 64 * 1024 * 1024 + 1);
  const web = pageSchema.parse({ root: t.root, directory_listing: { enabled: true } });
  for (const path of ["/502.html", "/.502.html", "/sub", "/big.html", "/%zz"]) {
    assert.equal(errorPage(web, path), undefined, path);
  }
  assert.equal(openBelow(t.root), 0);
});
