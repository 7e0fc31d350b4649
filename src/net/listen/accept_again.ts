/**
 * Makes a listening `node:net` socket accept again. When `accept` fails because no descriptor is left, the
 * runtime stops accepting there for good and reports nothing. To say `listen` once more to the handle, which
 * `node:net` does not document, starts it anew, and loses nothing of what waits; on a socket that is well
 * it does nothing.
 *
 * @module
 */
import type { Server } from "node:net";

/** As many connections as may wait; the kernel has a bound of its own, `net.core.somaxconn`. */
export const BACKLOG = 511;

interface ListeningHandle {
  listen(backlog: number): number;
}

/**
 * @param server Listening; a closed one is left alone.
 * @throws when this runtime has no such handle: then nothing would bring the listener back.
 */
export function acceptAgain(server: Server): void {
  if (!server.listening) return;
  const handle: unknown = "_handle" in server ? server._handle : undefined;
  if (!isListeningHandle(handle)) throw new Error("this runtime cannot make a socket accept again");
  handle.listen(BACKLOG);
}

function isListeningHandle(value: unknown): value is ListeningHandle {
  return typeof value === "object" && value !== null && "listen" in value &&
    typeof value.listen === "function";
}
