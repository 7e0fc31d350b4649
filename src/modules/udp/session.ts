/** One client's datagrams with one upstream, and how long they are waited for. @module */
import type { Clock, Expiring } from "../../net/clock.ts";
import type { UdpUpstream } from "./upstreams.ts";

/** Where a client's datagrams came in, and where the answers go. */
export interface UdpClient {
  readonly listener: Deno.DatagramConn;
  readonly address: Deno.NetAddr;
  /** Its address in normal form, without the port. */
  readonly source: string;
}

/** A question that is open. */
export interface OpenQuestion {
  /** The client's. */
  readonly clientId: number;
  /** What the upstream was asked with: random. */
  readonly id: number;
  readonly question: Uint8Array;
}

/** How a session ends by itself. */
export interface SessionEvents {
  /** No answer came in time. */
  onUnanswered(session: UdpSession): void;
  /** Nothing came at all for the idle time. */
  onIdle(session: UdpSession): void;
}

/** A session. */
export class UdpSession implements Expiring {
  deadline = 0;
  isOver = false;
  /** Whether the upstream has ever answered. */
  hasAnswer = false;
  client: UdpClient;
  /** Keys of its connection ids, in `quic-pass-through`. */
  readonly ids: string[] = [];
  #idleAt = 0;
  #answerBy = Infinity;
  readonly #clock: Clock;
  readonly #events: SessionEvents;
  readonly #idleMs: number;

  /** @param socket Its own, `undefined` where nothing comes back. */
  constructor(
    public key: string,
    client: UdpClient,
    readonly upstream: UdpUpstream,
    readonly socket: Deno.DatagramConn | undefined,
    readonly asked: OpenQuestion | undefined,
    limits: { readonly idleMs: number },
    clock: Clock,
    events: SessionEvents,
  ) {
    this.client = client;
    this.#clock = clock;
    this.#events = events;
    this.#idleMs = limits.idleMs;
    this.touch();
    clock.watch(this);
  }

  /** A datagram went through. */
  touch(): void {
    this.#idleAt = this.#clock.now + this.#idleMs;
    this.#schedule();
  }

  /** An answer is expected within `ms`, if none has come before. */
  expectAnswer(ms: number): void {
    if (this.hasAnswer || this.#answerBy !== Infinity) return;
    this.#answerBy = this.#clock.now + ms;
    this.#schedule();
  }

  /** The upstream has answered. */
  answered(): void {
    this.hasAnswer = true;
    this.#answerBy = Infinity;
    this.touch();
  }

  expire(): void {
    if (this.#clock.now >= this.#answerBy) this.#events.onUnanswered(this);
    else this.#events.onIdle(this);
  }

  /** Ends it, once. @returns Whether this call did. */
  end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#clock.unwatch(this);
    this.socket?.close();
    return true;
  }

  #schedule(): void {
    this.deadline = Math.min(this.#idleAt, this.#answerBy);
  }
}
