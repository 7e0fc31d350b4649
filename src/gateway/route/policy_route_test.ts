import assert from "node:assert/strict";
import { policyRoutes } from "./policy_route.ts";
import { type RouteMatch, type RouteMatcher, RouteTable } from "./route_table.ts";

const ROUTES: RouteMatcher[] = [
  { name: "admin", path_prefix: "/admin", fallback: false, methods: [] },
  { name: "posts", path_exact: "/form", fallback: false, methods: ["POST"] },
  { name: "rest", fallback: true, methods: [] },
];

/** The first route that guards `path`; the matched one where no other does. */
function first(table: RouteTable, method: string, path: string): RouteMatch | undefined {
  return policyRoutes(table, method, path)?.[0] ?? table.match(method, path);
}

function policy(path: string, method = "GET"): string | undefined {
  const found = first(new RouteTable(ROUTES), method, path);
  return found === undefined ? undefined : ROUTES[found.index].name;
}

Deno.test("the policy of a plain path is that of its route", () => {
  assert.equal(policy("/admin/x"), "admin");
  assert.equal(policy("/x"), "rest");
});

Deno.test("an encoded path keeps the policy of what it stands for", () => {
  assert.equal(policy("/%61dmin/x"), "admin");
  assert.equal(policy("/for%6d", "POST"), "posts");
});

Deno.test("a path is decoded once only", () => {
  assert.equal(policy("/%2561dmin"), "rest");
});

Deno.test("a decoded path that only the fallback takes keeps the route of the raw one", () => {
  const table = new RouteTable([
    { name: "raw", path_exact: "/%78", fallback: false, methods: [] },
    { name: "rest", fallback: true, methods: [] },
  ]);
  assert.equal(first(table, "GET", "/%78")?.index, 0);
});

Deno.test("a vhost without a matching route has no policy route", () => {
  const table = new RouteTable([]);
  assert.equal(first(table, "GET", "/%61"), undefined);
});

const ENCODED: RouteMatcher[] = [
  { name: "prefix", path_prefix: "/%C3%A9/", fallback: false, methods: [] },
  { name: "exact", path_exact: "/my%20page", fallback: false, methods: [] },
  { name: "pattern", path_regex: "^/%C3%BC/.*[.]txt$", fallback: false, methods: [] },
  { name: "odd", path_prefix: "/%6fdd", fallback: false, methods: [] },
  { name: "rest", fallback: true, methods: [] },
];

for (
  const [path, name] of [
    ["/%C3%A9/x", "prefix"],
    ["/%c3%a9/x", "prefix"],
    ["/%c3%A9/%78", "prefix"],
    ["/my%20page", "exact"],
    ["/%6dy%20page", "exact"],
    ["/%C3%BC/a.txt", "pattern"],
    ["/%c3%bc/a%2etxt", "pattern"],
    ["/odd/x", "odd"],
    ["/%6Fdd/x", "odd"],
    ["/even", "rest"],
  ] as const
) {
  Deno.test(`a route that is written with escapes guards ${path} however they are written`, () => {
    const table = new RouteTable(ENCODED);
    const found = first(table, "GET", path);
    assert.equal(found === undefined ? undefined : ENCODED[found.index].name, name);
  });
}

Deno.test("a route that is written with escapes does not hide the guard of the path that it means", () => {
  const routes: RouteMatcher[] = [
    { name: "old", path_exact: "/%61dmin", fallback: false, methods: [] },
    { name: "admin", path_prefix: "/admin", fallback: false, methods: [] },
  ];
  const table = new RouteTable(routes);
  for (const path of ["/%61dmin", "/admin", "/adm%69n"]) {
    const guards = policyRoutes(table, "GET", path) ?? [];
    assert.deepEqual(guards.map(({ index }) => routes[index].name), ["old", "admin"], path);
  }
});
