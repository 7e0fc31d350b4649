/**
 * TCP streams: connections are passed on to upstreams as they are (spec 01 section 4).
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { Grant, ListenerNeed, Module, Role } from "../../gateway/module.ts";
import {
  findUnprovenPairs,
  findUpstreamFileFaults,
  requestUpstreamFiles,
  type UpstreamFilesTable,
} from "../../gateway/upstream_files.ts";
import { count } from "../../zones/count.ts";
import { cursor } from "../../zones/cursor.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";
import { checkStreams } from "./checks.ts";
import { explainStream } from "./explain.ts";
import { streamSchema } from "./schema.ts";
import {
  connectionsZone,
  isShared,
  STREAM_CODEC,
  streamRoutes,
  turnZone,
  upstreamsOf,
} from "./table.ts";

export type { StreamConfig, StreamRouteConfig } from "./schema.ts";

function filesOf(config: Config): UpstreamFilesTable[] {
  return streamRoutes(config).map(({ route, key }) => ({ files: route, key }));
}

/** The module `stream-proxy`. */
export const module: Module = {
  name: "stream-proxy",
  schema: [{
    table: "stream",
    scopes: ["root"],
    schema: streamSchema,
    reload: "stream-service-changed",
  }],
  // Where to is for the configuration to say.
  manifest: { net: true, read: true },
  check: checkStreams,
  metrics: [
    {
      name: "fluxheim_stream_connections_total",
      help: "Stream connections that are over, by outcome.",
      type: "counter",
      labels: {
        route: "configured",
        outcome: ["completed", "rejected", "connect_error", "timeout", "shutdown", "error"],
      },
    },
    {
      name: "fluxheim_stream_bytes_total",
      help: "Bytes of stream connections that completed, by direction.",
      type: "counter",
      labels: {
        route: "configured",
        direction: ["downstream_to_upstream", "upstream_to_downstream", "other"],
      },
    },
  ],

  needs(config) {
    const roles = ["edge"] as const;
    const net: Grant[] = [];
    const listeners: ListenerNeed[] = [];
    const zones: ZoneRequest<Role>[] = [];
    for (const { route, key } of streamRoutes(config)) {
      const named = route.upstream === undefined;
      for (const [index, value] of upstreamsOf(route).entries()) {
        const name = named ? `upstreams[${index}]` : "upstream";
        net.push({ value, key: `${key}.${name}`, for: "edge" });
      }
      for (const [index, address] of route.listen.entries()) {
        // Routes that choose by name share listeners, also those of HTTPS served here.
        if (isShared(config, address) || listeners.some((other) => other.address === address)) {
          continue;
        }
        listeners.push({
          kind: "tcp",
          address,
          key: `${key}.listen[${index}]`,
          protocol: STREAM_CODEC,
          // Each route trusts peers of its own, so its header is read with its connection.
          proxyProtocol: "off",
        });
      }
      for (const [index, address] of route.listen_tls.entries()) {
        listeners.push({
          kind: "tls",
          address,
          key: `${key}.listen_tls[${index}]`,
          protocol: STREAM_CODEC,
          proxyProtocol: "off",
          alpn: [],
        });
      }
      zones.push(
        zone(count, { name: connectionsZone(route), roles }),
        zone(cursor, { name: turnZone(route), roles }),
      );
    }
    const files = requestUpstreamFiles(filesOf(config));
    const read = files.map(({ path: value, key }): Grant => ({ value, key, for: "keeper" }));
    return { grants: { net, read }, files, listeners, zones };
  },

  explainConnection: explainStream,
  checkFiles: (config, files) => findUpstreamFileFaults(filesOf(config), files),
  proveFiles: (config, files) => findUnprovenPairs(filesOf(config), files),
  edge: async () => (await import("./edge.ts")).edge,
};
