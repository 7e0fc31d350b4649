/**
 * Other gateways that are asked for an object before the upstream (spec 04 section 11).
 *
 * @module
 */
import { ClientRequest, type ClientResponse } from "../../../http/client.ts";
import { Fields, type ReadonlyFields } from "../../../http/fields.ts";
import type { Logger } from "../../../gateway/reports/log.ts";
import type { SnapshotContext } from "../../../gateway/module.ts";
import type { Call } from "../../../gateway/origin.ts";
import type { Clock } from "../../../net/clock.ts";
import type { Queue } from "../../../zones/queue.ts";
import {
  BoundedCall,
  type Endpoint,
  endpointOf,
  Upstream,
  UpstreamPool,
} from "../../proxy/edge.ts";
import type { Identity } from "../key/key.ts";
import { canonicalAuthority } from "../key/key.ts";
import type { CacheConfig } from "../schema.ts";

/** Field of a request that a peer makes: it is not passed on to further ones. */
export const PEER_MARK = "x-fluxheim-peer-fill";
/** How long a peer that could not be connected to is not asked. */
const SKIP_MS = 5_000;
const MAX_IDLE = 32;
const IDLE_MS = 60_000;

/** What of the client's request a peer gets. */
const PASSED = ["accept", "accept-encoding", "accept-language"];

/** What came of asking. */
export type PeerEvent = "peer_fill_hit" | "peer_fill_miss" | "peer_fill_error";

/** Why no peer had it. */
export type PeerMiss = "peer-fill-miss" | "peer-fill-concurrency-limit";

/** What peers are asked for. */
export interface PeerQuestion {
  readonly identity: Identity;
  /** Path and query as they came. */
  readonly target: string;
  /** As the upstream would see it. */
  readonly fields: ReadonlyFields;
  readonly call: Call;
}

/** An answer that was taken. */
export interface PeerAnswer<T> {
  readonly response: ClientResponse;
  readonly taken: T;
  /** Gives the permit back; called when the body has ended. */
  readonly release: () => void;
}

interface Peer {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly upstream: Upstream;
  skippedUntil: number;
}

/** The peers of one cache, as one worker asks them. */
export class Peers {
  readonly #config: CacheConfig["peer_fill"];
  readonly #peers: readonly Peer[];
  readonly #permits: Queue;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(
    config: CacheConfig["peer_fill"],
    permits: Queue,
    context: Pick<SnapshotContext, "clock" | "log" | "keep">,
  ) {
    this.#config = config;
    this.#permits = permits;
    this.#clock = context.clock;
    this.#log = context.log;
    this.#peers = config.peers.map(({ name, base_url }) => {
      const endpoint = endpointOf(base_url);
      const pool = poolOf(`cache peer ${name}`, endpoint, config, context);
      const rules = { name: pool.options.name, maxRetries: 1, log: undefined };
      return { name, endpoint, upstream: new Upstream(pool, rules), skippedUntil: 0 };
    });
  }

  get failsOpen(): boolean {
    return this.#config.fail_open;
  }

  /** Largest body that is accepted. */
  get maxBytes(): number {
    return this.#config.max_object_bytes ?? Infinity;
  }

  /**
   * Asks one peer after the other.
   *
   * @param accept Judges a 200; what it returns goes with the answer, `undefined` for one that will not do.
   */
  async ask<T>(
    question: PeerQuestion,
    accept: (response: ClientResponse, delaySecs: number, asked: Fields) => T | undefined,
    note: (event: PeerEvent) => void,
  ): Promise<PeerAnswer<T> | PeerMiss> {
    if (!this.#permits.tryTake()) return "peer-fill-concurrency-limit";
    let isHeld = true;
    const release = () => {
      if (isHeld) this.#permits.giveBack();
      isHeld = false;
    };
    try {
      for (const peer of this.#peers) {
        if (question.call.aborted || peer.skippedUntil > this.#clock.now) continue;
        const answer = await this.#askOne(peer, question, accept, note);
        if (answer !== undefined) return { ...answer, release };
      }
    } catch (error) {
      release();
      throw error;
    }
    release();
    return "peer-fill-miss";
  }

  async #askOne<T>(
    peer: Peer,
    { identity, target, fields, call }: PeerQuestion,
    accept: (response: ClientResponse, delaySecs: number, asked: Fields) => T | undefined,
    note: (event: PeerEvent) => void,
  ): Promise<{ response: ClientResponse; taken: T } | undefined> {
    const { connect_timeout_secs, read_timeout_secs } = this.#config;
    const asked = new Fields();
    for (const name of PASSED) for (const line of fields.all(name)) asked.append(name, line);
    const sent = asked.clone();
    sent.append("cache-control", "only-if-cached");
    sent.append(PEER_MARK, "1");
    const limitMs = (connect_timeout_secs + read_timeout_secs) * 1000;
    const bounded = new BoundedCall(call, this.#clock.now + limitMs);
    this.#clock.watch(bounded);
    const sentAt = performance.now();
    try {
      const response = await peer.upstream.fetch(
        new ClientRequest(
          "GET",
          target,
          peer.endpoint.tls ? "https" : "http",
          canonicalAuthority(identity),
          sent,
          undefined,
          undefined,
        ),
        bounded,
      );
      const delaySecs = (performance.now() - sentAt) / 1000;
      const taken = response.status === 200 ? accept(response, delaySecs, asked) : undefined;
      if (taken !== undefined) {
        note("peer_fill_hit");
        return { response, taken };
      }
      response.body?.cancel();
      note("peer_fill_miss");
    } catch (error) {
      note("peer_fill_error");
      const isConnect = error instanceof Error && Reflect.get(error, "stage") === "connect";
      if (isConnect) {
        peer.skippedUntil = this.#clock.now + SKIP_MS;
        this.#log.log("debug", "fluxheim::cache", `cache peer ${peer.name} cannot be reached`);
      }
    } finally {
      this.#clock.unwatch(bounded);
      call.onAbort = undefined;
    }
    return undefined;
  }
}

function poolOf(
  name: string,
  { tls, host, port, authority }: Endpoint,
  { connect_timeout_secs, read_timeout_secs }: CacheConfig["peer_fill"],
  { clock, log, keep }: Pick<SnapshotContext, "clock" | "log" | "keep">,
): UpstreamPool {
  const connectMs = connect_timeout_secs * 1000;
  const readMs = read_timeout_secs * 1000;
  const scheme = tls ? "https" : "http";
  return keep(
    `cache/peer ${name} ${scheme}://${authority} ${connectMs} ${readMs}`,
    () =>
      new UpstreamPool({
        name,
        log,
        target: {
          host,
          port,
          version: "http1",
          proxyProtocol: "off",
          connectTimeoutMs: connectMs,
          totalConnectTimeoutMs: connectMs,
          tls: tls
            ? {
              serverName: host,
              verifyChain: true,
              verifyNames: [host],
              roots: undefined,
              client: undefined,
            }
            : undefined,
        },
        timeouts: { readMs, sendMs: readMs, idleMs: IDLE_MS },
        clock,
        maxIdle: MAX_IDLE,
        maxStreams: 1,
        pingIntervalMs: 0,
      }),
  );
}
