/** Names of what a service manager gives a unit, and the sending end of its socket. @module */
import type { Config } from "../config/types.ts";

/** Names the socket, in the environment of a unit. */
export const NOTIFY_VARIABLE = "NOTIFY_SOCKET";
/** Microseconds between two signs of life that the manager waits for. */
export const WATCHDOG_VARIABLE = "WATCHDOG_USEC";

/** Where the sending end is bound; the file goes at once, since nothing is sent back. */
export function ownSocket({ server }: Pick<Config, "server">): string {
  return `${server.process.pid_file}.notify`;
}
