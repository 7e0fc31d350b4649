import assert from "node:assert/strict";
import { Exchange } from "../../gateway/exchange/exchange.ts";
import { Fields } from "../../http/fields.ts";
import type { ConnectionFacts, TlsFacts } from "../../net/connection_facts.ts";
import type { AccessField } from "../../gateway/reports/access_field.ts";
import { ACCESS_FIELDS } from "../../catalog/access_fields.ts";
import { type AccessLogSettings, accessRecordOf } from "./access_log.ts";
import { OWN_FIELDS } from "./access_fields.ts";

const ALL: AccessLogSettings = {
  include_host: true,
  include_client_ip: true,
  include_cache_phase: true,
  include_path: true,
  include_route: true,
  include_upstream: true,
  include_listener: false,
  request_id: true,
  format: "record",
  rename: {},
};

function connection(tls?: TlsFacts): ConnectionFacts {
  return {
    peerAddress: "192.0.2.1",
    peerPort: 5000,
    peerIsDirect: true,
    localAddress: "192.0.2.2",
    localPort: 80,
    listener: "192.0.2.2:80",
    tls,
  };
}

function served(tls?: TlsFacts): Exchange {
  const exchange = new Exchange(connection(tls));
  exchange.method = "GET";
  exchange.host = "www.example.com";
  exchange.clientAddress = "203.0.113.9";
  exchange.path = "/a";
  exchange.target = "/a?secret=1";
  exchange.status = 200;
  exchange.requestId = "fh-1";
  exchange.findings.upstream = "10.0.0.1:80";
  exchange.findings.upstreamAlias = "one";
  exchange.findings.retries = 1;
  exchange.requestBodyBytes = 7;
  exchange.responseBodyBytes = 9;
  exchange.findings.cachePhase = "hit";
  return exchange;
}

function record(
  exchange: Exchange,
  settings = ALL,
  fields: readonly AccessField[] = [],
): Record<string, unknown> {
  return JSON.parse(accessRecordOf(settings, fields, false).of(exchange));
}

Deno.test("the record has every field, in the documented order", () => {
  const { timestamp, ...fields } = record(served());
  assert.ok(Math.abs(Number(timestamp) - Date.now()) < 60_000);
  assert.deepEqual(Object.entries(fields), [
    ["event", "access"],
    ["method", "GET"],
    ["host", "www.example.com"],
    ["client_ip", "203.0.113.9"],
    ["cache_phase", "hit"],
    ["compression_encoding", ""],
    ["tls_version", ""],
    ["tls_cipher", ""],
    ["tls_client_cert_sha256", ""],
    ["tls_client_cert_serial", ""],
    ["tls_client_cert_organization", ""],
    ["vhost", "unknown"],
    ["route", ""],
    ["upstream", "10.0.0.1:80"],
    ["upstream_alias", "one"],
    ["upstream_retries", 1],
    ["path", "/a"],
    ["status", 200],
    ["status_class", "2xx"],
    ["error", false],
    ["request_id", "fh-1"],
    ["request_body_bytes", 7],
    ["response_body_bytes", 9],
    ["latency_ms", 0],
  ]);
});

Deno.test("a switched-off field stays, empty", () => {
  const off = record(served(), {
    include_host: false,
    include_client_ip: false,
    include_cache_phase: false,
    include_path: false,
    include_route: false,
    include_upstream: false,
    include_listener: false,
    request_id: false,
    format: "record",
    rename: {},
  });
  const names = ["host", "client_ip", "cache_phase", "path", "route", "upstream", "upstream_alias"];
  for (const name of [...names, "request_id"]) assert.equal(off[name], "", name);
  assert.equal(Object.keys(off).length, Object.keys(record(served())).length);
});

Deno.test("a request that was refused before its client was resolved shows the peer", () => {
  const exchange = served();
  exchange.clientAddress = "";
  assert.equal(record(exchange).client_ip, "192.0.2.1");
});

Deno.test("the query is never logged", () => {
  assert.ok(!JSON.stringify(record(served())).includes("secret"));
});

Deno.test("what a client sent cannot break the record", () => {
  const exchange = served();
  exchange.path = '/"},{"\n\x1b';
  exchange.method = 'G"T';
  assert.equal(record(exchange).path, exchange.path);
  assert.equal(record(exchange).method, exchange.method);
});

Deno.test("the client certificate is reported", () => {
  const client = { sha256: "ab", serial: "0F", organization: "Ex, Inc" };
  const tls = { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", serverName: "", client };
  const fields = record(served(tls));
  assert.deepEqual(
    [
      fields.tls_version,
      fields.tls_cipher,
      fields.tls_client_cert_sha256,
      fields.tls_client_cert_serial,
      fields.tls_client_cert_organization,
    ],
    ["TLSv1.3", "TLS_AES_128_GCM_SHA256", "ab", "0F", "Ex, Inc"],
  );
});

Deno.test("an exchange nothing answered has no status", () => {
  const exchange = served();
  exchange.status = 0;
  exchange.failed = true;
  const { status, status_class, error } = record(exchange);
  assert.deepEqual([status, status_class, error], [null, "unknown", true]);
});

Deno.test("an upstream's own 500 is not an error of ours, a refusal with 502 is", () => {
  const exchange = served();
  exchange.status = 500;
  assert.equal(record(exchange).error, false);
  exchange.status = 502;
  exchange.refusal = { status: 502, text: "", cause: "upstream" };
  assert.equal(record(exchange).error, true);
});

const GEO: readonly AccessField[] = [
  { name: "geo_country", of: ({ findings }) => findings.country },
  { name: "geo_asn", of: ({ findings }) => findings.asn },
];

Deno.test("fields of modules are there where the module is", () => {
  const exchange = served();
  assert.ok(!("geo_country" in record(exchange)));
  const withGeo = record(exchange, ALL, GEO);
  assert.deepEqual([withGeo.geo_country, withGeo.geo_asn], ["", null]);
});

Deno.test("fields of modules come in the order of the reference, whatever the modules' is", () => {
  const trace: AccessField = { name: "trace_id", of: () => "1" };
  const names = Object.keys(record(served(), ALL, [trace, ...GEO]));
  assert.deepEqual(names.slice(-3), ["geo_country", "geo_asn", "trace_id"]);
});

Deno.test("chosen fields come in their order, with their other names", () => {
  const exchange = served();
  exchange.findings.country = "SE";
  const fields = record(
    exchange,
    {
      ...ALL,
      include_path: false,
      fields: ["status", "client_ip", "path", "geo_country", "geo_asn", "protocol", "upstream_us"],
      rename: { client_ip: "remote.addr" },
    },
    GEO,
  );
  assert.deepEqual(Object.entries(fields), [
    ["status", 200],
    ["remote.addr", "203.0.113.9"],
    ["path", ""],
    ["geo_country", "SE"],
    ["geo_asn", null],
    ["protocol", "HTTP/1.1"],
    ["upstream_us", null],
  ]);
});

Deno.test("a record with other names has the usual fields otherwise", () => {
  const { timestamp: _, ...usual } = record(served(), ALL, GEO);
  const { at: __, ...renamed } = record(served(), { ...ALL, rename: { timestamp: "at" } }, GEO);
  assert.deepEqual(renamed, usual);
  assert.deepEqual(Object.keys(renamed), Object.keys(usual));
});

Deno.test("every field of the catalog can be named, and is filled by the gateway or its module", () => {
  const own = ACCESS_FIELDS.filter(({ module }) => module === undefined).map(({ name }) => name);
  assert.deepEqual(own.toSorted(), Object.keys(OWN_FIELDS).toSorted());
  const fields = record(served(), { ...ALL, fields: ACCESS_FIELDS.map(({ name }) => name) }, GEO);
  assert.equal(Object.keys(fields).length, ACCESS_FIELDS.length);
});

Deno.test("the combined format is Apache's, without a query, and no client breaks it", () => {
  const exchange = served();
  exchange.request = Fields.of(["referer", "https://a.test/b?secret=1"], [
    "user-agent",
    'x"\n\u00ff',
  ]);
  const line = accessRecordOf({ ...ALL, format: "combined" }, [], false).of(exchange);
  assert.match(
    line,
    /^203\.0\.113\.9 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}(?::\d\d){3} \+0000\] "GET \/a HTTP\/1\.1" 200 9 "https:\/\/a\.test\/b" "x\\"\\x0a\\xff"$/,
  );
});

Deno.test("the line for people has what one looks for, and no control character", () => {
  const exchange = served();
  exchange.path = "/a\x1b[2J";
  const line = accessRecordOf(ALL, [], true).of(exchange);
  assert.match(
    line,
    /^\d\d:\d\d:\d\d\.\d{3} 200 GET {2}\/a\\u001b\[2J unknown 0 ms 9 B 203\.0\.113\.9 > 10\.0\.0\.1:80$/,
  );
});
