/**
 * Ending connections of the static TLS terminator. The runtime never gives up on such a connection once it has
 * something to say: while a peer does not finish its handshake, or does not read, `close()` leaves the
 * socket open unnoticed, for as long as the peer likes. What cannot be ended is therefore counted
 * and reported to the listener, which changes to the other terminator before it is too much. A connection that got
 * through its handshake keeps its place among the open ones meanwhile.
 *
 * @module
 */
import type { Clock, Expiring } from "../clock.ts";
import { closeQuietly, type Duplex } from "../duplex.ts";

/** Time for the last bytes and `close_notify` to leave. */
const LINGER_MS = 2_000;
/** A peer that is gone is given up by the kernel within this (`tcp_retries2`, 15 minutes). */
const KERNEL_GIVES_UP_MS = 20 * 60_000;
/** Most connections that could not be ended, at a time; each may hold a full send buffer. */
export const MAX_STUCK = 64;
/** Most of them since the listener was opened. A peer that holds on outlives the kernel's limit. */
const MAX_STUCK_EVER = 1024;

/** The connections of one listener that could not be ended. */
export class StuckConnections {
  #now = 0;
  #ever = 0;

  /** @param onTooMany Called for each one past the bounds. */
  constructor(readonly onTooMany: () => void) {}

  get now(): number {
    return this.#now;
  }

  add(): void {
    this.#now++;
    this.#ever++;
    if (this.#now >= MAX_STUCK || this.#ever >= MAX_STUCK_EVER) this.onTooMany();
  }

  delete(): void {
    this.#now--;
  }
}

/** A connection of the static terminator, which knows when it has really ended. */
export class StaticStream implements Duplex, Expiring {
  deadline = 0;
  readonly #connection: Deno.TlsConn;
  readonly #clock: Clock;
  readonly #stuck: StuckConnections;
  readonly #onGone: () => void;
  #state: "open" | "closing" | "stuck" | "gone" = "open";
  #left = false;

  /** @param onGone Called once its codec has left and its socket is closed. */
  constructor(
    connection: Deno.TlsConn,
    clock: Clock,
    stuck: StuckConnections,
    onGone: () => void,
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#stuck = stuck;
    this.#onGone = onGone;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#connection.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#connection.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Pending calls reject when `close_notify` has left, or at the latest after {@linkcode LINGER_MS}. */
  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.deadline = this.#clock.now + LINGER_MS;
    this.#clock.watch(this);
    const onClosed = () => this.#onClosed();
    this.#connection.closeWrite().then(onClosed, onClosed);
  }

  expire(): void {
    if (this.#state === "closing") {
      this.#state = "stuck";
      closeQuietly(this.#connection);
      this.deadline = this.#clock.now + KERNEL_GIVES_UP_MS;
      this.#stuck.add();
    } else {
      this.#stuck.delete();
      this.#go();
    }
  }

  /** Its codec has returned. */
  readonly leave = (): void => {
    this.#left = true;
    if (this.#state === "gone") this.#onGone();
  };

  #onClosed(): void {
    if (this.#state !== "closing") return;
    closeQuietly(this.#connection);
    this.#go();
  }

  #go(): void {
    this.#state = "gone";
    this.#clock.unwatch(this);
    if (this.#left) this.#onGone();
  }
}
