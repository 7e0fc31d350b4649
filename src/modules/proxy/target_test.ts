import assert from "node:assert/strict";
import { proxySchema } from "./schema.ts";
import { targetOf, timeoutsOf } from "./target.ts";
import { UpstreamMaterial } from "./upstream_files.ts";

/** The time limits of a proxy table with these keys, in milliseconds. */
function limits(keys: Record<string, number> = {}) {
  const proxy = proxySchema.parse({ upstream: "app.test:80", ...keys });
  const target = targetOf(proxy, "app.test:80", new UpstreamMaterial(new Map()));
  const { connectTimeoutMs, totalConnectTimeoutMs } = target;
  return { connectTimeoutMs, totalConnectTimeoutMs, ...timeoutsOf(proxy) };
}

Deno.test("an upstream has time limits unless they are set", () => {
  assert.deepEqual(limits(), {
    connectTimeoutMs: 5_000,
    totalConnectTimeoutMs: 10_000,
    readMs: 60_000,
    sendMs: 60_000,
    idleMs: 0,
  });
});

Deno.test("a limit of 0 is none", () => {
  const none = {
    connect_timeout_secs: 0,
    upstream_total_connection_timeout_secs: 0,
    read_timeout_secs: 0,
    send_timeout_secs: 0,
    upstream_idle_timeout_secs: 0,
  };
  assert.deepEqual(limits(none), {
    connectTimeoutMs: undefined,
    totalConnectTimeoutMs: undefined,
    readMs: 0,
    sendMs: 0,
    idleMs: 0,
  });
});

Deno.test("a handshake has as long as the connection, unless it has a limit of its own", () => {
  const total = (keys: Record<string, number>) => limits(keys).totalConnectTimeoutMs;
  assert.equal(total({ connect_timeout_secs: 30 }), 60_000);
  assert.equal(total({ connect_timeout_secs: 0 }), undefined);
  const own = { connect_timeout_secs: 30, upstream_total_connection_timeout_secs: 31 };
  assert.equal(total(own), 31_000);
});
