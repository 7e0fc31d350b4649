/**
 * Access rules of vhosts and routes (spec 02 section 11.1): allow and deny lists by client address,
 * client certificate, country and network.
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type { Module } from "../../gateway/module.ts";
import { checkCertificates, checkPlaces } from "./checks.ts";
import { accessSchema } from "./schema.ts";
import { placesIn, rulesOf } from "./table.ts";

export type { AccessConfig } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "access",
  schema: [{
    table: "access",
    scopes: ["vhost", "route"],
    schema: accessSchema,
    reload: "live",
  }],
  manifest: {},
  facts: placesIn,

  check(config) {
    const problems: Problem[] = [];
    for (const scope of scopesOf(config)) {
      const rules = rulesOf(scope);
      if (rules === undefined) continue;
      problems.push(...checkPlaces(config, rules, `${scope.key}.access`));
      problems.push(...checkCertificates(config, rules, `${scope.key}.access`));
    }
    return problems;
  },

  edge: async () => (await import("./edge.ts")).edge,
};
