/**
 * What every listener does between accepting a connection and handing it to its codec: count it, refuse
 * what is too much, remember to give its place back.
 *
 * @module
 */
import type { ConnectionFacts, TlsFacts } from "../connection_facts.ts";
import type { Clock, Expiring } from "../clock.ts";
import { closeQuietly, type Duplex } from "../duplex.ts";
import { socketAddress } from "../ip.ts";
import type { Accepted } from "./listener.ts";
import type { CommonListenerSpec, FailedHandshake, OpenCount, Rejection } from "./listener_spec.ts";
import type { Endpoint } from "./proxy_protocol.ts";

/**
 * Most TLS handshakes under way at once on one listener of one worker. A full handshake costs about half
 * a millisecond, so more than this could not end within their time limit.
 */
export const MAX_HANDSHAKES = 2048;

/** Something that has the two addresses of a connection. */
export interface Addresses {
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
  readonly localAddr: { readonly hostname: string; readonly port: number };
}

/** The reception of one listener in one worker. */
export class Reception {
  readonly clock: Clock;
  readonly #spec: CommonListenerSpec;
  readonly #onAccept: (accepted: Accepted) => void;
  readonly #open: OpenCount;
  #handshakes = 0;

  constructor(spec: CommonListenerSpec, onAccept: (accepted: Accepted) => void) {
    this.#spec = spec;
    this.#onAccept = onAccept;
    this.clock = spec.clock;
    this.#open = spec.openCount ?? new OwnCount();
  }

  /** Takes in one more connection, or closes it: a caller that gets `false` is done with it. */
  admit(connection: { close(): void }): boolean {
    if (this.#open.tryTake(this.#spec.maxConnections)) return true;
    closeQuietly(connection);
    this.#spec.onRejected?.("max_connections");
    return false;
  }

  /** Gives the place of an admitted connection back; it has been closed. */
  reject(reason: Rejection, handshake?: FailedHandshake): void {
    this.#open.giveBack();
    this.#spec.onRejected?.(reason, handshake);
  }

  /**
   * Hands an admitted connection to its codec.
   *
   * @param leave Called when the codec has returned; a caller that gives one calls `release` itself.
   */
  deliver(
    stream: Duplex,
    facts: ConnectionFacts,
    protocol: string,
    leave: () => void = this.release,
  ): void {
    this.#onAccept(new OpenConnection(stream, facts, protocol, leave));
  }

  /** Gives the place of a delivered connection back. */
  readonly release = (): void => this.#open.giveBack();

  /** Begins a handshake, unless too many are under way. */
  beginHandshake(connection: { close(): void }, timeoutMs: number): Handshake | undefined {
    if (this.#handshakes >= MAX_HANDSHAKES) {
      closeQuietly(connection);
      this.reject("tls_busy");
      return undefined;
    }
    this.#handshakes++;
    return new Handshake(connection, this.clock, timeoutMs, () => this.#handshakes--);
  }

  /** The facts of a connection, before TLS has added its own. */
  factsOf({ remoteAddr, localAddr }: Addresses, source: Endpoint | undefined): ConnectionFacts {
    return {
      peerAddress: source?.address ?? socketAddress(remoteAddr.hostname),
      peerPort: source?.port ?? remoteAddr.port,
      peerIsDirect: source === undefined,
      localAddress: socketAddress(localAddr.hostname),
      localPort: localAddr.port,
      listener: this.#spec.name,
      tls: undefined,
    };
  }
}

/** The facts of a connection whose handshake is done. */
export function withTls(facts: ConnectionFacts, tls: TlsFacts): ConnectionFacts {
  return { ...facts, tls };
}

/** A TLS handshake under way, which ends in time. */
export class Handshake implements Expiring {
  deadline: number;
  /** Whether it took too long; the connection is closed then. */
  expired = false;
  readonly #connection: { close(): void };
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  #ended = false;

  constructor(
    connection: { close(): void },
    clock: Clock,
    timeoutMs: number,
    onEnd: () => void,
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.deadline = clock.now + timeoutMs;
    clock.watch(this);
  }

  expire(): void {
    this.expired = true;
    this.end();
    closeQuietly(this.#connection);
  }

  /** It is over, one way or another. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#clock.unwatch(this);
    this.#onEnd();
  }
}

/** A connection on its way to the codec. */
class OpenConnection implements Accepted {
  #leave: (() => void) | undefined;

  constructor(
    readonly stream: Duplex,
    readonly facts: ConnectionFacts,
    readonly protocol: string,
    leave: () => void,
  ) {
    this.#leave = leave;
  }

  done(): void {
    this.#leave?.();
    this.#leave = undefined;
  }
}

/** Connections of a listener that shares its count with no other thread. */
class OwnCount implements OpenCount {
  #open = 0;

  tryTake(max: number): boolean {
    if (this.#open >= max) return false;
    this.#open++;
    return true;
  }

  giveBack(): void {
    this.#open--;
  }
}
