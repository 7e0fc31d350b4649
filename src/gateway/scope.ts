/**
 * The part of a configuration that a request is served by.
 *
 * @module
 */
import type { Config, RouteConfig, VhostConfig } from "../config/types.ts";

/** A vhost, and one of its routes or its own fallback actions (`route` undefined). */
export interface RouteScope {
  readonly config: Config;
  readonly vhost: VhostConfig;
  readonly route: RouteConfig | undefined;
  /** `vhosts[2].routes[0]`, for messages. */
  readonly key: string;
}
