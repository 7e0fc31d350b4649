/**
 * The module `closed`, as the keeper knows it: a table that a vhost or a route may have.
 *
 * @module
 */
import type { Module } from "../../mod.ts";
import { z } from "zod";

/** `[closed]` of a vhost or a route. */
const schema = z.strictObject({
  enabled: z.boolean().default(false).describe("Answer 503 instead of serving."),
  message: z.string().min(1).max(1000).default("Back soon.").describe("Text of the answer."),
  retry_after_secs: z.int().min(1).max(86_400).default(60)
    .describe("When clients should try again."),
  allow: z.array(z.string()).max(16).default([])
    .describe("Addresses of clients that are served all the same."),
});

/** What the schema gives. The steps read it from the vhost or the route, so it is added to their types. */
export type ClosedConfig = Readonly<z.output<typeof schema>>;

// Of the file that declares them: an interface cannot be added to by way of another file's export.
declare module "../../src/config/types.ts" {
  interface VhostTables {
    readonly closed?: ClosedConfig;
  }
  interface RouteTables {
    readonly closed?: ClosedConfig;
  }
}

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "closed",
  schema: [{ table: "closed", scopes: ["vhost", "route"], schema }],
  // It opens nothing, so it may ask the runtime for nothing.
  manifest: {},

  check(config) {
    return config.vhosts.flatMap(({ closed }, i) =>
      closed?.enabled === true && closed.allow.length === 0
        ? [{
          key: `vhosts[${i}].closed`,
          message: "no client is served; name those that are in allow",
          warning: true,
        }]
        : []
    );
  },

  edge: async () => (await import("./closed_edge.ts")).edge,
};
