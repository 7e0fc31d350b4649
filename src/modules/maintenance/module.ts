/**
 * Maintenance mode of a vhost or a route: 503 for all clients but those of some addresses.
 *
 * @module
 */
import type { Module } from "../../gateway/module.ts";
import { maintenanceSchema } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "maintenance",
  schema: [{
    table: "maintenance",
    scopes: ["vhost", "route"],
    schema: maintenanceSchema,
    reload: "live",
  }],
  manifest: {},
  edge: async () => (await import("./edge.ts")).edge,
};
