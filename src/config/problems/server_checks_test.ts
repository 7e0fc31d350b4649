import assert from "node:assert/strict";
import { loadText } from "../load.ts";
import { testTables } from "../testing/tables.ts";

function keys(text: string): string[] {
  return loadText(text, testTables).problems.filter(({ warning }) => warning !== true)
    .map(({ key }) => key);
}

Deno.test("without any listener there must be a stream to serve", () => {
  assert.deepEqual(keys("[server]\nlisten = []"), ["server.listen"]);
  assert.deepEqual(keys("[server]\nlisten = []\n[stream]\nenabled = true"), []);
});

Deno.test("TLS listeners need TLS to be on", () => {
  assert.deepEqual(keys('[server]\ntls_listen = ["127.0.0.1:1"]'), ["server.tls_listen"]);
});

Deno.test("a PROXY header needs a peer that may send one", () => {
  assert.deepEqual(keys('[server]\nproxy_protocol = "v2"'), ["server.proxy_protocol"]);
  assert.deepEqual(keys('[server]\nproxy_protocol = "v2"\ntrusted_proxies = ["10.0.0.0/8"]'), []);
});

Deno.test("a redirect to HTTPS needs HTTPS", () => {
  assert.deepEqual(keys("[server.https_redirect]\nenabled = true"), [
    "server.https_redirect.enabled",
  ]);
});

Deno.test("trusted proxies are canonical, specified and not too many", () => {
  const wrong = (entry: string) => keys(`[server]\ntrusted_proxies = ["${entry}"]`).length === 1;
  for (
    const entry of [
      "10.1.0.0/8",
      "0.0.0.0/8",
      "0.0.0.0",
      "::",
      "10.0.0.0/7",
      "2000::/28",
      "::/29",
      "x",
    ]
  ) {
    assert.ok(wrong(entry), entry);
  }
  for (const entry of ["10.0.0.0/8", "192.0.2.1", "2001:db8::/29", "::1"]) {
    assert.ok(!wrong(entry), entry);
  }
});

Deno.test("trusting more than an IPv6 /32 is a warning", () => {
  const { config, problems } = loadText(
    '[server]\ntrusted_proxies = ["2001:db8::/30", "2001:db8::/32", "10.0.0.0/8"]',
    testTables,
  );
  assert.ok(config !== undefined);
  assert.deepEqual(problems.map(({ key, warning }) => [key, warning]), [[
    "server.trusted_proxies[0]",
    true,
  ]]);
});

Deno.test("a log file needs its path", () => {
  assert.deepEqual(keys("[logging.file]\nenabled = true"), ["logging.file.path"]);
  assert.deepEqual(keys("[logging.file]\nenabled = true\npath = '/var/log/x.log'"), []);
});

Deno.test("records go to one place, which must be one that can be reached", () => {
  const file = "[logging.file]\nenabled = true\npath = '/var/log/x.log'\n";
  assert.deepEqual(keys(`${file}[logging.syslog]\nenabled = true\n`), ["logging.syslog.enabled"]);
  const syslog = (address: string) =>
    keys(`[logging.syslog]\nenabled = true\naddress = "${address}"\n`);
  assert.deepEqual(syslog("udp:192.0.2.1:514"), []);
  assert.deepEqual(syslog("udp:[2001:db8::1]:514"), []);
  for (
    const wrong of ["udp:192.0.2.1:0", "udp:log.test:514", "tcp:192.0.2.1:514", "192.0.2.1:514"]
  ) {
    assert.deepEqual(syslog(wrong), ["logging.syslog.address"], wrong);
  }
});

Deno.test("fields of the access record are those that there are, each with one name", () => {
  const access = (text: string) => keys(`[logging.access]\n${text}\n`);
  const warned = (text: string) =>
    loadText(`[logging.access]\n${text}\n`, []).problems.flatMap(({ key, warning }) =>
      warning === true ? [key] : []
    );
  assert.deepEqual(access('fields = ["status", "path", "user_agent"]'), []);
  assert.deepEqual(access('fields = ["statu"]'), ["logging.access.fields[0]"]);
  assert.deepEqual(access("fields = []"), ["logging.access.fields"]);
  assert.deepEqual(access('fields = ["path", "path"]'), ["logging.access.fields[1]"]);
  assert.deepEqual(warned('fields = ["status", "trace_id"]'), ["logging.access.fields[1]"]);
  assert.deepEqual(access('rename = { client_ip = "ip" }'), []);
  assert.deepEqual(access('rename = { client = "ip" }'), ["logging.access.rename.client"]);
  assert.deepEqual(access('rename = { client_ip = "host" }'), ["logging.access.rename"]);
  assert.deepEqual(access('rename = { client_ip = "a b" }'), ["logging.access.rename.client_ip"]);
  assert.deepEqual(access('sample_per_mille = { "2xx" = 10, "404" = 0 }'), []);
  assert.deepEqual(access('sample_per_mille = { "9xx" = 10 }'), [
    "logging.access.sample_per_mille.9xx",
  ]);
  assert.deepEqual(access('sample_per_mille = { "2xx" = 1001 }'), [
    "logging.access.sample_per_mille.2xx",
  ]);
  assert.deepEqual(warned('format = "combined"\nfields = ["status"]'), ["logging.access.format"]);
});

Deno.test("a setting that 1.5 bounds is refused beyond its bounds", () => {
  for (
    const [key, least, most] of [
      ["process.threads", 1, 1024],
      ["process.listener_tasks_per_fd", 1, 1024],
      ["process.upstream_keepalive_pool_size", 1, 16_384],
      ["process.max_retries", 0, 1024],
      ["process.grace_period_seconds", 1, undefined],
      ["process.graceful_shutdown_timeout_seconds", 1, undefined],
      ["limits.max_connections", 1, 1_000_000],
      ["limits.max_request_headers", 1, undefined],
      ["limits.max_request_header_bytes", 1, undefined],
      ["limits.max_uri_bytes", 1, undefined],
      ["limits.max_request_body_bytes", 1, undefined],
      ["https_redirect.target_port", 1, 65_535],
    ] as const
  ) {
    const refused = (value: number) => keys(`server.${key} = ${value}`).length === 1;
    assert.ok(refused(least - 1) && !refused(least), key);
    if (most !== undefined) assert.ok(refused(most + 1) && !refused(most), key);
  }
});
