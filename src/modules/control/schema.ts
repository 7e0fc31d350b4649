/**
 * `[server.health]` and `server.control_hosts`, keys of the gateway's own that 1.5 does not have.
 *
 * @module
 */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { hasControl, hostName, list, valueKinds } from "../../config/schema/values.ts";
import { splitAuthority } from "../../http/authority.ts";
import { ipFamily } from "../../net/ip.ts";
import { MAX_SOCKET_PATH_BYTES, UNIX } from "./table.ts";

/** Most addresses of one service. */
const MAX_LISTENERS = 8;
const MAX_CONTROL_HOSTS = 64;

/** `[server.health]`. */
export const healthSchema = z.strictObject({
  listen: list(controlListener(), { max: MAX_LISTENERS, unique: "exact" }).default([])
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

function controlListener() {
  const allowed = 'an IP address and port such as "127.0.0.1:9099", or "unix:" and an absolute ' +
    'path such as "unix:/run/fluxheim/health.sock"';
  return z.string()
    .refine(isControlListener, { error: `must be ${allowed}` })
    .register(valueKinds, { type: "listener", allowed: "IP address and port, or unix:/path" });
}

function isControlListener(value: string): boolean {
  if (!value.startsWith(UNIX)) {
    const parts = splitAuthority(value);
    return parts !== undefined && ipFamily(parts.host) !== 0;
  }
  const path = value.slice(UNIX.length);
  return path.startsWith("/") && !path.endsWith("/") &&
    new TextEncoder().encode(path).length <= MAX_SOCKET_PATH_BYTES &&
    // The runtime splits its flags at commas, and compares paths as they are written.
    !path.includes(",") && !hasControl(path) &&
    path.slice(1).split("/").every((part) => part !== "" && part !== "." && part !== "..");
}
