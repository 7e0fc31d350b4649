import assert from "node:assert/strict";
import { PathPattern } from "./regex.ts";
import { compileRewrite, type PathRewrite } from "./rewrite.ts";

function rewritten(route: PathRewrite, path: string, pattern?: string): string | undefined {
  const rewrite = compileRewrite(route);
  assert(rewrite !== undefined);
  if (pattern === undefined) return rewrite(path, undefined);
  const parsed = PathPattern.parse(pattern);
  assert(parsed instanceof PathPattern);
  return rewrite(path, parsed.captures(path));
}

Deno.test("a route without rewrite keys needs no rewrite", () => {
  assert.equal(compileRewrite({}), undefined);
});

Deno.test("a stripped prefix leaves the rest", () => {
  const route = { strip_prefix: "/app" };
  assert.equal(rewritten(route, "/app"), "/");
  assert.equal(rewritten(route, "/app/"), "/");
  assert.equal(rewritten(route, "/app/x/y"), "/x/y");
});

Deno.test("a prefix with a slash at its end leaves the slash", () => {
  const route = { strip_prefix: "/app/" };
  assert.equal(rewritten(route, "/app/"), "/");
  assert.equal(rewritten(route, "/app/x"), "/x");
});

Deno.test("a path that is not under the stripped prefix stays", () => {
  const route = { strip_prefix: "/app/v1", rewrite_prefix: "/v2" };
  assert.equal(rewritten(route, "/app/x"), "/app/x");
  assert.equal(rewritten(route, "/app/v10"), "/app/v10");
});

Deno.test("a prefix put in place is joined by exactly one slash", () => {
  for (const rewrite_prefix of ["/v2", "/v2/"]) {
    const route = { strip_prefix: "/app", rewrite_prefix };
    assert.equal(rewritten(route, "/app/x"), "/v2/x");
    assert.equal(rewritten(route, "/app"), "/v2/");
  }
});

Deno.test("a slash put in place changes nothing", () => {
  assert.equal(rewritten({ strip_prefix: "/app", rewrite_prefix: "/" }, "/app/x"), "/x");
});

Deno.test("a prefix that makes an unsafe path is refused", () => {
  assert.equal(rewritten({ strip_prefix: "/app", rewrite_prefix: "/a//b" }, "/app/x"), undefined);
});

Deno.test("what may not be in a URI is encoded in prefixes and templates", () => {
  assert.equal(rewritten({ strip_prefix: "/a", rewrite_prefix: "/é" }, "/a/x"), "/%C3%A9/x");
  assert.equal(rewritten({ rewrite_template: "/é/{route.regex.1}" }, "/a/x", "a/(.)"), "/%C3%A9/x");
});

Deno.test("a template puts captures in, by number and by name", () => {
  const pattern = "^/u/(?P<name>[^/]+)/(.*)$";
  const route = { rewrite_template: "/users/{route.regex.name}/{route.regex.2}" };
  assert.equal(rewritten(route, "/u/ann/a/b", pattern), "/users/ann/a/b");
});

Deno.test("a capture is encoded, an escape in it once more", () => {
  const route = { rewrite_template: "/{route.regex.1}" };
  assert.equal(rewritten(route, "/x/a:b%20c~", "^/x/(.*)$"), "/a%3Ab%2520c~");
});

Deno.test("a capture that is absent is empty", () => {
  const route = { rewrite_template: "/x{route.regex.9}{route.regex.none}" };
  assert.equal(rewritten(route, "/a", "a"), "/x");
});

Deno.test("a template that makes an unsafe path is refused", () => {
  const route = { rewrite_template: "/x/{route.regex.1}/y" };
  assert.equal(rewritten(route, "/a", "^/a(b?)"), undefined);
  assert.equal(rewritten(route, "/a", "^/a/(b)"), undefined);
});
