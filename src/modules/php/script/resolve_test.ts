import assert from "node:assert/strict";
import fc from "fast-check";
import { newDirectory, putFile } from "../../../config/testing/files.ts";
import { readScriptPath } from "./path.ts";
import { ScriptResolver, type ScriptSettings } from "./resolve.ts";
import { urlNames } from "./url_name.ts";

/** What paths are, for a root with these files. */
function resolverFor(files: readonly string[], settings: Partial<ScriptSettings> = {}) {
  const root = `${newDirectory()}/www`;
  for (const file of files) putFile(`${root}/${file}`, "<?php");
  const resolver = new ScriptResolver({
    root,
    resolve_root_symlink: false,
    index: "index.php",
    allowed_extensions: ["php"],
    deny_path_prefixes: [],
    try_files: "front-controller",
    path_info: "disabled",
    ...settings,
  }, () => {});
  const what = (path: string): string => {
    const found = resolver.resolve(path);
    if (found.kind !== "script") return found.kind;
    return found.pathInfo === "" ? found.name : `${found.name} ${found.pathInfo}`;
  };
  return { root, resolver, what };
}

const FILES = ["index.php", "app.php", "INFO.PHP", "style.css", "dir/index.php", "html/index.html"];

for (
  const [path, disabled, split] of [
    ["/", "/index.php", "/index.php"],
    ["/app.php", "/app.php", "/app.php"],
    ["/INFO.PHP", "/INFO.PHP", "/INFO.PHP"],
    ["/app.php/user/1", "forbidden", "/app.php /user/1"],
    ["/app.php/user/", "forbidden", "/app.php /user/"],
    ["/app.php/x.css", "forbidden", "/app.php /x.css"],
    ["/app.php/.hidden", "forbidden", "forbidden"],
    ["/missing/page", "/index.php", "/index.php"],
    ["/missing.php", "missing", "missing"],
    ["/missing.php/x", "forbidden", "missing"],
    ["/style.css", "file", "file"],
    ["/style.css/", "/index.php", "/index.php"],
    ["/dir/", "/dir/index.php", "/dir/index.php"],
    ["/dir", "directory", "directory"],
    ["/html/", "/index.php", "/index.php"],
    ["/../app.php", "forbidden", "forbidden"],
    ["/%2e%2e/app.php", "forbidden", "forbidden"],
    ["/app.php/%2e%2e/x", "forbidden", "forbidden"],
    ["/app%00.php", "forbidden", "forbidden"],
    ["/app.php/user%01x", "forbidden", "forbidden"],
    ["/%ff.php", "forbidden", "forbidden"],
    ["relative.php", "forbidden", "forbidden"],
  ]
) {
  Deno.test(`${path} is ${disabled}, and with path_info ${split}`, () => {
    assert.equal(resolverFor(FILES).what(path), disabled);
    assert.equal(resolverFor(FILES, { path_info: "split" }).what(path), split);
  });
}

Deno.test("strict has nothing for what is neither a script nor a file", () => {
  const { what } = resolverFor(FILES, { try_files: "strict" });
  assert.deepEqual(["/page", "/html/", "/app.php", "/dir/", "/style.css"].map(what), [
    "missing",
    "missing",
    "/app.php",
    "/dir/index.php",
    "file",
  ]);
});

Deno.test("a front controller that is not there is missing", () => {
  assert.equal(resolverFor(["style.css"]).what("/page"), "missing");
});

Deno.test("hidden is what a file hides behind, not a page that looks like it", () => {
  const { what } = resolverFor([
    "index.php",
    ".env",
    ".git/config",
    ".well-known/.env",
    ".well-known-x/.env",
    ".well-known/check.php",
    ".well-known/security.txt",
    ".hidden.php",
  ]);
  for (const path of ["/.well-known/webfinger", "/.well-known/carddav", "/wiki/.NET", "/.gone"]) {
    assert.equal(what(path), "/index.php", path);
  }
  for (
    const path of [
      "/.env",
      "/.git/config",
      "/.well-known/.env",
      "/.well-known-x/.env",
      "/.hidden.php",
    ]
  ) assert.equal(what(path), "forbidden", path);
  assert.equal(what("/.well-known/check.php"), "/.well-known/check.php");
  assert.equal(what("/.well-known/security.txt"), "file");
});

Deno.test("a denied prefix ends where a segment does, and index scripts are below it as well", () => {
  const { what } = resolverFor(
    ["index.php", "uploads/x.php", "uploads2/x.php", "uploads/index.php", "config.php"],
    { deny_path_prefixes: ["/uploads", "/config.php"] },
  );
  assert.deepEqual(
    ["/uploads/x.php", "/uploads2/x.php", "/uploads/", "/config.php", "/uploads/gone.php"].map(
      what,
    ),
    ["forbidden", "/uploads2/x.php", "forbidden", "forbidden", "forbidden"],
  );
});

Deno.test("no letter of another script makes a file a script", () => {
  const names = ["ȺȺȺȺa.php.txt", "İİİİa.php.txt", "a.pHp\u0130"];
  const { what } = resolverFor(names, { path_info: "split", try_files: "strict" });
  for (const name of names) {
    for (const path of [`/${name}.php`, `/${name}.php/y`, `/${name}`]) {
      assert.ok(!what(encodeURI(path)).startsWith("/"), path);
    }
  }
});

Deno.test("the cut falls after a segment of the path as it is", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "grapheme" }), { maxLength: 6 }), (texts) => {
    const path = "/" + texts.map((text) => encodeURIComponent(text.replaceAll("/", ""))).join("/");
    const found = readScriptPath(path, new Set(["php"]));
    if (found === undefined || !found.isExplicit) return;
    const names = decodeURIComponent(path).split("/").filter((name) => name !== "" && name !== ".");
    assert.deepEqual(names.slice(0, found.names.length), found.names);
    assert.match(found.names.at(-1) ?? "", /\.php$/i);
  }));
});

Deno.test("a symbolic link below the root is not there", () => {
  const { root, what } = resolverFor(["index.php", "real/a.php"]);
  Deno.symlinkSync(`${root}/real`, `${root}/linked`);
  Deno.symlinkSync(`${root}/real/a.php`, `${root}/a.php`);
  assert.deepEqual(["/linked/a.php", "/a.php"].map(what), ["missing", "missing"]);
});

Deno.test("a root that is a link is followed anew when it leads elsewhere", () => {
  const { root: releases } = resolverFor(["one/index.php", "two/index.php"]);
  const current = `${releases}/current`;
  Deno.symlinkSync(`${releases}/one`, current);
  const resolver = new ScriptResolver({
    root: current,
    resolve_root_symlink: true,
    index: "index.php",
    allowed_extensions: ["php"],
    deny_path_prefixes: [],
    try_files: "strict",
    path_info: "disabled",
  }, () => {});
  const filename = () => {
    const found = resolver.resolve("/");
    return found.kind === "script" ? found.filename : found.kind;
  };
  assert.equal(filename(), `${releases}/one/index.php`);
  Deno.symlinkSync(`${releases}/two`, `${current}.new`);
  Deno.renameSync(`${current}.new`, current);
  assert.equal(filename(), `${releases}/two/index.php`);
});

Deno.test("php-fpm may know the root by another path", () => {
  const { resolver } = resolverFor(["a/b.php"], { fpm_root: "/app/public" });
  const found = resolver.resolve("/a/b.php");
  assert.ok(found.kind === "script");
  assert.equal(found.filename, "/app/public/a/b.php");
  assert.equal(found.documentRoot, "/app/public");
});

Deno.test("the URL path of a script begins as the client's does", () => {
  const name = urlNames({ strip_prefix: "/forum" });
  assert.equal(name("/index.php"), "/forum/index.php");
  const moved = urlNames({ strip_prefix: "/forum/", rewrite_prefix: "/app/" });
  assert.equal(moved("/app/admin/index.php"), "/forum/admin/index.php");
  assert.equal(moved("/index.php"), "/index.php");
  assert.equal(urlNames(undefined)("/x.php"), "/x.php");
});
