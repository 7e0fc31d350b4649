import assert from "node:assert/strict";
import fc from "fast-check";
import { type RouteMatcher, RouteTable } from "./route_table.ts";

function route(name: string, matcher: Partial<RouteMatcher>): RouteMatcher {
  return { name, fallback: false, methods: [], ...matcher };
}

/** Name of the route that takes the request. */
function taker(routes: readonly RouteMatcher[], path: string, method = "GET"): string | undefined {
  const match = new RouteTable(routes).match(method, path);
  return match === undefined ? undefined : routes[match.index].name;
}

Deno.test("an exact path wins over a longer list of others, wherever it stands", () => {
  const routes = [
    route("prefix", { path_prefix: "/a/b" }),
    route("regex", { path_regex: "/a/b" }),
    route("fallback", { fallback: true }),
    route("exact", { path_exact: "/a/b" }),
  ];
  assert.equal(taker(routes, "/a/b"), "exact");
  assert.equal(taker(routes, "/a/b/"), "prefix");
});

Deno.test("the longest prefix wins", () => {
  const routes = [
    route("short", { path_prefix: "/a" }),
    route("long", { path_prefix: "/a/b" }),
    route("root", { path_prefix: "/" }),
  ];
  assert.equal(taker(routes, "/a/b/c"), "long");
  assert.equal(taker(routes, "/a/x"), "short");
  assert.equal(taker(routes, "/x"), "root");
});

Deno.test("of equal prefixes the first in the file wins", () => {
  const routes = [route("one", { path_prefix: "/a" }), route("two", { path_prefix: "/a" })];
  assert.equal(taker(routes, "/a/x"), "one");
});

Deno.test("a prefix ends at a segment", () => {
  const routes = [route("repo", { path_prefix: "/repo" })];
  assert.equal(taker(routes, "/repo"), "repo");
  assert.equal(taker(routes, "/repo/x"), "repo");
  assert.equal(taker(routes, "/repository"), undefined);
  assert.equal(taker(routes, "/rep"), undefined);
});

Deno.test("a prefix with a slash at its end does not match without it", () => {
  const routes = [route("chat", { path_prefix: "/chat/" })];
  assert.equal(taker(routes, "/chat"), undefined);
  assert.equal(taker(routes, "/chat/"), "chat");
  assert.equal(taker(routes, "/chat/x"), "chat");
});

Deno.test("a prefix with a slash at its end is longer than one without", () => {
  const routes = [
    route("bare", { path_prefix: "/chat" }),
    route("slash", { path_prefix: "/chat/" }),
  ];
  assert.equal(taker(routes, "/chat/x"), "slash");
  assert.equal(taker(routes, "/chat"), "bare");
});

Deno.test("any prefix wins over a regular expression, and that over the fallback", () => {
  const routes = [
    route("fallback", { fallback: true }),
    route("regex", { path_regex: "^/a/[0-9]+$" }),
    route("prefix", { path_prefix: "/a/7" }),
  ];
  assert.equal(taker(routes, "/a/7"), "prefix");
  assert.equal(taker(routes, "/a/8"), "regex");
  assert.equal(taker(routes, "/b"), "fallback");
});

Deno.test("the first regular expression in the file wins and brings its captures", () => {
  const routes = [
    route("none", { path_regex: "^/z" }),
    route("one", { path_regex: "^/(.)" }),
    route("two", { path_regex: "^/(..)" }),
  ];
  const match = new RouteTable(routes).match("GET", "/abc");
  assert.equal(match?.index, 1);
  assert.deepEqual(match?.captures?.byIndex, ["/a", "a"]);
});

Deno.test("a route for other methods leaves the request to the next", () => {
  const routes = [
    route("exact", { path_exact: "/a", methods: ["POST"] }),
    route("exact too", { path_exact: "/a", methods: ["PUT"] }),
    route("deep", { path_prefix: "/a/b", methods: ["POST"] }),
    route("prefix", { path_prefix: "/a", methods: ["GET"] }),
    route("regex", { path_regex: "^/b", methods: ["PUT"] }),
    route("regex too", { path_regex: "^/b" }),
    route("fallback", { fallback: true, methods: ["PUT"] }),
  ];
  assert.equal(taker(routes, "/a", "PUT"), "exact too");
  assert.equal(taker(routes, "/a", "GET"), "prefix");
  assert.equal(taker(routes, "/a/b", "GET"), "prefix");
  assert.equal(taker(routes, "/a", "DELETE"), undefined);
  assert.equal(taker(routes, "/b", "GET"), "regex too");
  assert.equal(taker(routes, "/c", "GET"), undefined);
  assert.equal(taker(routes, "/c", "put"), "fallback");
});

Deno.test("the verdicts say why each route does not take a request", () => {
  const routes = [
    route("home", { path_exact: "/" }),
    route("api", { path_prefix: "/api" }),
    route("writes", { path_prefix: "/api/v1", methods: ["POST", "PUT"] }),
    route("php", { path_regex: "[.]php$" }),
    route("rest", { fallback: true }),
  ];
  const verdicts = new RouteTable(routes).explain("GET", "/api/v1/x");
  assert.deepEqual(verdicts.map(({ taken, reason }) => [taken, reason]), [
    [false, "path is /api/v1/x, not /"],
    [true, "path_prefix /api"],
    [false, "takes only POST, PUT"],
    [false, "path /api/v1/x has no match of [.]php$"],
    [false, "fallback matches, but route api goes before it"],
  ]);
  const [home, , , php, rest] = new RouteTable(routes).explain("GET", "/index.php");
  assert.deepEqual([home.taken, php.reason, rest.reason], [
    false,
    "path_regex [.]php$",
    "fallback matches, but route php goes before it",
  ]);
});

Deno.test("the table decides as the rules read one by one", () => {
  const segment = fc.constantFrom("a", "b", "ab");
  const prefix = fc.tuple(fc.array(segment, { maxLength: 3 }), fc.boolean())
    .map(([segments, slash]) =>
      segments.length === 0 ? "/" : `/${segments.join("/")}${slash ? "/" : ""}`
    );
  const methods = fc.subarray(["GET", "POST"]);
  const matcher = fc.oneof(
    prefix.map((path_exact) => ({ path_exact })),
    prefix.map((path_prefix) => ({ path_prefix })),
    fc.constantFrom("a", "^/a", "b$", "^/(ab)/").map((path_regex) => ({ path_regex })),
    fc.constant({ fallback: true }),
  );
  const routes = fc.array(
    fc.tuple(matcher, methods).map(([m, allowed]) => route("r", { ...m, methods: allowed })),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(routes, prefix, fc.constantFrom("GET", "POST", "PUT"), (list, path, method) => {
      assert.equal(new RouteTable(list).match(method, path)?.index, slowly(list, method, path));
    }),
    { numRuns: 3000 },
  );
});

/** Spec 02 sections 4.1 and 4.2 as they read. */
function slowly(routes: readonly RouteMatcher[], method: string, path: string): number | undefined {
  const allowed = routes.map((r, index) => ({ r, index }))
    .filter(({ r }) => r.methods.length === 0 || r.methods.includes(method));
  const under = (prefix: string) =>
    path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : prefix + "/");
  const longest = allowed
    .filter(({ r }) => r.path_prefix !== undefined && under(r.path_prefix))
    .sort((a, b) => (b.r.path_prefix?.length ?? 0) - (a.r.path_prefix?.length ?? 0));
  const found = allowed.find(({ r }) => r.path_exact === path) ?? longest[0] ??
    allowed.find(({ r }) => r.path_regex !== undefined && new RegExp(r.path_regex).test(path)) ??
    allowed.find(({ r }) => r.fallback);
  return found?.index;
}
