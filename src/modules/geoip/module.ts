/**
 * GeoIP (spec 02 section 11.4): finds the country and the network of a client's address in local
 * databases, for access rules, the access log and request fields.
 *
 * @module
 */
import type { Grant, Module } from "../../gateway/module.ts";
import { geoipSchema } from "./schema.ts";
import { consulted, geoipOf } from "./table.ts";

export type { GeoipConfig } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "geoip",
  schema: [{
    table: "geoip",
    scopes: ["root"],
    schema: geoipSchema,
    merge: "whole",
    reload: "live",
  }],
  manifest: { read: true },

  needs(config) {
    const geoip = geoipOf(config);
    if (geoip === undefined) return {};
    const read = consulted(geoip).flatMap(({ path: value }, i): Grant[] => {
      const key = `geoip.databases[${i}].path`;
      return [{ value, key, for: "edge" }, { value, key, for: "keeper" }];
    });
    return { grants: { read } };
  },

  async preflight(config, system) {
    const geoip = geoipOf(config);
    if (geoip === undefined) return [];
    const { checkDatabases } = await import("./preflight.ts");
    return await checkDatabases(config, geoip, system);
  },

  edge: async () => (await import("./edge.ts")).edge,
};
