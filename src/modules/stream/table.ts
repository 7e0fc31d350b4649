/** What the keeper and the workers both know of `[stream]`. @module */
import type { Config } from "../../config/types.ts";
import type { Candidate } from "./choice.ts";
import type { StreamRouteConfig } from "./schema.ts";

export type { StreamRouteConfig } from "./schema.ts";

/** Name of the codec for connections of stream listeners. */
export const STREAM_CODEC = "stream";

/** A route of a configuration, and the key of its table. */
export interface KeyedRoute {
  readonly route: StreamRouteConfig;
  readonly key: string;
}

/** The routes that are switched on. */
export function streamRoutes({ stream }: Config): readonly KeyedRoute[] {
  if (stream === undefined || !stream.enabled) return [];
  return stream.routes.map((route, index) => ({ route, key: `stream.routes[${index}]` }));
}

/** Every upstream of a route, in the order of the configuration. */
export function upstreamsOf({ upstream, upstreams }: StreamRouteConfig): readonly string[] {
  return upstream === undefined ? upstreams : [upstream];
}

/** The zone that counts the connections of a route. */
export function connectionsZone({ name }: StreamRouteConfig): string {
  return JSON.stringify(["stream/connections", name]);
}

/** The zone of the turns that the upstreams of a route take. */
export function turnZone({ name }: StreamRouteConfig): string {
  return JSON.stringify(["stream/turn", name]);
}

/** What a route matches, for the choice among the routes of a listener. */
export function candidateOf<R>(table: StreamRouteConfig, route: R): Candidate<R> {
  return { route, names: table.match_sni, protocols: table.match_alpn };
}

/** Whether a route takes only the connections whose TLS hello it matches. */
export function matchesHello({ match_sni, match_alpn }: StreamRouteConfig): boolean {
  return match_sni.length + match_alpn.length > 0;
}

/** Every listener of a route. */
export function listenersOf({ listen, listen_tls }: StreamRouteConfig): readonly string[] {
  return [...listen, ...listen_tls];
}

/** Whether a listener is that of HTTPS served here, which passes on what a route matches. */
export function isShared({ server }: Config, address: string): boolean {
  return server.tls_listen.includes(address);
}
