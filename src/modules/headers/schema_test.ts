import assert from "node:assert/strict";
import { headersSchema } from "./schema.ts";

/** Where the schema finds fault, and why. */
function faults(table: unknown): string[] {
  const parsed = headersSchema.safeParse(table);
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

const request = (table: unknown) => faults({ request: table });
const response = (table: unknown) => faults({ response: table });

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `x-${i}`);
}

Deno.test("an empty table is fine, and what comes out is accepted again", () => {
  assert.deepEqual(faults({}), []);
  const table = {
    request: {
      unset: ["X-A"],
      set: { "X-B": "{host}" },
      append: { "x-c": "1", "x-d": ["2", "3"] },
      operations: { remove: ["x-e"], add: { "x-f": "4" } },
    },
    response: { hsts: {}, cors: { enabled: true, allow_origins: ["https://a.example"] } },
  };
  const parsed = headersSchema.parse(table);
  assert.deepEqual(headersSchema.parse(parsed), parsed);
});

Deno.test("unknown keys are refused at every level", () => {
  for (const table of [{ x: 1 }, { request: { x: 1 } }, { response: { hsts: { x: 1 } } }]) {
    assert.equal(faults(table).length, 1);
  }
});

Deno.test("one name stands once in set, add and operations.add", () => {
  const wrong = /must not be given twice/;
  assert.match(request({ set: { "x-a": "1", "X-A": "2" } })[0], wrong);
  assert.match(request({ set: { "x-a": "1" }, add: { "X-a": "2" } })[0], wrong);
  assert.match(response({ add: { "x-a": "1" }, operations: { add: { "x-a": "2" } } })[0], wrong);
  assert.deepEqual(request({ set: { "x-a": "1" }, append: { "x-a": "2" } }), []);
});

Deno.test("names are tokens, and not content-length", () => {
  assert.match(request({ set: { "x a": "1" } })[0], /^request\.set\.x a: must be a header name/);
  assert.match(request({ unset: ["x a"] })[0], /header name/);
  assert.match(response({ append: { "Content-Length": "1" } })[0], /follows from the body/);
});

Deno.test("an answer's fields of the connection are not a policy's to write", () => {
  const wrong = /must not be (upgrade|connection|transfer-encoding|te|trailer), a field of the/;
  assert.match(response({ set: { Upgrade: "h2c" } })[0], /^response\.set\.Upgrade: /);
  assert.match(response({ set: { Upgrade: "h2c" } })[0], wrong);
  assert.match(response({ add: { connection: "close" } })[0], wrong);
  assert.match(response({ append: { "transfer-encoding": ["gzip"] } })[0], wrong);
  assert.match(response({ operations: { add: { TE: "trailers" } } })[0], wrong);
  assert.deepEqual(response({ unset: ["trailer", "keep-alive"] }), []);
});

Deno.test("values are not blank, without control characters and in the grammar of templates", () => {
  for (const value of ["", "  ", "a\tb", "a\nb", "a\u0085b", "a".repeat(8193)]) {
    assert.match(request({ set: { "x-a": value } })[0], /must be a header value/);
  }
  assert.match(request({ set: { "x-a": "{nope}" } })[0], /known variables/);
  assert.match(response({ set: { "x-a": "{nope}" } })[0], /known variables/);
  assert.match(response({ append: { "x-a": ["a", "{"] } })[0], /close/);
  assert.match(request({ append: { "x-a": "{tls.version}" } })[0], /TLS/);
});

Deno.test("there are at most 128 names to delete, to write and to append", () => {
  const table = Object.fromEntries(names(129).map((name) => [name, "1"]));
  assert.equal(request({ set: table }).length, 1);
  assert.equal(request({ append: table }).length, 1);
  const { "x-128": _, ...most } = table;
  assert.deepEqual(request({ set: most, append: most }), []);
  assert.equal(request({ set: most, add: { "y-1": "1" } }).length, 1);
  assert.deepEqual(request({ unset: names(128) }), []);
  assert.equal(request({ unset: names(100), remove: names(29) }).length, 1);
});

Deno.test("a name has at most 32 appended values, and at least one", () => {
  assert.deepEqual(request({ append: { "x-a": Array(32).fill("1") } }), []);
  assert.equal(request({ append: { "x-a": Array(33).fill("1") } }).length, 1);
  assert.equal(request({ append: { "x-a": [] } }).length, 1);
});

Deno.test("a request's host is set, not deleted or appended, and is a host", () => {
  assert.match(request({ unset: ["Host"] })[0], /exactly one/);
  assert.match(request({ operations: { remove: ["host"] } })[0], /exactly one/);
  assert.match(request({ append: { Host: "a" } })[0], /exactly one/);
  assert.match(request({ set: { host: "a b" } })[0], /must set host/);
  assert.deepEqual(request({ set: { host: "app:80" } }), []);
  assert.deepEqual(request({ set: { host: "{http.x-host}" } }), []);
});

Deno.test("hsts has an age when it is enabled, and no raw spelling beside it", () => {
  assert.match(response({ hsts: { max_age_secs: 0 } })[0], /hsts\.max_age_secs: must be above 0/);
  assert.deepEqual(response({ hsts: { enabled: false, max_age_secs: 0 } }), []);
  assert.match(response({ hsts: {}, strict_transport_security: "x" })[0], /used with hsts/);
});

Deno.test("rewrite rules have the form of what they rewrite", () => {
  const rule = (kind: string, from: string, to = "/") =>
    response({ rewrite: { [kind]: [{ from, to }] } });
  for (const from of ["http://a", "https://a/b", "/", "/a"]) {
    assert.deepEqual(rule("location", from), [], from);
    assert.deepEqual(rule("refresh", from), [], from);
  }
  for (const from of ["", "a", "//a", "ftp://a", "/a\n", "/" + "a".repeat(2048)]) {
    assert.equal(rule("location", from).length, 1, from);
  }
  assert.deepEqual(rule("cookie_domain", ".a-b.example", "a"), []);
  for (const from of ["", "a_b", "a/b", "a".repeat(256)]) {
    assert.equal(rule("cookie_domain", from, "a").length, 1, from);
  }
  assert.deepEqual(rule("cookie_path", "/a"), []);
  for (const from of ["", "a", "/a b", "/a;b"]) assert.equal(rule("cookie_path", from).length, 1);
});

Deno.test("rewrite rules are at most 32 and each for something else", () => {
  const rules = (count: number) =>
    response({
      rewrite: { location: Array.from({ length: count }, (_, i) => ({ from: `/${i}`, to: "/" })) },
    });
  assert.deepEqual(rules(32), []);
  assert.equal(rules(33).length, 1);
  const twice = response({
    rewrite: { location: [{ from: "/a", to: "/" }, { from: "/a", to: "/b" }] },
  });
  assert.match(twice[0], /rewrite\.location\.1\.from: must not be in the list twice/);
});

Deno.test("reporting endpoints are named https URLs, at most 16", () => {
  const endpoints = (table: Record<string, string>) => response({ reporting_endpoints: table });
  assert.deepEqual(endpoints({ csp: "https://r.example/x?y" }), []);
  for (const url of ["http://r.example/", 'https://r.example/"', "https://", "x"]) {
    assert.equal(endpoints({ csp: url }).length, 1, url);
  }
  assert.equal(endpoints({ CSP: "https://r.example/" }).length, 1);
  const many = Object.fromEntries(names(17).map((name) => [name, "https://r.example/"]));
  assert.equal(endpoints(many).length, 1);
});

Deno.test("an origin is written as a browser sends it", () => {
  const origins = (...allow_origins: string[]) => response({ cors: { allow_origins } });
  assert.deepEqual(origins("https://a.example", "http://localhost:8080"), []);
  assert.deepEqual(origins("*"), []);
  for (const origin of ["https://a.example/", "https://A.example", "a.example", "https://a:443"]) {
    assert.equal(origins(origin).length, 1, origin);
  }
  assert.match(origins("*", "https://a.example")[0], /alone/);
});

Deno.test("methods of cors are in upper case", () => {
  assert.deepEqual(response({ cors: { allow_methods: ["PATCH"] } }), []);
  assert.equal(response({ cors: { allow_methods: ["patch"] } }).length, 1);
});
