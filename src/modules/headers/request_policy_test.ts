import assert from "node:assert/strict";
import fc from "fast-check";
import { exchangeFixture, type RequestFixture } from "../../gateway/testing/exchange_fixture.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { Fields } from "../../http/fields.ts";
import { TrustedPeers } from "../../net/trusted_peers.ts";
import { AUTHORIZED } from "./authorized.ts";
import { CLIENT_ADDRESS_FIELDS } from "./field_names.ts";
import { requestSettings } from "./merge.ts";
import { RequestPolicy, type RequestPolicyContext } from "./request_policy.ts";
import { headersSchema } from "./schema.ts";

const CONTEXT: RequestPolicyContext = {
  trustedProxies: TrustedPeers.of(["10.0.0.0/8"]),
  requestIdField: "x-request-id",
  zeroRetention: false,
};

function policy(table?: Record<string, unknown>, context: Partial<RequestPolicyContext> = {}) {
  const headers = table === undefined ? undefined : headersSchema.parse({ request: table });
  const settings = requestSettings({ config: { headers }, vhost: {}, route: undefined });
  return new RequestPolicy(settings, { ...CONTEXT, ...context });
}

function sentBy(rules: RequestPolicy, exchange: Exchange): [string, string][] {
  const fields = new Fields();
  rules.apply(exchange, fields);
  return [...fields];
}

function sent(request: RequestFixture, table?: Record<string, unknown>): [string, string][] {
  return sentBy(policy(table), exchangeFixture(request));
}

/** All values sent for a name. */
function values(name: string, request: RequestFixture, table?: Record<string, unknown>): string[] {
  return sent(request, table).filter(([sentName]) => sentName === name).map(([, value]) => value);
}

const client = (...fields: [string, string][]): RequestFixture => ({ fields });

Deno.test("a plain request goes on with its own fields and what the default policy adds", () => {
  assert.deepEqual(sent(client(["user-agent", "curl"], ["accept", "*/*"])), [
    ["user-agent", "curl"],
    ["accept", "*/*"],
    ["x-forwarded-for", "192.0.2.1"],
    ["x-forwarded-host", "example.com"],
    ["x-forwarded-proto", "http"],
    ["via", "1.1 fluxheim"],
  ]);
});

Deno.test("host and the fields of framing are not copied", () => {
  const names = sent(client(["content-length", "5"], ["expect", "100-continue"])).map(([n]) => n);
  for (const name of ["host", "content-length", "expect"]) assert(!names.includes(name), name);
});

/** Trailers as the upstream gets them. */
function trailed(
  rules: RequestPolicy,
  exchange: Exchange,
  ...fields: [string, string][]
): string[] {
  return [...rules.trailers(exchange, Fields.of(...fields))?.names ?? []];
}

Deno.test("trailers pass, less what may not be in a head", () => {
  const exchange = exchangeFixture(client());
  const rules = policy({ set: { "x-gateway": "1" }, unset: ["x-secret"], x_real_ip: true });
  const names = [
    "x-checksum",
    "grpc-status",
    "x_free",
    "x-forwarded-for",
    "x_forwarded_for",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
    "x-gateway",
    "x_gateway",
    "x-secret",
    "x_secret",
    "via",
    "connection",
    "keep-alive",
    "transfer_encoding",
  ];
  const fields = names.map((name): [string, string] => [name, "1"]);
  assert.deepEqual(trailed(rules, exchange, ...fields), ["x-checksum", "grpc-status", "x_free"]);
  assert.equal(rules.trailers(exchange, Fields.of(["via", "1"])), undefined);
});

Deno.test("a trailer cannot say what the auth service says", () => {
  const exchange = exchangeFixture(client());
  AUTHORIZED.set(exchange, { removes: new Set(["x-user"]), fields: [] });
  const fields: [string, string][] = [["x-user", "root"], ["x_user", "root"], ["x-sum", "1"]];
  assert.deepEqual(trailed(policy(), exchange, ...fields), ["x-sum"]);
});

// --- step 1 -----------------------------------------------------------------------------------

Deno.test("the request id replaces the client's field", () => {
  const exchange = exchangeFixture(client(["x-request-id", "bad id"], ["x-request-id", "b"]));
  exchange.requestId = "fh-1";
  const ids = sentBy(policy(), exchange).filter(([name]) => name === "x-request-id");
  assert.deepEqual(ids, [["x-request-id", "fh-1"]]);
});

Deno.test("where ids are off the client's own field passes", () => {
  const rules = policy(undefined, { requestIdField: undefined });
  const fields = sentBy(rules, exchangeFixture(client(["x-request-id", "mine"])));
  assert(fields.some(([name, value]) => name === "x-request-id" && value === "mine"));
});

Deno.test("the policy may delete or replace the request id", () => {
  const exchange = exchangeFixture();
  exchange.requestId = "fh-1";
  const ids = (table: Record<string, unknown>) =>
    sentBy(policy(table), exchange).filter(([name]) => name === "x-request-id");
  assert.deepEqual(ids({ unset: ["X-Request-Id"] }), []);
  assert.deepEqual(ids({ set: { "X-Request-Id": "{request_id}-a" } }), [[
    "x-request-id",
    "fh-1-a",
  ]]);
});

Deno.test("an auth service's fields replace the client's, and the policy goes before them", () => {
  const exchange = exchangeFixture(client(["x-user", "forged"], ["x-group", "forged"]));
  AUTHORIZED.set(exchange, {
    removes: new Set(["x-user", "x-group", "x-role"]),
    fields: [["x-user", "ann"], ["x-real-ip", "6.6.6.6"], ["x-role", "admin"]],
  });
  const fields = sentBy(policy({ set: { "x-role": "guest" } }), exchange);
  const of = (name: string) => fields.filter(([n]) => n === name).map(([, value]) => value);
  assert.deepEqual(of("x-user"), ["ann"]);
  assert.deepEqual(of("x-group"), []);
  assert.deepEqual(of("x-real-ip"), ["192.0.2.1"]);
  assert.deepEqual(of("x-role"), ["guest"]);
});

// --- the other spelling -------------------------------------------------------------------------

Deno.test("a client's field with _ for - of a name that is the gateway's is not sent on", () => {
  const owned = [
    ...CLIENT_ADDRESS_FIELDS,
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
    "transfer-encoding",
    "content-length",
    "x-set",
    "x-unset",
  ].filter((name) => name.includes("-"));
  const spelled = owned.flatMap((name) => [name.replaceAll("-", "_"), name.replace("-", "_")]);
  const table = { set: { "x-set": "own" }, unset: ["x-unset"] };
  const left = sent(client(...spelled.map((name): [string, string] => [name, "forged"])), table)
    .filter(([, value]) => value.includes("forged"));
  assert.deepEqual(left, []);
});

Deno.test("a name that the gateway writes with _ is its own with - as well", () => {
  const request = client(["x_tenant", "forged"], ["x-tenant", "forged"]);
  const fields = sent(request, { set: { x_tenant: "shop" } }).filter(([n]) => /tenant/.test(n));
  assert.deepEqual(fields, [["x_tenant", "shop"]]);
});

Deno.test("deleting a name with _ leaves the one with -", () => {
  const request = client(["x_user", "forged"], ["x-user", "of a proxy in front"]);
  const fields = sent(request, { unset: ["x_user"] }).filter(([name]) => /user/.test(name));
  assert.deepEqual(fields, [["x-user", "of a proxy in front"]]);
});

Deno.test("other fields with _ pass, those of switched-off names too", () => {
  const request = client(["x_own", "1"], ["accept_language", "de"], ["x_forwarded_host", "a"]);
  assert.deepEqual(values("x_own", request), ["1"]);
  assert.deepEqual(values("accept_language", request), ["de"]);
  assert.deepEqual(values("x_forwarded_host", request), []);
  assert.deepEqual(values("x_forwarded_host", request, { x_forwarded_host: false }), ["a"]);
});

Deno.test("what an auth service owns it owns in both spellings", () => {
  const exchange = exchangeFixture(client(["x_user", "forged"], ["x_other", "1"]));
  AUTHORIZED.set(exchange, { removes: new Set(["x-user"]), fields: [["x-user", "ann"]] });
  const fields = sentBy(policy(), exchange).filter(([name]) => /user|other/.test(name));
  assert.deepEqual(fields, [["x_other", "1"], ["x-user", "ann"]]);
});

// --- steps 2 to 6 -----------------------------------------------------------------------------

Deno.test("fields that claim an address are removed", () => {
  const claimed = CLIENT_ADDRESS_FIELDS.map((name) => [name, "6.6.6.6"] as [string, string]);
  const left = sent(client(...claimed)).filter(([, value]) => value.includes("6.6.6.6"));
  assert.deepEqual(left, []);
});

Deno.test("fields that claim an address pass when they are not stripped", () => {
  const table = { strip_inbound_client_ip_headers: false, x_real_ip: false };
  const request = client(["x-real-ip", "6.6.6.6"], ["cf-connecting-ip", "6.6.6.6"]);
  assert.deepEqual(values("cf-connecting-ip", request, table), ["6.6.6.6"]);
  assert.deepEqual(values("x-real-ip", request, table), ["6.6.6.6"]);
});

Deno.test("X-Real-IP is sent once a request table is there, unless it is off", () => {
  const request = { clientAddress: "203.0.113.9" };
  assert.deepEqual(values("x-real-ip", request), []);
  assert.deepEqual(values("x-real-ip", request, {}), ["203.0.113.9"]);
  assert.deepEqual(values("x-real-ip", request, { x_real_ip: false }), []);
});

Deno.test("X-Forwarded-For is the client alone", () => {
  const request = { ...client(["x-forwarded-for", "1.1.1.1"]), clientAddress: "203.0.113.9" };
  assert.deepEqual(values("x-forwarded-for", request), ["203.0.113.9"]);
});

Deno.test("X-Forwarded-For is appended to a trusted peer's chain only", () => {
  const table = { x_forwarded_for: "append" };
  const fields = client(["x-forwarded-for", "1.1.1.1"], ["x-forwarded-for", "2.2.2.2"]);
  const trusted = { ...fields, peerAddress: "10.0.0.1", clientAddress: "2.2.2.2" };
  assert.deepEqual(values("x-forwarded-for", trusted, table), ["1.1.1.1, 2.2.2.2, 10.0.0.1"]);
  assert.deepEqual(values("x-forwarded-for", fields, table), ["192.0.2.1"]);
  assert.deepEqual(values("x-forwarded-for", { peerAddress: "10.0.0.1" }, table), ["10.0.0.1"]);
});

Deno.test("X-Forwarded-For is removed when it is off", () => {
  for (const strip_inbound_client_ip_headers of [true, false]) {
    const table = { x_forwarded_for: "off", strip_inbound_client_ip_headers };
    assert.deepEqual(values("x-forwarded-for", client(["x-forwarded-for", "1.1.1.1"]), table), []);
  }
});

Deno.test("X-Forwarded-Host and -Proto tell what was asked for", () => {
  const request = {
    ...client(["x-forwarded-host", "evil"], ["x-forwarded-proto", "gopher"]),
    authority: "Example.com:8443",
    tls: {},
  };
  assert.deepEqual(values("x-forwarded-host", request), ["Example.com:8443"]);
  assert.deepEqual(values("x-forwarded-proto", request), ["https"]);
});

Deno.test("X-Forwarded-Host and -Proto of the client pass when the policy does not write them", () => {
  const table = { x_forwarded_host: false, x_forwarded_proto: false };
  const request = client(["x-forwarded-host", "a"], ["x-forwarded-proto", "b"]);
  assert.deepEqual(values("x-forwarded-host", request, table), ["a"]);
  assert.deepEqual(values("x-forwarded-proto", request, table), ["b"]);
});

Deno.test("Forwarded tells client, host and scheme, IPv6 quoted and in brackets", () => {
  const table = { forwarded: true };
  assert.deepEqual(values("forwarded", client(["forwarded", "for=6.6.6.6"]), table), [
    'for=192.0.2.1;host="example.com";proto=http',
  ]);
  assert.deepEqual(values("forwarded", { clientAddress: "2001:db8::1", tls: {} }, table), [
    'for="[2001:db8::1]";host="example.com";proto=https',
  ]);
});

Deno.test("an unknown client is not written down", () => {
  const table = { forwarded: true };
  const fields = sent({ clientAddress: "" }, table).filter(([name]) => name !== "via");
  assert.deepEqual(fields, [
    ["x-forwarded-host", "example.com"],
    ["x-forwarded-proto", "http"],
    ["forwarded", 'for=unknown;host="example.com";proto=http'],
  ]);
});

// --- steps 7 to 9 -----------------------------------------------------------------------------

Deno.test("what is unset is gone, what the policy itself would write included", () => {
  const table = {
    unset: ["Accept", "x-forwarded-proto"],
    remove: ["x-a"],
    operations: { remove: ["x-b"] },
  };
  const names = sent(client(["accept", "1"], ["x-a", "2"], ["x-b", "3"]), table).map(([n]) => n);
  for (const name of ["accept", "x-forwarded-proto", "x-a", "x-b"]) assert(!names.includes(name));
});

Deno.test("set comes after unset and replaces what is there", () => {
  const table = { unset: ["x-a"], set: { "X-A": "1" }, add: { "x-b": "2" } };
  assert.deepEqual(values("x-a", client(["x-a", "0"], ["x-a", "00"]), table), ["1"]);
  assert.deepEqual(values("x-b", client(["x-b", "0"]), table), ["2"]);
});

Deno.test("set goes before what the policy generates", () => {
  const table = { set: { "x-forwarded-for": "hidden", "x-real-ip": "hidden" } };
  assert.deepEqual(values("x-forwarded-for", {}, table), ["hidden"]);
  assert.deepEqual(values("x-real-ip", {}, table), ["hidden"]);
});

Deno.test("a set value that renders to nothing removes the field", () => {
  const table = { set: { "x-a": "{http.x-b}" } };
  assert.deepEqual(values("x-a", client(["x-a", "0"]), table), []);
  assert.deepEqual(values("x-a", client(["x-a", "0"], ["x-b", "1"]), table), ["1"]);
});

Deno.test("append adds lines and skips empty ones", () => {
  const table = { append: { "x-a": ["1", "{http.x-none}", "{path}"] } };
  assert.deepEqual(values("x-a", { ...client(["x-a", "0"]), target: "/p" }, table), [
    "0",
    "1",
    "/p",
  ]);
});

// --- steps 10 to 13 ---------------------------------------------------------------------------

Deno.test("fields of the connection are removed, the names it lists too", () => {
  const request = client(
    ["connection", "keep-alive, X-Hop"],
    ["connection", "x-other"],
    ["keep-alive", "timeout=5"],
    ["proxy-authorization", "Basic x"],
    ["proxy-connection", "keep-alive"],
    ["te", "trailers"],
    ["trailer", "x"],
    ["transfer-encoding", "chunked"],
    ["upgrade", "h2c"],
    ["http2-settings", "x"],
    ["x-hop", "1"],
    ["x-other", "1"],
    ["x-end", "1"],
  );
  const names = sent(request).map(([name]) => name);
  assert.deepEqual(names, [
    "x-end",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "via",
  ]);
});

Deno.test("a client cannot have the gateway's own fields removed by listing them", () => {
  const request = client(["connection", "x-forwarded-for, x-set, via, x-request-id"]);
  const names = sent(request, { set: { "x-set": "1" } }).map(([name]) => name);
  for (const name of ["x-forwarded-for", "x-set", "via"]) assert(names.includes(name), name);
});

Deno.test("fields of the connection that the policy sets have no effect", () => {
  const table = { set: { connection: "x", upgrade: "h2c" }, append: { te: "trailers" } };
  const names = sent({}, table).map(([name]) => name);
  for (const name of ["connection", "upgrade", "te"]) assert(!names.includes(name), name);
});

Deno.test("cookie lines become one", () => {
  const request = client(["cookie", "a=1"], ["x-a", "1"], ["cookie", "b=2"]);
  assert.deepEqual(values("cookie", request), ["a=1; b=2"]);
  assert.deepEqual(values("cookie", request, { append: { cookie: "c=3" } }), ["a=1; b=2; c=3"]);
});

Deno.test("other list fields become one line, and fields that are no lists stay as they are", () => {
  const request = client(["accept", "a"], ["accept", "b"], ["x-own", "1"], ["x-own", "2"]);
  assert.deepEqual(values("accept", request), ["a, b"]);
  assert.deepEqual(values("x-own", request), ["1", "2"]);
});

Deno.test("Via is appended to, in one line", () => {
  assert.deepEqual(values("via", client(["via", "1.0 a"], ["via", "1.1 b"])), [
    "1.0 a, 1.1 b, 1.1 fluxheim",
  ]);
});

Deno.test("a Via that the policy sets or deletes is still appended to", () => {
  const request = client(["via", "1.0 a"]);
  assert.deepEqual(values("via", request, { set: { via: "1.1 x" } }), ["1.1 x, 1.1 fluxheim"]);
  assert.deepEqual(values("via", request, { unset: ["via"] }), ["1.1 fluxheim"]);
});

// --- the whole --------------------------------------------------------------------------------

Deno.test("a policy that is off leaves fields alone but for those of the connection, cookies and Via", () => {
  const exchange = exchangeFixture(client(
    ["x-forwarded-for", "6.6.6.6"],
    ["x-real-ip", "6.6.6.6"],
    ["x-forwarded-proto", "x"],
    ["x-a", "0"],
    ["connection", "x-b"],
    ["x-b", "1"],
    ["cookie", "a"],
    ["cookie", "b"],
  ));
  exchange.requestId = "fh-1";
  const table = {
    enabled: false,
    unset: ["x-a", "x-request-id"],
    set: { host: "other", "x-set": "1" },
  };
  assert.deepEqual(sentBy(policy(table), exchange), [
    ["x-forwarded-for", "6.6.6.6"],
    ["x-real-ip", "6.6.6.6"],
    ["x-forwarded-proto", "x"],
    ["x-a", "0"],
    ["cookie", "a; b"],
    ["x-request-id", "fh-1"],
    ["via", "1.1 fluxheim"],
  ]);
  assert.equal(policy(table).authority(exchange), "example.com");
});

Deno.test("the client's host is forwarded unless the policy sets one", () => {
  const exchange = exchangeFixture({ authority: "Example.com:81", fields: [["x-h", "a b"]] });
  assert.equal(policy().authority(exchange), "Example.com:81");
  assert.equal(policy({ set: { Host: "app.internal:80" } }).authority(exchange), "app.internal:80");
});

Deno.test("a host that the policy sets is not sent twice", () => {
  assert.deepEqual(values("host", {}, { set: { host: "app.internal" } }), []);
});

Deno.test("a request without a host has no X-Forwarded-Host", () => {
  assert.deepEqual(values("x-forwarded-host", { authority: "", version: 10 }), []);
});

Deno.test("an invalid host made of request values is not sent", () => {
  const exchange = exchangeFixture({ fields: [["x-h", "a b"]] });
  assert.equal(policy({ set: { host: "{http.x-h}" } }).authority(exchange), "example.com");
  assert.equal(policy({ set: { host: "{http.x-none}" } }).authority(exchange), "example.com");
});

Deno.test("the privacy profile lets no client address out, whatever is configured", () => {
  const claimed = CLIENT_ADDRESS_FIELDS.map((name) => [name, "6.6.6.6"] as [string, string]);
  for (const enabled of [true, false]) {
    const rules = policy({
      enabled,
      strip_inbound_client_ip_headers: false,
      x_forwarded_for: "append",
      x_real_ip: true,
      forwarded: true,
      set: { "x-who": "{remote_addr}{http.X-Real-IP}", "true-client-ip": "{http.forwarded}1" },
      append: { forwarded: "for={remote_addr}" },
    }, { zeroRetention: true, requestIdField: undefined });
    const exchange = exchangeFixture({
      ...client(...claimed, ["accept", "*/*"]),
      peerAddress: "10.0.0.1",
      clientAddress: "6.6.6.6",
    });
    const fields = sentBy(rules, exchange);
    assert(fields.every(([, value]) => !/6\.6\.6\.6|10\.0\.0\.1/.test(value)));
    assert(fields.every(([name]) => !CLIENT_ADDRESS_FIELDS.includes(name)));
    assert(fields.some(([name]) => name === "accept"));
  }
});

Deno.test("the privacy profile hides variables of address fields, however their names are spelled", () => {
  const exchange = exchangeFixture({
    fields: [["x_forwarded_for", "6.6.6.6"], ["x-forwarded-for", "6.6.6.6"], ["x_own", "1"]],
    clientAddress: "6.6.6.6",
  });
  const variables = [
    "http.x_forwarded_for",
    "http.X-Forwarded_For",
    "http.X-FORWARDED-FOR",
    "remote_addr",
  ].map((name) => `{${name}}`).join("");
  const rules = policy({ set: { "x-who": `[${variables}{http.x_own}]` } }, {
    zeroRetention: true,
    requestIdField: undefined,
  });
  assert.deepEqual(sentBy(rules, exchange).find(([name]) => name === "x-who"), ["x-who", "[1]"]);
});

Deno.test("the fields are those of the thirteen steps done one by one", () => {
  const name = fc.constantFrom(
    "x-a",
    "x-b",
    "cookie",
    "via",
    "te",
    "x-real-ip",
    "x-forwarded-for",
    "forwarded",
    "cf-connecting-ip",
    "connection",
  );
  const value = fc.constantFrom("1", "2", "{http.x-a}", "{remote_addr}");
  const table = fc.record({
    enabled: fc.boolean(),
    strip_inbound_client_ip_headers: fc.boolean(),
    x_forwarded_for: fc.constantFrom("off", "replace", "append"),
    x_real_ip: fc.boolean(),
    x_forwarded_host: fc.boolean(),
    forwarded: fc.boolean(),
    unset: fc.uniqueArray(name, { maxLength: 3 }),
    set: fc.dictionary(name, value, { maxKeys: 3 }),
    append: fc.dictionary(name, fc.array(value, { minLength: 1, maxLength: 2 }), { maxKeys: 2 }),
  });
  const fields = fc.array(fc.tuple(name, fc.constantFrom("v", "w", "x-b")), { maxLength: 6 });
  fc.assert(
    fc.property(table, fields, fc.boolean(), (rules, lines, trusted) => {
      const peerAddress = trusted ? "10.0.0.1" : "192.0.2.1";
      const exchange = exchangeFixture({ fields: lines, peerAddress });
      exchange.requestId = "fh-1";
      const fast = byName(sentBy(policy(rules), exchange));
      assert.deepEqual(fast, byName(stepByStep(rules, exchange, trusted)));
    }),
    { numRuns: 3000 },
  );
});

interface Rules {
  readonly enabled: boolean;
  readonly strip_inbound_client_ip_headers: boolean;
  readonly x_forwarded_for: string;
  readonly x_real_ip: boolean;
  readonly x_forwarded_host: boolean;
  readonly forwarded: boolean;
  readonly unset: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  readonly append: Readonly<Record<string, readonly string[]>>;
}

/** Spec 02 section 6.1 as it reads, on a list that every step changes. */
function stepByStep(rules: Rules, exchange: Exchange, trusted: boolean): [string, string][] {
  const { request, clientAddress, connection } = exchange;
  const render = (text: string) =>
    text.replace("{http.x-a}", request.joined("x-a") ?? "").replace("{remote_addr}", clientAddress);
  const listed = request.all("connection").flatMap((line) => line.split(","));
  let list = [...request].filter(([name]) => name !== "host" && !listed.includes(name));
  const drop = (...names: string[]) => list = list.filter(([name]) => !names.includes(name));
  const put = (name: string, value: string) => {
    drop(name);
    if (value !== "") list.push([name, value]);
  };
  put("x-request-id", "fh-1");
  if (rules.enabled) {
    if (rules.strip_inbound_client_ip_headers) drop(...CLIENT_ADDRESS_FIELDS);
    if (rules.x_real_ip) put("x-real-ip", clientAddress);
    const chain = trusted ? request.all("x-forwarded-for") : [];
    const made = { off: [], replace: [clientAddress], append: [...chain, connection.peerAddress] };
    put("x-forwarded-for", made[rules.x_forwarded_for as keyof typeof made].join(", "));
    if (rules.x_forwarded_host) put("x-forwarded-host", "example.com");
    put("x-forwarded-proto", "http");
    if (rules.forwarded) put("forwarded", `for=${clientAddress};host="example.com";proto=http`);
    drop(...rules.unset);
    for (const [name, value] of Object.entries(rules.set)) put(name, render(value));
    for (const [name, lines] of Object.entries(rules.append)) {
      for (const line of lines) if (render(line) !== "") list.push([name, render(line)]);
    }
  }
  drop("connection", "te");
  for (const [name, by] of [["cookie", "; "], ["forwarded", ", "], ["x-forwarded-for", ", "]]) {
    const joined = list.filter(([n]) => n === name).map(([, value]) => value).join(by);
    put(name, joined);
  }
  const via = list.filter(([name]) => name === "via").map(([, value]) => value);
  put("via", [...via, "1.1 fluxheim"].join(", "));
  return list;
}

function byName(list: [string, string][]): [string, string][] {
  return list.toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
}
