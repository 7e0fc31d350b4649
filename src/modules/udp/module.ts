/**
 * UDP: datagrams are passed on to upstreams in sessions (spec 01 section 11).
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { Grant, Module } from "../../gateway/module.ts";
import { checkUdp } from "./checks.ts";
import { METRICS } from "./descriptions.ts";
import { explainUdp } from "./explain.ts";
import { udpSchema } from "./schema.ts";
import { clientRanges, localHostFor, TABLES, udpRoutes, upstreamsOf } from "./table.ts";

export type { UdpConfig, UdpRouteConfig } from "./schema.ts";

function isWanted(config: Config): boolean {
  return udpRoutes(config).length > 0;
}

/** The module `udp-proxy`. */
export const module: Module = {
  name: "udp-proxy",
  schema: [{
    table: "udp",
    scopes: ["root"],
    schema: udpSchema,
    merge: "whole",
    reload: "udp-service-changed",
  }],
  // Where to is for the configuration to say.
  manifest: { net: true },
  metrics: METRICS,
  check: checkUdp,

  needs(config) {
    const net: Grant[] = [];
    for (const [index, route] of udpRoutes(config).entries()) {
      const key = `udp.routes[${index}]`;
      const named = route.upstream === undefined;
      for (const [at, value] of upstreamsOf(route).entries()) {
        const own = named ? `${key}.upstreams[${at}]` : `${key}.upstream`;
        net.push({ value, key: own, for: "udp" });
        // Sockets to it are bound to a port that the system picks.
        const host = localHostFor(value);
        const bound = host === "::" ? "[::]:0" : `${host}:0`;
        if (!net.some((grant) => grant.value === bound)) {
          net.push({ value: bound, key: own, for: "udp" });
        }
      }
      // Without the permission for its address no client could be answered.
      if (route.mode !== "syslog-forward") {
        for (const range of clientRanges(route) ?? []) {
          const value = range.includes(":") ? `[${range}]` : range;
          net.push({ value, key: `${key}.client_ranges`, for: "udp" });
        }
      }
      for (const [at, value] of route.listen.entries()) {
        net.push({ value, key: `${key}.listen[${at}]`, for: "udp", startOnly: true });
      }
    }
    return { grants: { net } };
  },

  threads: [{
    role: "udp",
    url: new URL("./service.ts", import.meta.url),
    wanted: isWanted,
    tables: TABLES,
    // A port that cannot be bound keeps the configuration from being served.
    startsBefore: "serving",
    whenLost: "replace",
    asks: [],
  }, {
    // The status in the admin API.
    role: "control",
    wanted: (config) => Reflect.get(config, "admin") !== undefined,
    tables: TABLES,
    whenLost: "replace",
    asks: ["udp.status"],
  }],

  explainConnection: explainUdp,
  edge: async () => (await import("./edge.ts")).edge,
};
