/**
 * The data listeners of one worker and the connections that came in by them.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import { splitAuthority } from "../../http/authority.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Logger } from "../../gateway/log.ts";
import type { Counter, Metrics } from "../../gateway/metrics.ts";
import { serveHttp1 } from "../../http/h1/server.ts";
import { serveHttp2 } from "../../http/h2/server.ts";
import type { Handler } from "../../http/exchange.ts";
import { OpenConnections, type ServerOptions } from "../../http/server.ts";
import type { Clock } from "../../net/clock.ts";
import { closeQuietly } from "../../net/duplex.ts";
import { IpSet } from "../../net/ip_set.ts";
import type { Accepted, Listener } from "../../net/listen/listener.ts";
import { type ListenerSpec, openListener } from "../../net/listen/listen.ts";
import type { Rejection } from "../../net/listen/listener_spec.ts";
import type { TlsListenerSpec } from "../../net/tls/spec.ts";
import { count } from "../../zones/count.ts";
import type { Zones } from "../../zones/zones.ts";
import { acceptFaults } from "../log/accept_faults.ts";
import { RejectionLog } from "../log/rejection_log.ts";
import { giveUpAddresses } from "../permissions/give_up.ts";
import { connectionsZone } from "./zone_plan.ts";

/** Time for a request head, for a PROXY header, and between two requests (spec 01 section 3.7). */
const HEAD_TIMEOUT_MS = 10_000;
/** By then every connection that was idle has had its request or its time limit. */
const RETIRE_MS = HEAD_TIMEOUT_MS + 1_000;
/** How often a drain looks whether the last connection has ended. */
const DRAIN_POLL_MS = 20;

/** What the listeners of a worker work with. */
export interface EdgeServices {
  readonly handler: Handler<Exchange>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly zones: Zones;
  /** Index of this worker. */
  readonly slot: number;
  /** What the permissions of the worker have for binding only. */
  readonly givenUp: readonly string[];
}

/** Everything one worker listens on. */
export class EdgeListeners {
  readonly listeners: readonly Listener[];
  readonly #open: OpenConnections;
  readonly #clock: Clock;

  private constructor(listeners: readonly Listener[], open: OpenConnections, clock: Clock) {
    this.listeners = listeners;
    this.#open = open;
    this.#clock = clock;
  }

  /**
   * Binds every listener of `config`, gives up what that alone needed, and serves what connects.
   * Listeners and their limits never change in a running process, so this is done once.
   *
   * @param tls Of `server.tls_listen`.
   * @throws {ListenError} when one cannot be bound; none is left listening.
   */
  static async open(
    config: Config,
    tls: TlsListenerSpec | undefined,
    services: EdgeServices,
  ): Promise<EdgeListeners> {
    const open = new OpenConnections();
    const options = serverOptions(config, services.clock, open);
    const serve = (accepted: Accepted) => void serveConnection(accepted, services, options);
    const early: Accepted[] = [];
    let bound = false;
    const onAccept = (accepted: Accepted) => bound ? serve(accepted) : void early.push(accepted);
    const listeners: Listener[] = [];
    try {
      for (const spec of listenerSpecs(config, tls, services)) {
        listeners.push(await openListener(spec, onAccept));
      }
    } catch (error) {
      for (const listener of listeners) listener.close();
      throw error;
    }
    giveUpAddresses(services.givenUp);
    bound = true;
    early.forEach(serve);
    return new EdgeListeners(listeners, open, services.clock);
  }

  /** Makes the TLS listeners show and ask for what a new snapshot says. */
  async updateTls(tls: TlsListenerSpec): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.updateTls?.(tls)));
    await socketsClosed();
  }

  /** Accepts nothing more; when this returns, the sockets are closed. */
  async close(): Promise<void> {
    for (const listener of this.listeners) listener.close();
    await socketsClosed();
  }

  /** The same, when successors already listen: what waits to be accepted is served first. */
  async handOver(): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.retire()));
    await socketsClosed();
  }

  /** Waits until every connection has ended; idle ones are closed at once. */
  async drain(): Promise<void> {
    this.#open.drain();
    await this.#empty(Infinity);
  }

  /**
   * Waits until every connection has ended by itself: for workers whose successors already serve, so
   * that there is no hurry and no request need be lost.
   */
  async retire(): Promise<void> {
    this.#open.retire();
    await this.#empty(RETIRE_MS);
    this.#open.drain();
    await this.#empty(Infinity);
  }

  async #empty(limitMs: number): Promise<void> {
    const end = this.#clock.now + limitMs;
    while (this.#open.size > 0 && this.#clock.now < end) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
  }

  /** Cuts every connection that is left. */
  abort(): void {
    this.#open.abort();
  }
}

/** The runtime lets go of a closed listener when the accept that was pending has been cancelled. */
function socketsClosed(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function serverOptions(config: Config, clock: Clock, open: OpenConnections): ServerOptions {
  const { limits } = config.server;
  return {
    limits: {
      maxHeadBytes: limits.max_request_header_bytes,
      maxUriBytes: limits.max_uri_bytes,
      maxFields: limits.max_request_headers,
      strictTargets: limits.strict_targets,
    },
    clock,
    open,
    headTimeoutMs: HEAD_TIMEOUT_MS,
  };
}

/** Serves one connection to its end. A fault ends this connection and no other. */
async function serveConnection(
  accepted: Accepted,
  { handler, log }: EdgeServices,
  options: ServerOptions,
): Promise<void> {
  const { protocol, stream, facts } = accepted;
  try {
    if (protocol === "h2") await serveHttp2(stream, facts, handler, options);
    else await serveHttp1(stream, facts, handler, options);
  } catch (error) {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    log.log("error", "fluxheim", `fault of a connection: ${text}`);
    closeQuietly(stream);
  } finally {
    accepted.done();
  }
}

/** The counters of closed connections of one listener, by reason. */
function rejectionCounters(metrics: Metrics, listener: string): (reason: Rejection) => Counter {
  const counters = new Map<Rejection, Counter>();
  return (reason) => {
    let counter = counters.get(reason);
    if (counter === undefined) {
      counter = metrics.counter("fluxheim_connections_rejected_total", { listener, reason });
      counters.set(reason, counter);
    }
    return counter;
  };
}

function listenerSpecs(
  config: Config,
  tls: TlsListenerSpec | undefined,
  services: EdgeServices,
): ListenerSpec[] {
  const { server } = config;
  const { clock, log, metrics, zones } = services;
  const trustedProxies = IpSet.of(server.trusted_proxies);
  const specOf = (name: string, key: string): ListenerSpec => {
    const address = splitAuthority(name);
    if (address === undefined) throw new TypeError(`not an address and port: ${name}`);
    const rejections = new RejectionLog(key, clock, log);
    const rejected = rejectionCounters(metrics, name);
    return {
      name,
      key,
      hostname: address.host,
      port: address.port,
      reusePort: true,
      maxConnections: server.limits.max_connections,
      openCount: zones.open(count, connectionsZone(name)),
      proxyProtocol: server.proxy_protocol,
      trustedProxies,
      headTimeoutMs: HEAD_TIMEOUT_MS,
      clock,
      onRejected(reason) {
        rejected(reason).count();
        rejections.add(reason);
      },
      onFault: acceptFaults(key, clock, log),
      onWarning: (message) => log.log("warn", "fluxheim::security", `${key}: ${message}`),
      onUnfitCertificate: (message) => log.log("error", "fluxheim", `${key}: ${message}`),
    };
  };
  return [
    ...server.listen.map((name, index) => specOf(name, `server.listen[${index}]`)),
    ...server.tls_listen.map((name, index) => {
      const key = `server.tls_listen[${index}]`;
      if (tls === undefined) throw new Error(`${key}: this build has no TLS`);
      return { ...specOf(name, key), tls };
    }),
  ];
}
