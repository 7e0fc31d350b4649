/**
 * `[server.health]` and `server.control_hosts`, keys of the gateway's own that 1.5 does not have.
 *
 * @module
 */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { hostName, list, listenerOrSocket } from "../../config/schema/values.ts";

/** Most addresses of one service. */
const MAX_LISTENERS = 8;
const MAX_CONTROL_HOSTS = 64;

/** `[server.health]`. */
export const healthSchema = z.strictObject({
  listen: list(listenerOrSocket(), { max: MAX_LISTENERS, unique: "exact" }).default([])
    .describe(
      "Where `/livez`, `/readyz` and `/healthz` are served, over HTTP/1: addresses with a port, or " +
        "`unix:` and the path of a socket. Empty: nowhere. Ours.",
    ),
});

/** `server.control_hosts`. */
export const controlHostsSchema = list(hostName(), { max: MAX_CONTROL_HOSTS, unique: "nocase" })
  .default([])
  .describe(
    "Further host names that listeners of `server.health` on loopback addresses answer to, beside IP " +
      "addresses and `localhost`. Ours.",
  );

/** `[server.health]`, checked. */
export type HealthConfig = Frozen<z.output<typeof healthSchema>>;

declare module "../../config/schema/core_tables.ts" {
  interface ServerConfig {
    readonly health?: HealthConfig;
    readonly control_hosts?: readonly string[];
  }
}
