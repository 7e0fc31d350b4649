import assert from "node:assert/strict";
import { Fields } from "../../http/fields.ts";
import type { RewriteSettings } from "./merge.ts";
import { ResponseRewrites } from "./rewrite.ts";

const NONE: RewriteSettings = { location: [], refresh: [], cookieDomain: [], cookiePath: [] };

function rewritten(rules: Partial<RewriteSettings>, name: string, value: string): string {
  const fields = Fields.of(["x-a", value], [name, value]);
  new ResponseRewrites({ ...NONE, ...rules }).apply(fields);
  assert.equal(fields.values[0], value);
  return fields.values[1];
}

function location(value: string, ...location: { from: string; to: string }[]): string {
  return rewritten({ location }, "location", value);
}

Deno.test("there may be no rules", () => {
  assert(new ResponseRewrites(NONE).empty);
  for (const kind of ["location", "refresh", "cookieDomain", "cookiePath"]) {
    const rules = { ...NONE, [kind]: [{ from: "/a", to: "/b" }] };
    assert(!new ResponseRewrites(rules).empty, kind);
  }
});

Deno.test("the beginning of a location is replaced", () => {
  const rule = { from: "http://app:8080/base", to: "https://example.com" };
  assert.equal(location("http://app:8080/base/x?y", rule), "https://example.com/x?y");
  assert.equal(location("http://other/base", rule), "http://other/base");
});

Deno.test("a path may be replaced as well", () => {
  assert.equal(location("/app/x", { from: "/app", to: "/new" }), "/new/x");
  assert.equal(location("/app/x", { from: "/app/", to: "/" }), "/x");
});

Deno.test("a path never becomes a host", () => {
  const rests = ["/evil.test/x", "//evil.test/x", "/\\evil.test/x", "/\t/evil.test/x"];
  for (const from of ["http://app.internal", "http://app.internal/", "/app", "/app/"]) {
    for (const rest of [...rests, ...rests.map((text) => text.slice(1))]) {
      // No rule is about it: the host goes on.
      if (from === "http://app.internal" && !rest.startsWith("/")) continue;
      assert.equal(location(from + rest, { from, to: "/" }), "/evil.test/x", from + rest);
    }
  }
  assert.equal(location("/app\\evil.test/x", { from: "/app", to: "/" }), "/evil.test/x");
});

Deno.test("slashes meet as one", () => {
  const value = (to: string) => location("/app/x//y", { from: "/app", to });
  assert.equal(value("/"), "/x//y");
  assert.equal(value("/new/"), "/new/x//y");
  assert.equal(value("https://example.com/"), "https://example.com/x//y");
  assert.equal(value("https://example.com"), "https://example.com/x//y");
});

Deno.test("an origin matches where it ends only", () => {
  const rule = { from: "http://app:80", to: "https://example.com" };
  assert.equal(location("http://app:80", rule), "https://example.com");
  for (const rest of ["/x", "?x", "#x"]) {
    assert.equal(location(`http://app:80${rest}`, rule), `https://example.com${rest}`);
  }
  assert.equal(location("http://app:8080/", rule), "http://app:8080/");
  assert.equal(location("http://app:8080/", { ...rule, to: "/" }), "http://app:8080/");
});

Deno.test("a path matches at its beginning, unless the rest would run into a host", () => {
  const from = "http://app/base";
  assert.equal(location("http://app/basement", { from, to: "/new" }), "/newment");
  assert.equal(
    location("http://app/basement", { from, to: "https://example.com" }),
    "http://app/basement",
  );
});

Deno.test("the first rule that matches is taken", () => {
  const rules = [{ from: "/a", to: "/1" }, { from: "/a/b", to: "/2" }];
  assert.equal(location("/a/b", ...rules), "/1/b");
});

Deno.test("the URL of a refresh is replaced, delay and quotes stay", () => {
  const refresh = [{ from: "http://app/", to: "/" }];
  const value = (text: string) => rewritten({ refresh }, "refresh", text);
  assert.equal(value("5; url=http://app/x"), "5; url=/x");
  assert.equal(value('0;URL = "http://app/x"'), '0;URL = "/x"');
  assert.equal(value("0,url='http://app/x'"), "0,url='/x'");
  assert.equal(value("0;url='http://app//evil.test'"), "0;url='/evil.test'");
  assert.equal(value("5"), "5");
  assert.equal(value("5; url,http://app/x"), "5; url,http://app/x");
});

Deno.test("the domain of a cookie is replaced, whatever its case, dot and quotes", () => {
  const cookieDomain = [{ from: "App.internal", to: "example.com" }];
  const value = (text: string) => rewritten({ cookieDomain }, "set-cookie", text);
  assert.equal(value("a=b; Domain=app.internal; Path=/"), "a=b; Domain=example.com; Path=/");
  assert.equal(value('a=b;domain = ".APP.internal"'), "a=b;domain =example.com");
  assert.equal(value("a=b; Domain=x.app.internal"), "a=b; Domain=x.app.internal");
  assert.equal(value("domain=app.internal; Secure"), "domain=app.internal; Secure");
});

Deno.test("the path of a cookie is replaced at its beginning", () => {
  const cookiePath = [{ from: "/base", to: "/" }, { from: "/", to: "/app/" }];
  const value = (text: string) => rewritten({ cookiePath }, "set-cookie", text);
  assert.equal(value("a=b; Path=/base"), "a=b; Path=/");
  assert.equal(value("a=b; Path=/base/x"), "a=b; Path=/x");
  assert.equal(value("a=b; path=/x; Secure"), "a=b; path=/app/x; Secure");
});
