/** What other modules know of header policy, in the keeper and in workers. @module */
import type { Fact, RouteScope } from "../../gateway/module.ts";
import { type HeaderScope, requestSettings } from "./merge.ts";
import type { HeadersConfig } from "./schema.ts";

export { CLIENT_ADDRESS_FIELDS, dashed, HOP_BY_HOP_FIELDS } from "./field_names.ts";

/** Whether addresses that clients claim go no further in `scope`. */
export function stripsClientAddress(scope: HeaderScope): boolean {
  const { enabled, stripClientAddress } = requestSettings(scope);
  return enabled && stripClientAddress;
}

/** Longest name of a variable that is looked for in a value. */
const VARIABLE = /\{([a-z0-9_.]{1,64})\}/g;

/**
 * Names of the variables in the values that `scope` itself writes to an upstream: a vhost's with those of
 * the root, or a route's own.
 */
function writtenVariables({ config, vhost, route }: RouteScope): ReadonlySet<string> {
  const tables: (HeadersConfig | undefined)[] = route === undefined
    ? [config.headers, vhost.headers]
    : [route.headers];
  const found = new Set<string>();
  for (const table of tables) {
    const request = table?.request;
    for (const values of [request?.set, request?.add, request?.operations?.add]) {
      for (const value of Object.values(values ?? {})) {
        for (const [, name] of value.matchAll(VARIABLE)) found.add(name);
      }
    }
  }
  return found;
}

/** Facts whose variables are in a value that is written to an upstream. */
export function writtenFacts(scope: RouteScope): readonly Fact[] {
  const variables = writtenVariables(scope);
  const facts: Fact[] = [];
  if (variables.has("geo.country")) facts.push("client.country");
  if (variables.has("geo.asn")) facts.push("client.asn");
  return facts;
}
