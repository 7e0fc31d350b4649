import assert from "node:assert/strict";
import { exchangeFixture } from "../../gateway/testing/exchange_fixture.ts";
import { Fields } from "../../http/fields.ts";
import { responseSettings } from "./merge.ts";
import { ResponsePolicy } from "./response_policy.ts";
import { headersSchema } from "./schema.ts";

interface Answer {
  readonly fields?: readonly (readonly [string, string])[];
  readonly proxied?: boolean;
}

function answered(table: Record<string, unknown> | undefined, answer: Answer = {}) {
  const headers = table === undefined ? undefined : headersSchema.parse({ response: table });
  const settings = responseSettings({ config: { headers }, vhost: {}, route: undefined });
  const exchange = exchangeFixture();
  exchange.status = 200;
  exchange.response = Fields.of(...answer.fields ?? []);
  if (answer.proxied === true) exchange.findings.upstream = "127.0.0.1:3000";
  new ResponsePolicy(settings).apply(exchange);
  return [...exchange.response];
}

function values(name: string, table: Record<string, unknown>, answer: Answer = {}): string[] {
  return answered(table, answer).filter(([n]) => n === name).map(([, value]) => value);
}

const DEFAULTS: [string, string][] = [
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
  ["referrer-policy", "no-referrer"],
  ["server", "fluxheim"],
];

Deno.test("without a table an answer gets the secure defaults", () => {
  assert.deepEqual(answered(undefined, { fields: [["content-type", "text/html"]] }), [
    ["content-type", "text/html"],
    ...DEFAULTS,
  ]);
});

Deno.test("fields of the policy replace those of the content", () => {
  const fields = [["server", "nginx"], ["x-frame-options", "SAMEORIGIN"], ["x-a", "1"]] as const;
  assert.deepEqual(answered(undefined, { fields }), [["x-a", "1"], ...DEFAULTS]);
});

Deno.test("X-Powered-By is deleted unless the root's unset says otherwise", () => {
  const fields = [["x-powered-by", "x"], ["x-a", "1"]] as const;
  assert.deepEqual(values("x-powered-by", {}, { fields }), []);
  assert.deepEqual(values("x-powered-by", { remove: ["x-b"] }, { fields }), []);
  assert.deepEqual(values("x-powered-by", { unset: ["x-a"] }, { fields }), ["x"]);
  assert.deepEqual(values("x-a", { unset: ["x-a"] }, { fields }), []);
});

Deno.test("the server's name may be deleted or replaced", () => {
  assert.deepEqual(values("server", { remove: ["server"] }, { fields: [["server", "x"]] }), []);
  assert.deepEqual(values("server", { add: { Server: "x" } }), ["x"]);
});

Deno.test("set comes after unset, append after set", () => {
  const table = { unset: ["x-a"], set: { "x-a": "1" }, append: { "x-a": ["2", "3"], "x-b": "4" } };
  const fields = [["x-a", "0"], ["x-b", "0"]] as const;
  assert.deepEqual(values("x-a", table, { fields }), ["1", "2", "3"]);
  assert.deepEqual(values("x-b", table, { fields }), ["0", "4"]);
});

Deno.test("variables in values are sent as they are written", () => {
  assert.deepEqual(values("x-a", { set: { "x-a": "{host}" } }), ["{host}"]);
});

Deno.test("security fields have the configured values", () => {
  const table = {
    strict_transport_security: "max-age=1",
    content_security_policy: "default-src 'self'",
    x_content_type_options: "a",
    x_frame_options: "SAMEORIGIN",
    referrer_policy: "origin",
    content_security_policy_report_only: "default-src 'none'",
    permissions_policy: "camera=()",
    cross_origin_opener_policy: "same-origin",
    cross_origin_resource_policy: "cross-origin",
    cross_origin_embedder_policy: "credentialless",
    x_permitted_cross_domain_policies: "master-only",
    reporting_endpoints: { csp: "https://r.example/csp", main: "https://r.example/" },
  };
  assert.deepEqual(answered(table), [
    ["strict-transport-security", "max-age=1"],
    ["content-security-policy", "default-src 'self'"],
    ["x-content-type-options", "a"],
    ["x-frame-options", "SAMEORIGIN"],
    ["referrer-policy", "origin"],
    ["content-security-policy-report-only", "default-src 'none'"],
    ["reporting-endpoints", 'csp="https://r.example/csp", main="https://r.example/"'],
    ["permissions-policy", "camera=()"],
    ["cross-origin-opener-policy", "same-origin"],
    ["cross-origin-resource-policy", "cross-origin"],
    ["cross-origin-embedder-policy", "credentialless"],
    ["x-permitted-cross-domain-policies", "master-only"],
    ["server", "fluxheim"],
  ]);
});

Deno.test("an hsts table writes Strict-Transport-Security", () => {
  const hsts = (table: Record<string, unknown>) =>
    values("strict-transport-security", { hsts: table });
  assert.deepEqual(hsts({}), ["max-age=63072000"]);
  assert.deepEqual(hsts({ max_age_secs: 60, include_subdomains: true, preload: true }), [
    "max-age=60; includeSubDomains; preload",
  ]);
  assert.deepEqual(hsts({ enabled: false }), []);
});

Deno.test("a hardening profile isolates, and a key of its own goes before it", () => {
  const baseline = answered({ hardening: { profile: "baseline" } }).map(([name]) => name);
  assert(baseline.includes("permissions-policy"));
  assert(!baseline.includes("cross-origin-embedder-policy"));
  const isolated = {
    hardening: { profile: "cross-origin-isolated" },
    cross_origin_resource_policy: "same-site",
  };
  assert.deepEqual(values("cross-origin-embedder-policy", isolated), ["require-corp"]);
  assert.deepEqual(values("cross-origin-opener-policy", isolated), ["same-origin"]);
  assert.deepEqual(values("cross-origin-resource-policy", isolated), ["same-site"]);
});

Deno.test("proxied answers carry Via, after the chain that is there", () => {
  const fields = [["via", "1.1 a"], ["via", "1.1 b"]] as const;
  assert.deepEqual(values("via", {}, { proxied: true }), ["1.1 fluxheim"]);
  assert.deepEqual(values("via", {}, { proxied: true, fields }), ["1.1 a, 1.1 b, 1.1 fluxheim"]);
  assert.deepEqual(values("via", {}), []);
  assert.deepEqual(values("via", { remove: ["via"] }, { proxied: true }), []);
});

Deno.test("a policy that is off leaves the content's fields alone but for Via", () => {
  const fields = [["server", "nginx"], ["x-powered-by", "x"]] as const;
  const table = { enabled: false, set: { "x-a": "1" }, cors: { enabled: true } };
  assert.deepEqual(answered(table, { fields, proxied: true }), [
    ...fields,
    ["via", "1.1 fluxheim"],
  ]);
});

Deno.test("rewrites see what the policy set", () => {
  const table = { set: { location: "/a/x" }, rewrite: { location: [{ from: "/a/", to: "/b/" }] } };
  assert.deepEqual(values("location", table), ["/b/x"]);
});

Deno.test("the description names what is written and deleted", () => {
  const settings = responseSettings({ config: {}, vhost: {}, route: undefined });
  const text = new ResponsePolicy(settings).describe();
  assert.match(text, /writes x-content-type-options: nosniff/);
  assert.match(text, /deletes x-powered-by$/);
});
