/**
 * A TLS listener: one of two doors, changed for the other when new certificates ask for what the open
 * one cannot do.
 *
 * @module
 */
import type { ListenerSpec } from "./listen.ts";
import type { Accepted, Listener } from "./listener.ts";
import { Reception } from "./reception.ts";
import { NamesDoor } from "./tls_names.ts";
import type { TlsListenerSpec } from "./tls_spec.ts";
import { StaticDoor, staticPair } from "./tls_static.ts";

/** One way to accept TLS connections. */
export interface TlsDoor {
  /** For `Listener.door`. */
  readonly description: string;
  readonly port: number;
  /** Takes `tls` over for new handshakes; `false` when that needs another door. */
  update(tls: TlsListenerSpec): boolean;
  /** Stops accepting. */
  close(): void;
}

/** A TLS listener of one worker. */
export class TlsListener implements Listener {
  readonly name: string;
  readonly #spec: ListenerSpec;
  readonly #reception: Reception;
  #door: TlsDoor;
  #closed = false;

  private constructor(spec: ListenerSpec, reception: Reception, door: TlsDoor) {
    this.name = spec.name;
    this.#spec = spec;
    this.#reception = reception;
    this.#door = door;
  }

  static async open(
    spec: ListenerSpec,
    tls: TlsListenerSpec,
    onAccept: (accepted: Accepted) => void,
  ): Promise<TlsListener> {
    const reception = new Reception(spec, onAccept);
    return new TlsListener(spec, reception, await openDoor(spec, tls, reception, spec.port));
  }

  get port(): number {
    return this.#door.port;
  }

  get door(): string {
    return this.#door.description;
  }

  async updateTls(tls: TlsListenerSpec): Promise<void> {
    if (this.#closed || this.#door.update(tls)) return;
    const old = this.#door;
    const door = await openDoor(this.#spec, tls, this.#reception, old.port);
    if (this.#closed) {
      door.close();
      return;
    }
    this.#door = door;
    old.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#door.close();
  }
}

async function openDoor(
  spec: ListenerSpec,
  tls: TlsListenerSpec,
  reception: Reception,
  port: number,
): Promise<TlsDoor> {
  const pair = staticPair(spec, tls);
  if (pair !== undefined) return new StaticDoor(spec, tls, pair, reception, port);
  return await NamesDoor.open(spec, tls, reception, port);
}
