/** Traffic mirroring: copies of requests go to a second service (spec 02 section 9.9). @module */
import type { Problem } from "../../config/types.ts";
import { zoneName } from "../../gateway/edge_policy.ts";
import type { Grant, Module, Role } from "../../gateway/module.ts";
import { count } from "../../zones/count.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";
import { salt } from "../../zones/salt.ts";
import { dashed, stripsClientAddress } from "../headers/table.ts";
import {
  CLAIMED_ADDRESS_FIELDS,
  endpointGrant,
  endpointOf,
  forwardWarnings,
} from "../proxy/module.ts";
import { type MirrorConfig, mirrorSchema } from "./schema.ts";
import { enabledMirrors, IN_FLIGHT_ZONE, SALT_ZONE } from "./table.ts";

/** Most mirrors of one configuration (spec 02 section 9.9). */
const MAX_MIRRORS = 4096;

/** The module `traffic-mirror`. */
export const module: Module = {
  name: "traffic-mirror",
  schema: [{
    table: "proxy.mirror",
    scopes: ["root", "vhost", "route"],
    schema: mirrorSchema,
    reload: "live",
  }],
  manifest: { net: true },
  check(config): Problem[] {
    const problems: Problem[] = [];
    const mirrors = enabledMirrors(config);
    for (const { mirror, scope, key } of mirrors) {
      if (mirror.base_url === undefined) {
        problems.push({
          key: `${key}.base_url`,
          message: "is required when mirror is enabled",
          about: [`${key}.enabled`],
        });
      }
      problems.push(...forwardWarnings(mirror.forward_headers, `${key}.forward_headers`));
      if (stripsClientAddress(scope)) {
        problems.push(...withheldWarnings(mirror, `${key}.forward_headers`));
      }
    }
    if (mirrors.length > MAX_MIRRORS) {
      const { key } = mirrors[MAX_MIRRORS];
      problems.push({ key, message: `is one more than ${MAX_MIRRORS} mirrors` });
    }
    return problems;
  },
  needs(config) {
    const mirrors = enabledMirrors(config);
    if (mirrors.length === 0) return {};
    const net: Grant[] = [];
    const roles = ["edge"] as const;
    const zones: ZoneRequest<Role>[] = [zone(salt, { name: SALT_ZONE, roles })];
    for (const { mirror: { base_url }, scope, key } of mirrors) {
      zones.push(zone(count, { name: zoneName(IN_FLIGHT_ZONE, scope), roles }));
      if (base_url === undefined) continue;
      net.push({ value: endpointGrant(endpointOf(base_url)), key: `${key}.base_url`, for: "edge" });
    }
    return { grants: { net }, zones };
  },
  edge: async () => (await import("./edge.ts")).edge,
};

/** Listed names under which clients claim addresses, where such claims are believed nowhere. */
function* withheldWarnings({ forward_headers }: MirrorConfig, key: string): Generator<Problem> {
  for (const [index, name] of forward_headers.entries()) {
    if (!CLAIMED_ADDRESS_FIELDS.includes(dashed(name))) continue;
    yield {
      key: `${key}[${index}]`,
      message: `"${name}" has no effect while headers.request.strip_inbound_client_ip_headers is ` +
        "true: clients could claim any address",
      hint: "the gateway puts the client's address into x-real-ip and x-forwarded-for",
      warning: true,
    };
  }
}
