/**
 * A TLS listener: one of two terminators, changed for the other when new certificates ask for what the open
 * one cannot do, or peers abuse it.
 *
 * @module
 */
import type { SecureListenerSpec } from "../listen/listener_spec.ts";
import type { Accepted, Listener } from "../listen/listener.ts";
import { Reception } from "../listen/reception.ts";
import type { TlsTerminator } from "./terminator.ts";
import { NamesTerminator } from "./names.ts";
import type { KeyPair, TlsListenerSpec } from "./spec.ts";
import { StuckConnections } from "./static_stream.ts";
import { StaticTerminator } from "./static.ts";
import { staticPair } from "./static_pair.ts";

/** A TLS listener of one worker. */
export class TlsListener implements Listener {
  readonly name: string;
  readonly #spec: SecureListenerSpec;
  readonly #reception: Reception;
  readonly #stuck = new StuckConnections(() => void this.#leaveStaticTerminator());
  #tls: TlsListenerSpec;
  #terminator: TlsTerminator | undefined;
  #staticAllowed = true;
  /** The last change of terminators; they are made one after the other. */
  #change: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    spec: SecureListenerSpec,
    onAccept: (accepted: Accepted) => void,
  ) {
    this.name = spec.name;
    this.#spec = spec;
    this.#tls = spec.tls;
    this.#reception = new Reception(spec, onAccept);
  }

  static async open(
    spec: SecureListenerSpec,
    onAccept: (accepted: Accepted) => void,
  ): Promise<TlsListener> {
    const listener = new TlsListener(spec, onAccept);
    listener.#terminator = await listener.#open(spec.tls, spec.port);
    return listener;
  }

  get port(): number {
    return this.#terminator?.port ?? this.#spec.port;
  }

  get description(): string {
    return this.#terminator?.description ?? "";
  }

  updateTls(tls: TlsListenerSpec): Promise<void> {
    const change = this.#change.then(() => this.#update(tls));
    this.#change = change.catch(() => {});
    return change;
  }

  close(): void {
    this.#closed = true;
    void this.#terminator?.close();
  }

  async retire(): Promise<void> {
    this.#closed = true;
    await this.#terminator?.retire();
  }

  async #update(tls: TlsListenerSpec): Promise<void> {
    if (this.#closed) return;
    const fits =
      (this.#staticPair(tls) !== undefined) === (this.#terminator instanceof StaticTerminator);
    if (!fits || this.#terminator?.update(tls) !== true) await this.#changeTerminator(tls);
    this.#tls = tls;
  }

  /** Opens the new terminator before the old one closes: no client finds the port closed. */
  async #changeTerminator(tls: TlsListenerSpec): Promise<void> {
    const terminator = await this.#open(tls, this.port);
    if (this.#closed) {
      await terminator.close();
      return;
    }
    const old = this.#terminator;
    this.#terminator = terminator;
    await old?.retire();
  }

  async #open(tls: TlsListenerSpec, port: number): Promise<TlsTerminator> {
    const pair = this.#staticPair(tls);
    if (pair === undefined) {
      return await NamesTerminator.open(this.#spec, tls, this.#reception, port);
    }
    return new StaticTerminator(this.#spec, tls, pair, this.#reception, this.#stuck, port);
  }

  /** What the static terminator would show, if that is the one to use. */
  #staticPair(tls: TlsListenerSpec): KeyPair | undefined {
    return this.#staticAllowed ? staticPair(this.#spec, tls) : undefined;
  }

  /** Too many connections of the static terminator cannot be ended: from now on they all can. */
  async #leaveStaticTerminator(): Promise<void> {
    if (!this.#staticAllowed) return;
    this.#staticAllowed = false;
    this.#spec.onWarning?.(
      "peers keep connections open that the fast TLS listener cannot end; " +
        "this worker goes on with the other one, which can and is slower",
    );
    this.#change = this.#change.then(async () => {
      if (!this.#closed) await this.#changeTerminator(this.#tls);
    }).catch((error) => {
      // As when descriptors have run out: the next connection that is stuck asks again.
      this.#staticAllowed = true;
      this.#spec.onFault?.(error);
    });
    await this.#change;
  }
}
