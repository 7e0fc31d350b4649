/** Where the admin API may be, and what its paths begin with. @module */
import { ipFamily } from "../../net/ip.ts";

/** Paths of the admin API begin with it. */
export const OWN_PATHS = "/_fluxheim/";

/** Whether an address can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === "::1" || (ipFamily(host) === 4 && host.startsWith("127."));
}
