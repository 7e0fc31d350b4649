/** Addresses of this machine alone. @module */
import { splitAuthority } from "../../http/authority.ts";
import { parseNetwork } from "../../net/ip.ts";

/** Whether only programs of this machine can connect to `entry`. */
export function isLoopbackListener(entry: string): boolean {
  const host = splitAuthority(entry)?.host ?? "";
  return host === "::1" || parseNetwork(host)?.family === 4 && host.startsWith("127.");
}
