/** Cleartext listeners on unix sockets. @module */
import { AcceptLoop } from "./accept_loop.ts";
import { deliverCleartext, describeCleartext } from "./cleartext.ts";
import type { Accepted, Listener } from "./listener.ts";
import type { UnixListenerSpec } from "./listener_spec.ts";
import { type Addresses, Reception } from "./reception.ts";
import { bindSocket, type BoundSocket, claimPath } from "./socket_file.ts";
import { SocketIdentity } from "./socket_identity.ts";
import type { UnixSockets } from "./unix_sockets.ts";

/** A unix peer has no address, and nor have we towards it. */
const NO_ADDRESSES: Addresses = {
  remoteAddr: { hostname: "", port: 0 },
  localAddr: { hostname: "", port: 0 },
};

/** A listener on a unix socket. Connections are handed over as the runtime's own `Deno.UnixConn`. */
export class UnixListener implements Listener {
  readonly name: string;
  readonly port = 0;
  readonly description: string;
  readonly #spec: UnixListenerSpec;
  readonly #reception: Reception;
  readonly #socket: BoundSocket;
  readonly #loop: AcceptLoop<Deno.UnixConn>;

  private constructor(
    spec: UnixListenerSpec,
    socket: BoundSocket,
    onAccept: (accepted: Accepted) => void,
  ) {
    this.#spec = spec;
    this.#socket = socket;
    this.#reception = new Reception(spec, onAccept);
    this.name = spec.name;
    this.description = describeCleartext("unix", spec);
    this.#loop = new AcceptLoop(
      socket.listener,
      spec.clock,
      (connection) => this.#admit(connection),
      (error) => spec.onFault?.(error),
    );
    this.#loop.start();
  }

  static async open(
    spec: UnixListenerSpec,
    onAccept: (accepted: Accepted) => void,
  ): Promise<UnixListener> {
    return new UnixListener(spec, await bindSocket(spec, spec.identity), onAccept);
  }

  /** The file goes first: a client then finds no socket, rather than one whose queue is lost. */
  close(): void {
    this.#socket.remove();
    void this.#loop.close();
  }

  /** What waits in the queue is accepted, also when another worker's socket is at the path by now. */
  retire(): Promise<void> {
    this.#socket.remove();
    return this.#loop.retire();
  }

  #admit(connection: Deno.UnixConn): void {
    if (!this.#reception.admit(connection)) return;
    deliverCleartext(connection, NO_ADDRESSES, this.#spec, this.#reception);
  }
}

/** Unix sockets, for builds that may write. */
export const unixSockets: UnixSockets = {
  open: (spec, onAccept) => UnixListener.open(spec, onAccept),
  claim: (path) => claimPath(path, new SocketIdentity()),
};
