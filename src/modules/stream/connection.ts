/** One connection of a stream route, from its first byte to its last (spec 01 section 4.2). @module */
import type { StreamPool } from "../../gateway/stream_pool.ts";
import type { Drainable } from "../../http/server.ts";
import type { Clock } from "../../net/clock.ts";
import type { ConnectionFacts } from "../../net/connection_facts.ts";
import { dial, DialError, type DialFailure } from "../../net/dial/dial.ts";
import { closeQuietly, type Duplex } from "../../net/duplex.ts";
import { readProxyHeader } from "../../net/listen/read_proxy_header.ts";
import { ReadAhead } from "../../net/read_ahead.ts";
import { Relay, type RelayEnd, type RelayResult } from "../../net/relay.ts";
import type { Arrived } from "./arrival.ts";
import type { Client } from "./client.ts";
import type { Outcome, StreamRoute, StreamUpstream } from "./route.ts";

/** How a connection went. */
export interface Ending {
  readonly outcome: Outcome;
  /** Why, where that is not in the outcome. */
  readonly reason: string;
  readonly client: Client;
  /** Of the upstream, `""` for none. */
  readonly upstream: string;
  /** Bytes of the client's that the upstream got. */
  readonly sent: number;
  /** Bytes of the upstream's that the client got. */
  readonly received: number;
}

const OUTCOME_OF_END: Readonly<Record<RelayEnd, Outcome>> = {
  complete: "completed",
  idle: "timeout",
  total: "timeout",
  bytes: "error",
  error: "error",
  aborted: "shutdown",
};

const REASON_OF_END: Readonly<Record<RelayEnd, string>> = {
  complete: "",
  idle: "no byte moved for idle_timeout_secs",
  total: "open for max_connection_secs",
  bytes: "more than max_connection_bytes in one direction",
  error: "",
  aborted: "",
};

const CONNECT_ERRORS: ReadonlySet<DialFailure> = new Set([
  "refused",
  "reset",
  "aborted",
  "unreachable",
]);

/** What connections work with, of their worker. */
export interface StreamServices {
  readonly clock: Clock;
  /** An upstream could not be connected to. */
  onUnreachable(route: StreamRoute, label: string, error: DialError): void;
}

/** A connection at work. */
export class StreamConnection implements Drainable {
  readonly #route: StreamRoute;
  readonly #stream: Duplex;
  readonly #facts: ConnectionFacts;
  readonly #services: StreamServices;
  /** Ends the dial: the client has gone, or the gateway stops. */
  readonly #leaving = new AbortController();
  /** What has been found out about it already. */
  readonly #arrived: Arrived | undefined;
  #relay: Relay | undefined;
  #client: Client;
  #isAborted = false;
  #hasLeft = false;

  constructor(
    route: StreamRoute,
    stream: Duplex,
    facts: ConnectionFacts,
    services: StreamServices,
    arrived?: Arrived,
  ) {
    this.#route = route;
    this.#arrived = arrived;
    this.#stream = stream;
    this.#facts = facts;
    this.#services = services;
    this.#client = arrived?.client ?? { address: facts.peerAddress, port: facts.peerPort };
  }

  /** A stream cannot be asked to end: it has until the end of the drain. */
  drain(): void {}

  abort(): void {
    this.#isAborted = true;
    this.#leaving.abort();
    if (this.#relay === undefined) closeQuietly(this.#stream);
    else this.#relay.abort();
  }

  /** Serves it to its end; its streams are closed then. Never rejects for what peers do. */
  async serve(): Promise<Ending> {
    const { header, trusted } = this.#route;
    let early = this.#arrived?.early;
    if (header !== "off" && this.#arrived === undefined) {
      if (!trusted.has(this.#facts.peerAddress)) {
        return this.#refuse("error", "PROXY header from a peer that is not in trusted_proxies");
      }
      const { clock } = this.#services;
      const { idleMs } = this.#route.limits;
      const received = await readProxyHeader(this.#stream, header, clock, idleMs);
      if (received === "proxy_timeout") return this.#refuse("timeout", "no PROXY header in time");
      if (received === "proxy_invalid") return this.#refuse("error", "no valid PROXY header");
      this.#client = received.source ?? { address: "", port: 0 };
      early = received.rest;
    }
    if (!this.#route.sources.serves(this.#client.address)) {
      return this.#refuse("rejected", "not among the sources of the route");
    }
    const stream = new ReadAhead(this.#stream, early);
    stream.watch(() => {
      this.#hasLeft = true;
      this.#leaving.abort();
    });
    const { pool } = this.#route;
    return await (pool === undefined ? this.#connect(stream) : this.#balance(stream, pool));
  }

  /** Tries upstreams until one connects. Once bytes may have been copied there is no other try. */
  async #connect(stream: ReadAhead): Promise<Ending> {
    const { rotation, turn } = this.#route;
    let failure: DialError | undefined;
    let tried = "";
    for (const upstream of rotation.at(turn.next())) {
      if (this.#leaving.signal.aborted) break;
      tried = upstream.label;
      const other = await this.#dial(upstream);
      if (!(other instanceof DialError)) {
        return this.#endingOf(await this.#pass(stream, other), upstream);
      }
      failure = other;
    }
    return this.#unconnected(failure, tried);
  }

  /** The same with the members of a pool, which hears how each of them did. */
  async #balance(stream: ReadAhead, pool: StreamPool): Promise<Ending> {
    const tries = pool.begin(this.#client.address);
    let failure: DialError | undefined;
    let tried = "";
    while (!this.#leaving.signal.aborted) {
      const attempt = tries.next();
      if (attempt === undefined) break;
      try {
        const upstream = this.#route.memberAt(attempt.address, attempt.name);
        tried = upstream.label;
        const other = await this.#dial(upstream);
        if (other instanceof DialError) {
          failure = other;
          attempt.failed(other);
          continue;
        }
        attempt.connected();
        const result = await this.#pass(stream, other);
        // How the client leaves, and limits and orders of ours, say nothing about the member.
        if (result.end === "complete") attempt.report(false);
        else if (result.broken === "second") attempt.report(true);
        return this.#endingOf(result, upstream);
      } finally {
        attempt.end();
      }
    }
    return this.#unconnected(failure, tried);
  }

  #unconnected(failure: DialError | undefined, tried: string): Ending {
    if (this.#hasLeft && !this.#isAborted) return this.#refuse("error", "the client left", tried);
    return this.#refuse(
      outcomeOf(failure),
      `no upstream: ${failure?.message ?? "none is available"}`,
      tried,
    );
  }

  /** The connection to an upstream, or why there is none. */
  async #dial({ target, label }: StreamUpstream): Promise<Duplex | DialError> {
    const { localAddress, localPort } = this.#facts;
    const { address: sourceAddress, port: sourcePort } = this.#client;
    const source = { sourceAddress, sourcePort, localAddress, localPort };
    const { signal } = this.#leaving;
    try {
      return (await dial(target, source, this.#services.clock, signal)).stream;
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      if (!signal.aborted) this.#services.onUnreachable(this.#route, label, error);
      return error;
    }
  }

  #pass(stream: Duplex, other: Duplex): Promise<RelayResult> {
    const relay = new Relay(stream, other, this.#services.clock, this.#route.limits);
    this.#relay = relay;
    // The order to end may have come with the connection.
    if (this.#isAborted) relay.abort();
    return relay.run();
  }

  #endingOf(result: RelayResult, { label }: StreamUpstream): Ending {
    const { end, error, forward, backward } = result;
    return {
      outcome: OUTCOME_OF_END[end],
      reason: error?.message ?? REASON_OF_END[end],
      client: this.#client,
      upstream: label,
      sent: forward,
      received: backward,
    };
  }

  #refuse(outcome: Outcome, reason: string, upstream = ""): Ending {
    closeQuietly(this.#stream);
    return {
      outcome: this.#isAborted ? "shutdown" : outcome,
      reason,
      client: this.#client,
      upstream,
      sent: 0,
      received: 0,
    };
  }
}

function outcomeOf(failure: DialError | undefined): Outcome {
  if (failure === undefined) return "error";
  if (failure.reason === "timeout") return "timeout";
  return CONNECT_ERRORS.has(failure.reason) ? "connect_error" : "error";
}
