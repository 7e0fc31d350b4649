/**
 * Stopping what a TLS socket receives. A paused `node:tls` socket goes on reading from the network and
 * keeps it all in memory, without bound; so a caller that pauses one has to stop the TCP socket below it. That
 * takes its handle, which `node:net` does not document.
 *
 * @module
 */
import type { Socket } from "node:net";

/** Turns the reading of a TCP socket off and on. */
export interface ReadSwitch {
  readStop(): void;
  readStart(): void;
}

/**
 * The switch of a TCP socket, to be taken before TLS is put on it.
 *
 * @throws when this runtime has none: without it nothing bounds what a peer can make us keep.
 */
export function readSwitchOf(socket: Socket): ReadSwitch {
  const handle: unknown = "_handle" in socket ? socket._handle : undefined;
  if (isReadSwitch(handle)) return handle;
  throw new Error("this runtime cannot stop a socket from reading");
}

function isReadSwitch(value: unknown): value is ReadSwitch {
  return typeof value === "object" && value !== null &&
    "readStop" in value && typeof value.readStop === "function" &&
    "readStart" in value && typeof value.readStart === "function";
}
