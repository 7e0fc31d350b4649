/** Cleartext listeners on TCP ports. @module */
import { AcceptLoop } from "./accept_loop.ts";
import { deliverCleartext, describeCleartext } from "./cleartext.ts";
import type { Accepted, Listener } from "./listener.ts";
import type { CleartextListenerSpec } from "./listener_spec.ts";
import { Reception } from "./reception.ts";

/** A cleartext listener. Connections are handed over as the runtime's own `Deno.TcpConn`. */
export class TcpListener implements Listener {
  readonly name: string;
  readonly port: number;
  readonly description: string;
  readonly #spec: CleartextListenerSpec;
  readonly #reception: Reception;
  readonly #loop: AcceptLoop<Deno.TcpConn>;

  constructor(spec: CleartextListenerSpec, onAccept: (accepted: Accepted) => void) {
    this.#spec = spec;
    this.#reception = new Reception(spec, onAccept);
    const { hostname, port, reusePort } = spec;
    const listener = Deno.listen({ hostname, port, reusePort });
    this.name = spec.name;
    this.port = listener.addr.port;
    this.description = describeCleartext("tcp", spec);
    this.#loop = new AcceptLoop(
      listener,
      spec.clock,
      (connection) => this.#admit(connection),
      (error) => spec.onFault?.(error),
    );
    this.#loop.start();
  }

  close(): void {
    void this.#loop.close();
  }

  retire(): Promise<void> {
    return this.#loop.retire();
  }

  #admit(connection: Deno.TcpConn): void {
    if (!this.#reception.admit(connection)) return;
    try {
      // Heads and last pieces leave at once; the codecs write in as few pieces as they can.
      connection.setNoDelay(true);
    } catch {
      // Reset since it was accepted: its first read will show it.
    }
    deliverCleartext(connection, connection, this.#spec, this.#reception);
  }
}
