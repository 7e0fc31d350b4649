/**
 * GeoIP (spec 02 section 11.4): finds the country and the network of a client's address in local
 * databases, for access rules, the access log and request fields.
 *
 * @module
 */
import type { FileRequest, Grant, Module } from "../../gateway/module.ts";
import { MAX_DATABASE_BYTES } from "./limits.ts";
import { geoipSchema } from "./schema.ts";
import { consulted, databaseKey, geoipOf } from "./table.ts";

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
    const files = consulted(geoip).map(({ path }, i): FileRequest => ({
      path,
      key: databaseKey(i),
      maxBytes: MAX_DATABASE_BYTES,
      isShared: true,
    }));
    const read = files.map(({ path: value, key }): Grant => ({ value, key, for: "keeper" }));
    return { grants: { read }, files };
  },

  async proveFiles(config, files, system) {
    const geoip = geoipOf(config);
    if (geoip === undefined) return [];
    const { proveDatabases } = await import("./preflight.ts");
    return await proveDatabases(config, geoip, files, system);
  },

  async preflight(config, system) {
    const geoip = geoipOf(config);
    if (geoip === undefined) return [];
    const { checkDatabases } = await import("./preflight.ts");
    return await checkDatabases(geoip, system);
  },

  edge: async () => (await import("./edge.ts")).edge,
};
