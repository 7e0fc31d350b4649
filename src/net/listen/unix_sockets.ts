/**
 * Listeners on unix sockets as a value: they have files, and a build that may not write has neither them nor
 * the code for them. `unix.ts` has the one that there is.
 *
 * @module
 */
import type { Accepted, Listener } from "./listener.ts";
import type { UnixListenerSpec } from "./listener_spec.ts";

/** Opens unix sockets. */
export interface UnixSockets {
  /** Binds a socket, puts it at its path, and begins to accept. */
  open(spec: UnixListenerSpec, onAccept: (accepted: Accepted) => void): Promise<Listener>;
  /**
   * Makes sure that no other program serves `path`.
   *
   * @throws when one does, when the file is not a socket, and when that cannot be known.
   */
  claim(path: string): Promise<void>;
}
