/**
 * The part of a configuration that a request is served by.
 *
 * @module
 */
import type { Config, RouteConfig, VhostConfig } from "../config/types.ts";

/** A vhost, and one of its routes or its own fallback actions (`route` undefined). */
export interface RouteScope {
  /** The whole configuration. */
  readonly config: Config;
  /** The vhost. */
  readonly vhost: VhostConfig;
  /** Its route; `undefined` for the fallback actions of the vhost. */
  readonly route: RouteConfig | undefined;
  /** `vhosts[2].routes[0]`, for messages. */
  readonly key: string;
}
