/**
 * The reverse proxy: forwards requests to upstreams over kept connections (spec 02 section 9).
 *
 * @module
 */
import type { Grant, Module } from "../../gateway/module.ts";
import { unixPath } from "../../net/unix_address.ts";
import { acmeChallengeTable } from "./acme_challenge.ts";
import { checkProxies } from "./checks.ts";
import { endpointGrant, endpointOf } from "./endpoint.ts";
import { authRequestSchema, grpcSchema, proxySchema } from "./schema.ts";
import { authRequests, fixedMembers, keyedOrigin, proxyTables } from "./table.ts";
import { checkUpstreamFiles, proveUpstreamFiles, upstreamFiles } from "./upstream_files.ts";

export { endpointGrant, endpointOf } from "./endpoint.ts";
export { CLAIMED_ADDRESS_FIELDS, forwardWarnings } from "./forwarded_fields.ts";
export { MAX_UPSTREAMS, type ProxyConfig } from "./schema.ts";

/** The module `proxy`. */
export const module: Module = {
  name: "proxy",
  schema: [
    {
      table: "proxy",
      scopes: ["root", "vhost", "route"],
      schema: proxySchema,
      merge: {
        rule: "fields",
        oneOf: ["upstream", "upstreams", "upstreams_file", "upstreams_http_url"],
        because: "upstreams are named in one way only",
      },
      reload: { reason: "load-balancer-services-changed", view: fixedMembers },
      withoutVhosts: true,
    },
    {
      table: "auth_request",
      scopes: ["vhost", "route"],
      schema: authRequestSchema,
      reload: "live",
    },
    { table: "grpc", scopes: ["route"], schema: grpcSchema, reload: "live" },
    acmeChallengeTable,
  ],
  check: checkProxies,
  // Which hosts is for the configuration to say.
  manifest: { net: true, read: true },
  needs(config) {
    const net: Grant[] = [];
    // The runtime asks for reading and writing a socket that is connected to.
    const sockets: Grant[] = [];
    for (const table of proxyTables(config)) {
      const named = keyedOrigin(table);
      if (named === undefined) continue;
      net.push({ value: named.origin, key: named.key, for: "edge" });
      const path = unixPath(named.origin);
      if (path !== undefined) sockets.push({ value: path, key: named.key, for: "edge" });
    }
    for (const { auth, key } of authRequests(config)) {
      if (auth.url === undefined) continue;
      const value = endpointGrant(endpointOf(auth.url));
      net.push({ value, key: `${key}.url`, for: "edge" });
    }
    const files = upstreamFiles(config);
    const read = files.map(({ path, key }): Grant => ({
      value: path,
      key,
      for: "keeper",
    }));
    const grants = { net, read: [...read, ...sockets] };
    return { grants: sockets.length === 0 ? grants : { ...grants, write: sockets }, files };
  },
  checkFiles: checkUpstreamFiles,
  proveFiles: proveUpstreamFiles,
  edge: async () => (await import("./edge.ts")).edge,
};
