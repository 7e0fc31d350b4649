import assert from "node:assert/strict";
import { NO_METRICS } from "../../gateway/reports/metrics_none.ts";
import { Clock } from "../../net/clock.ts";
import { MAX_STUCK } from "../../net/tls/static_stream.ts";
import { TestAuthority } from "../../net/testing/certificates.ts";
import type { TlsListenerSpec } from "../../net/tls/spec.ts";
import { count } from "../../zones/count.ts";
import { zone } from "../../zones/layout.ts";
import { ZoneRegistry } from "../../zones/registry.ts";
import { Zones } from "../../zones/zones.ts";
import { EdgeListeners } from "./edge_listeners.ts";
import { ownListeners } from "../listeners.ts";
import { testConfig, until } from "../testing/keeper.ts";
import { connectionsZone } from "./zone_plan.ts";

const HANDSHAKE_MS = 5_000;

Deno.test("what an operator should know of a TLS listener is said under fluxheim::security", async () => {
  const name = "127.0.0.1:0";
  const { cert, key } = new TestAuthority().issue({ name: "a.test" });
  const tls: TlsListenerSpec = {
    material: { pairs: [{ cert, key }], fallback: 0, names: [], clientRoots: undefined },
    alpn: ["http/1.1"],
    minVersion: "TLSv1.2",
    clientAuth: "off",
    needsFacts: false,
    fastListener: true,
    handshakeTimeoutMs: HANDSHAKE_MS,
  };
  const requests = [zone(count, { name: connectionsZone(name), roles: ["edge"] })];
  const zones = new Zones(new ZoneRegistry(1, requests).sentTo("edge", 0), { index: 0, count: 1 });
  const config = testConfig({ listen: [], tlsListen: [name] });
  const clock = new Clock();
  const lines: string[] = [];
  const edge = await EdgeListeners.open(config, ownListeners(config), tls, {
    codecs: [],
    sockets: undefined,
    handler: {
      create: () => assert.fail("no request is sent"),
      handle() {},
      resume() {},
      fail() {},
      refuse() {},
      finish() {},
    },
    clock,
    log: {
      logsAccess: false,
      enabled: () => true,
      log: (...line) => void lines.push(line.join(" ")),
      access() {},
    },
    metrics: NO_METRICS,
    zones,
    givenUp: [],
  });
  const { port } = edge.listeners[0];
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
  const stalled = await Promise.all(Array.from({ length: MAX_STUCK }, connect));
  await until(() => {
    clock.tick(clock.now + HANDSHAKE_MS + 1);
    return lines.some((line) => line.startsWith("warn "));
  });
  const own = "fluxheim::security server.tls_listen[0]: ";
  assert.equal(lines[0], `info ${own}a connection was closed: the TLS handshake took too long`);
  const warning = lines.find((line) => line.startsWith("warn "));
  assert.equal(warning?.startsWith(`warn ${own}peers keep connections`), true);
  for (const connection of stalled) connection.close();
  await edge.close();
  await edge.drain();
});
