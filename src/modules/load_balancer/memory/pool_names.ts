/** How operators name pools, and how the log names what they have done (spec 03 sections 16 and 16.5). @module */
import type { NamedScope } from "../../../gateway/edge_policy.ts";
import type { ConfigPart } from "../../../gateway/threads/thread.ts";
import type { Reply } from "../care/operations.ts";

/** Why there is no pool of that vhost, or of that route of it. */
export function missingPool({ vhosts = [] }: ConfigPart, vhost: string, route: string): string {
  const found = vhosts.find(({ name }) => name === vhost);
  if (found === undefined) return "load balancer vhost is not known";
  if (route === "") return "load balancer vhost has no configured pool";
  const isKnown = found.routes?.some(({ name }) => name === route) === true;
  return isKnown
    ? "load balancer route has no configured pool"
    : "load balancer route is not known";
}

/** Fields of an operation that its audit record has, beside those of where it was: no addresses. */
const AUDITED = [
  "operation",
  "state",
  "configured_weight",
  "effective_weight",
  "runtime_weight_override",
  "backend_count",
  "alias",
  "persistent",
] as const;

/** The audit record of an operation that was done. */
export function auditRecord(
  name: string,
  { vhost, route }: NamedScope,
  { body, member = "" }: Reply,
): string {
  const more = AUDITED.flatMap((key) => {
    const value = body[key];
    return value === undefined ? [] : [` ${key}=${JSON.stringify(value)}`];
  });
  return `${name} vhost=${JSON.stringify(vhost.name)} route=${JSON.stringify(route?.name ?? "")}` +
    ` scope=${route === undefined ? "vhost" : "route"} member=${JSON.stringify(member)}` +
    more.join("");
}
