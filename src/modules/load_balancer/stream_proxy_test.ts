/** A stream route as a block with a pool. */
import assert from "node:assert/strict";
import { loadBalanceSchema } from "../../config/schema/load_balance_schema.ts";
import { proxySchema } from "../proxy/schema.ts";
import { poolKeys, streamBalanceTable } from "./schema.ts";
import { OF_REQUESTS, streamProxy } from "./stream_proxy.ts";

Deno.test("what streams have no keys for is as a block has it that says nothing", () => {
  const defaults: Record<string, unknown> = loadBalanceSchema.parse({});
  for (const [key, value] of Object.entries(OF_REQUESTS)) {
    assert.deepEqual(value, defaults[key], key);
  }
});

Deno.test("a route makes a block that a proxy could have", () => {
  const made = streamProxy({
    name: "db",
    upstreams: ["127.0.0.1:2", "127.0.0.1:3"],
    upstream_weights: [],
    upstream_aliases: [],
    backup_upstreams: [],
    drain_upstreams: [],
    connect_timeout_secs: 5,
    upstream_tls: false,
    upstream_verify_cert: true,
    upstream_verify_hostname: true,
    upstream_proxy_protocol: "off",
    load_balance: streamBalanceTable.parse({})!,
  });
  const defaults: Record<string, unknown> = proxySchema.parse({});
  for (const [key, schema] of Object.entries(poolKeys)) defaults[key] = schema.parse(undefined);
  const given = ["upstreams", "connect_timeout_secs", "load_balance"];
  for (const [key, value] of Object.entries(made)) {
    if (!given.includes(key)) assert.deepEqual(value, defaults[key], key);
  }
  assert.deepEqual(made.load_balance, loadBalanceSchema.parse({}));
});
