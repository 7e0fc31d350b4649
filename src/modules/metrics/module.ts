/**
 * Metrics (spec 06 part B): counts requests in the workers, and serves what the whole process counts in the
 * text format of Prometheus, from the control service.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { Module } from "../../gateway/module.ts";
import { splitAuthority } from "../../http/authority.ts";
import { METRICS } from "./descriptions.ts";
import { metricsSchema } from "./schema.ts";
import { isLoopbackListener } from "./loopback.ts";
import { metricsOf, TABLES } from "./table.ts";

export type { MetricsConfig } from "./schema.ts";

const KEY = "metrics.listen";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "metrics",
  schema: [{
    table: "metrics",
    scopes: ["root"],
    schema: metricsSchema,
    merge: "whole",
    reload: "metrics-service-changed",
  }],
  manifest: { net: true },
  metrics: METRICS,

  needs(config) {
    const metrics = metricsOf(config);
    if (metrics === undefined) return {};
    const value = bound(metrics.listen);
    return { grants: { net: [{ value, key: KEY, for: "control", startOnly: true }] } };
  },

  check: (config) => [...takenTwice(config), ...openToOthers(config)],

  threads: [{
    role: "control",
    wanted: (config) => metricsOf(config) !== undefined,
    tables: TABLES,
    whenLost: "replace",
    asks: [],
  }],

  edge: async () => (await import("./edge.ts")).edge,
};

/** For port 0 the port is not known before it is bound. */
function bound(entry: string): string {
  return splitAuthority(entry)?.port === 0 ? entry.slice(0, entry.lastIndexOf(":")) : entry;
}

/** An address that requests and metrics cannot both have. */
function takenTwice(config: Config): Problem[] {
  const listen = metricsOf(config)?.listen;
  const { listen: cleartext, tls_listen, health } = config.server;
  if (listen === undefined || splitAuthority(listen)?.port === 0) return [];
  const own = "must be an address of its own;";
  if ([...cleartext, ...tls_listen].includes(listen)) {
    return [{ key: KEY, message: `${own} requests are served on ${listen}` }];
  }
  if (!(health?.listen ?? []).includes(listen)) return [];
  return [{
    key: KEY,
    message: `${own} health is served on ${listen}`,
    about: ["server.health.listen"],
  }];
}

/** Spec 06 section B1. */
function openToOthers(config: Config): Problem[] {
  const metrics = metricsOf(config);
  if (metrics === undefined || isLoopbackListener(metrics.listen)) return [];
  return [{
    key: KEY,
    message: `${metrics.listen} is open to other machines: metrics are served in clear text to ` +
      "whoever can connect; a firewall should let only Prometheus in",
    warning: true,
  }];
}
