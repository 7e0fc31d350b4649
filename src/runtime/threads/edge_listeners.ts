/**
 * The data listeners of one worker and the connections that came in by them.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { Codec } from "../../gateway/codec.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { Metrics } from "../../gateway/reports/metrics.ts";
import type { ListenerNeed } from "../../gateway/module.ts";
import type { Handler } from "../../http/exchange.ts";
import { OpenConnections, type ServerOptions } from "../../http/server.ts";
import type { Clock } from "../../net/clock.ts";
import { closeQuietly } from "../../net/duplex.ts";
import type { Accepted, Listener } from "../../net/listen/listener.ts";
import { type ListenerSpec, openListener } from "../../net/listen/listen.ts";
import type { CommonListenerSpec, SecureListenerSpec } from "../../net/listen/listener_spec.ts";
import type { UnixSockets } from "../../net/listen/unix_sockets.ts";
import type { TlsListenerSpec } from "../../net/tls/spec.ts";
import { TrustedPeers } from "../../net/trusted_peers.ts";
import { count } from "../../zones/count.ts";
import type { Zones } from "../../zones/zones.ts";
import { pathOf, portOf } from "../listeners.ts";
import { AcceptCounters } from "../metrics/accept_counters.ts";
import { acceptFaults } from "../log/accept_faults.ts";
import { RejectionLog } from "../log/rejection_log.ts";
import { giveUpAddresses } from "../permissions/give_up.ts";
import { httpCodecs } from "./http_codecs.ts";
import { connectionsZone, socketIdentity, socketZone } from "./zone_plan.ts";

/** Time for a request head, for a PROXY header, and between two requests (spec 01 section 3.7). */
const HEAD_TIMEOUT_MS = 10_000;
/** By then every connection that was idle has had its request or its time limit. */
const RETIRE_MS = HEAD_TIMEOUT_MS + 1_000;
/** How often a drain looks whether the last connection has ended. */
const DRAIN_POLL_MS = 20;

/** What the listeners of a worker work with. */
export interface EdgeServices {
  readonly handler: Handler<Exchange>;
  /** Protocols of the modules' own. */
  readonly codecs: readonly Codec[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly zones: Zones;
  /** Absent in builds that open none. */
  readonly sockets: UnixSockets | undefined;
  /** What the permissions of the worker have for binding only. */
  readonly givenUp: readonly string[];
}

/** Everything one worker listens on. */
export class EdgeListeners {
  readonly #ports: readonly Listener[];
  readonly #needs: readonly ListenerNeed[];
  readonly #open: OpenConnections;
  readonly #clock: Clock;
  /** Unix sockets: those to serve, and those it serves. */
  readonly #socketSpecs: readonly ListenerSpec[];
  #sockets: readonly Listener[] = [];
  readonly #onAccept: (accepted: Accepted) => void;
  readonly #opener: UnixSockets | undefined;
  #closed = false;

  private constructor(
    ports: readonly Listener[],
    needs: readonly ListenerNeed[],
    socketSpecs: readonly ListenerSpec[],
    open: OpenConnections,
    onAccept: (accepted: Accepted) => void,
    { clock, sockets: opener }: EdgeServices,
  ) {
    this.#ports = ports;
    this.#needs = needs;
    this.#socketSpecs = socketSpecs;
    this.#open = open;
    this.#onAccept = onAccept;
    this.#clock = clock;
    this.#opener = opener;
  }

  /**
   * Binds every port of `listeners`, gives up what that alone needed, and serves what connects. Listeners and
   * their limits never change in a running process, so this is done once.
   *
   * @param tls Of the TLS listeners.
   * @throws {ListenError} when one cannot be bound; none is left listening.
   */
  static async open(
    config: Config,
    listeners: readonly ListenerNeed[],
    tls: TlsListenerSpec | undefined,
    services: EdgeServices,
  ): Promise<EdgeListeners> {
    const open = new OpenConnections();
    const options = serverOptions(config, services.clock, open);
    const codecs = new Map<string, Codec>();
    for (const codec of [...httpCodecs(services.handler, options), ...services.codecs]) {
      codecs.set(codec.name, codec);
    }
    const counters = new AcceptCounters(services.metrics);
    const serve = (accepted: Accepted) => {
      counters.accepted(accepted);
      void serveConnection(accepted, codecs, open, services.log);
    };
    const early: Accepted[] = [];
    let bound = false;
    const onAccept = (accepted: Accepted) => bound ? serve(accepted) : void early.push(accepted);
    const specs = listenerSpecs(config, listeners, tls, services, counters);
    for (const { key, protocol } of specs) {
      if (!codecs.has(protocol)) throw new Error(`${key}: this build does not speak ${protocol}`);
    }
    const ports = await openAll(specs.filter(({ kind }) => kind !== "unix"), onAccept);
    giveUpAddresses(services.givenUp);
    bound = true;
    early.forEach(serve);
    const sockets = specs.filter(({ kind }) => kind === "unix");
    return new EdgeListeners(ports, listeners, sockets, open, onAccept, services);
  }

  /** Requests under way on HTTP/2 connections. */
  get streams(): number {
    return this.#open.streams;
  }

  /** What it listens on now. */
  get listeners(): readonly Listener[] {
    return [...this.#ports, ...this.#sockets];
  }

  /**
   * Serves the unix sockets from now on. What waits in the queues of its own earlier ones is accepted.
   *
   * @returns The sockets.
   * @throws {ListenError} when one cannot be bound; those that could be are served no more.
   */
  async takeSockets(): Promise<readonly Listener[]> {
    const taken = await openAll(this.#socketSpecs, this.#onAccept, this.#opener);
    const old = this.#sockets;
    this.#sockets = taken;
    await Promise.all(old.map((listener) => listener.retire()));
    if (this.#closed) { for (const listener of taken) listener.close(); }
    return taken;
  }

  /** Makes the TLS listeners show and ask for what a new snapshot says. */
  async updateTls(tls: TlsListenerSpec): Promise<void> {
    await Promise.all(this.listeners.map((listener) => {
      const need = this.#needs.find(({ address }) => address === listener.name);
      return listener.updateTls?.(tlsFor(tls, need));
    }));
    await socketsClosed();
  }

  /** Accepts nothing more; when this returns, the sockets are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const listener of this.listeners) listener.close();
    await socketsClosed();
  }

  /** The same, when successors already listen: what waits to be accepted is served first. */
  async handOver(): Promise<void> {
    this.#closed = true;
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
   * that there is time and no request need be lost.
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

/** Opens all of `specs`, or none. */
async function openAll(
  specs: readonly ListenerSpec[],
  onAccept: (accepted: Accepted) => void,
  sockets?: UnixSockets,
): Promise<readonly Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const spec of specs) listeners.push(await openListener(spec, onAccept, sockets));
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  return listeners;
}

/** Serves one connection to its end. A fault ends this connection and no other. */
async function serveConnection(
  accepted: Accepted,
  codecs: ReadonlyMap<string, Codec>,
  open: OpenConnections,
  log: Logger,
): Promise<void> {
  const { protocol, stream } = accepted;
  try {
    const codec = codecs.get(protocol);
    if (codec === undefined) throw new Error(`no codec for ${protocol}`);
    await codec.serve(accepted, open);
  } catch (error) {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    log.log("error", "fluxheim", `fault of a connection: ${text}`);
    closeQuietly(stream);
  } finally {
    accepted.done();
  }
}

function listenerSpecs(
  { server }: Config,
  listeners: readonly ListenerNeed[],
  tls: TlsListenerSpec | undefined,
  services: EdgeServices,
  counters: AcceptCounters,
): ListenerSpec[] {
  const { clock, log, zones } = services;
  const trustedProxies = TrustedPeers.of(server.trusted_proxies);
  const commonOf = (
    { address, key, protocol, proxyProtocol }: ListenerNeed,
  ): CommonListenerSpec => {
    const rejections = new RejectionLog(key, clock, log);
    return {
      name: address,
      key,
      protocol,
      maxConnections: server.limits.max_connections,
      openCount: zones.open(count, connectionsZone(address)),
      proxyProtocol,
      trustedProxies,
      headTimeoutMs: HEAD_TIMEOUT_MS,
      clock,
      onRejected(reason, handshake) {
        counters.rejected(address, reason);
        rejections.add(reason, handshake);
      },
      onFault: acceptFaults(key, clock, log),
      onWarning: (message) => log.log("warn", "fluxheim::security", `${key}: ${message}`),
      onUnfitCertificate: (message) => log.log("error", "fluxheim", `${key}: ${message}`),
    };
  };
  return listeners.map((need): ListenerSpec => {
    const { kind, key, address } = need;
    const common = commonOf(need);
    const path = pathOf(need);
    if (path !== undefined) {
      const { mode, owner, group } = server.unix;
      const identity = zones.open(socketIdentity, socketZone(address));
      return { ...common, kind: "unix", path, mode: parseInt(mode, 8), owner, group, identity };
    }
    const { host: hostname, port } = portOf(need);
    const onPort = { ...common, hostname, port, reusePort: true };
    if (kind === "tcp") return { ...onPort, kind };
    if (kind !== "tls") throw new Error(`${key}: this build cannot open listeners of kind ${kind}`);
    if (tls === undefined) throw new Error(`${key}: this build has no TLS`);
    return {
      ...onPort,
      kind,
      tls: tlsFor(tls, need),
      passesOn: passingOn(services.codecs, address),
    };
  });
}

/** What one listener shows and asks for. */
function tlsFor(tls: TlsListenerSpec, need: ListenerNeed | undefined): TlsListenerSpec {
  // Other protocols have no end of their own in what they send: how a connection ends must show, and the
  // runtime's server can only end it in order.
  return need?.alpn === undefined ? tls : { ...tls, alpn: need.alpn, fastListener: false };
}

/** Asks the codecs that share the TLS listener on `address` whose connection a hello begins. */
function passingOn(codecs: readonly Codec[], address: string): SecureListenerSpec["passesOn"] {
  const sharing = codecs.filter((codec) => codec.sharesTls?.(address) === true);
  if (sharing.length === 0) return undefined;
  return (hello) => sharing.find((codec) => codec.takesTls?.(address, hello) === true)?.name;
}
