import assert from "node:assert/strict";
import fc from "fast-check";
import { type HeaderScope, requestSettings, responseSettings } from "./merge.ts";
import { headersSchema } from "./schema.ts";

/** A scope with these tables at the root, in the vhost and in the route; `undefined` for none. */
function scope(
  section: "request" | "response",
  ...tables: (Record<string, unknown> | undefined)[]
): HeaderScope {
  const [root, vhost, route] = tables.map((table) => ({
    headers: table === undefined ? undefined : headersSchema.parse({ [section]: table }),
  }));
  return { config: root ?? {}, vhost: vhost ?? {}, route };
}

const request = (...tables: (Record<string, unknown> | undefined)[]) =>
  requestSettings(scope("request", ...tables));
const response = (...tables: (Record<string, unknown> | undefined)[]) =>
  responseSettings(scope("response", ...tables));

Deno.test("without tables the defaults hold", () => {
  assert.deepEqual(request(), {
    enabled: true,
    stripClientAddress: true,
    xForwardedFor: "replace",
    xRealIp: false,
    xForwardedHost: true,
    xForwardedProto: true,
    forwarded: false,
    unset: new Set(),
    set: new Map(),
    append: [],
  });
});

Deno.test("X-Real-IP is on where a request table is anywhere", () => {
  assert.equal(request({}).xRealIp, true);
  assert.equal(request(undefined, {}).xRealIp, true);
  assert.equal(request(undefined, undefined, {}).xRealIp, true);
  assert.equal(requestSettings(scope("response", {}, {}, {})).xRealIp, false);
});

Deno.test("scalars of the inner table win", () => {
  assert.equal(
    request({ x_forwarded_for: "off" }, { x_forwarded_for: "append" }).xForwardedFor,
    "append",
  );
  assert.equal(request({ enabled: false }, {}, {}).enabled, false);
  assert.equal(request({ enabled: false }, {}, { enabled: true }).enabled, true);
  assert.equal(request({ forwarded: true }, { forwarded: false }).forwarded, false);
});

Deno.test("names to delete add up, in all spellings", () => {
  const settings = request(
    { unset: ["a"], remove: ["B"] },
    { operations: { remove: ["c"] } },
    { unset: ["d"] },
  );
  assert.deepEqual([...settings.unset], ["a", "b", "c", "d"]);
});

Deno.test("the overlay's value wins over the parent's, whatever the spelling of the key", () => {
  const { set } = request(
    { add: { "X-A": "root", "x-b": "root" } },
    { set: { "x-a": "vhost" } },
    { operations: { add: { "X-B": "route" } } },
  );
  assert.deepEqual(set, new Map([["x-a", "vhost"], ["x-b", "route"]]));
});

Deno.test("appended lines and rewrites grow, the parent's first", () => {
  assert.deepEqual(request({ append: { "X-A": "1" } }, { append: { "x-a": ["2", "3"] } }).append, [
    ["x-a", "1"],
    ["x-a", "2"],
    ["x-a", "3"],
  ]);
  const location = (from: string) => ({ rewrite: { location: [{ from, to: "/" }] } });
  const { rewrite } = response(location("/a"), location("/b"), location("/c"));
  assert.deepEqual(rewrite.location.map(({ from }) => from), ["/a", "/b", "/c"]);
});

Deno.test("only the root's unset replaces the default one", () => {
  assert.deepEqual([...response().unset], ["x-powered-by"]);
  assert.deepEqual([...response({ remove: ["a"] }).unset], ["x-powered-by", "a"]);
  assert.deepEqual([...response({ unset: [] }).unset], []);
  assert.deepEqual([...response({}, { unset: ["a"] }).unset], ["x-powered-by", "a"]);
});

Deno.test("hsts goes before strict_transport_security, whichever table has it", () => {
  const sts = (...tables: Record<string, unknown>[]) =>
    new Map(response(...tables).security).get("strict-transport-security");
  assert.equal(sts({ hsts: {} }, { strict_transport_security: "x" }), "max-age=63072000");
  assert.equal(sts({ strict_transport_security: "x" }, { hsts: { enabled: false } }), undefined);
  assert.equal(sts({ strict_transport_security: "x" }, {}), "x");
});

Deno.test("hsts is laid over key by key", () => {
  const { security } = response({ hsts: { max_age_secs: 60, preload: true } }, {
    hsts: { include_subdomains: true, preload: false },
  });
  assert.deepEqual(security[0], ["strict-transport-security", "max-age=60; includeSubDomains"]);
});

Deno.test("an age of zero under an hsts that another table enables is noticed", () => {
  const off = { hsts: { enabled: false, max_age_secs: 0 } };
  assert.equal(response(off).hstsWithoutAge, false);
  assert.equal(response(off, { hsts: { enabled: true } }).hstsWithoutAge, true);
});

Deno.test("reporting endpoints and cors are laid over key by key", () => {
  const inner = response(
    {
      reporting_endpoints: { a: "https://1.example/" },
      cors: { allow_origins: ["https://a.example"] },
    },
    { reporting_endpoints: { b: "https://2.example/" }, cors: { enabled: true, max_age_secs: 5 } },
  );
  assert.equal(
    new Map(inner.security).get("reporting-endpoints"),
    'a="https://1.example/", b="https://2.example/"',
  );
  assert.deepEqual(inner.cors, {
    origins: ["https://a.example"],
    methods: ["GET", "HEAD", "POST"],
    allowHeaders: [],
    exposeHeaders: [],
    credentials: false,
    maxAgeSecs: 5,
  });
});

Deno.test("laying three tables over each other is laying them over in two steps", () => {
  const name = fc.constantFrom("x-a", "x-b", "x-c");
  const text = fc.constantFrom("1", "2", "3");
  const table = fc.record({
    x_forwarded_for: fc.constantFrom("off", "replace", "append"),
    x_real_ip: fc.boolean(),
    forwarded: fc.boolean(),
    unset: fc.uniqueArray(name, { maxLength: 2 }),
    set: fc.dictionary(name, text),
    append: fc.dictionary(name, fc.array(text, { minLength: 1, maxLength: 2 })),
  }, { requiredKeys: [] });
  fc.assert(fc.property(table, table, table, (root, vhost, route) => {
    const once = request(root, vhost, route);
    const two = request(root, vhost);
    const last = request(undefined, undefined, route);
    assert.equal(once.xForwardedFor, route.x_forwarded_for ?? two.xForwardedFor);
    assert.equal(once.xRealIp, route.x_real_ip ?? two.xRealIp);
    assert.equal(once.forwarded, route.forwarded ?? two.forwarded);
    assert.deepEqual(once.unset, new Set([...two.unset, ...last.unset]));
    assert.deepEqual(once.set, new Map([...two.set, ...last.set]));
    assert.deepEqual(once.append, [...two.append, ...last.append]);
  }));
});
