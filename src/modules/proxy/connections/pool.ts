/**
 * The connections of one worker to one upstream. HTTP/1 connections that are free are used again, the
 * last one first, so that those which are not needed any more grow old and are closed; HTTP/2 connections
 * are shared by as many requests as they have streams.
 *
 * @module
 */
import { ClientError, type ClientRequest, type ClientResponse } from "../../../http/client.ts";
import {
  type ConnectionOwner,
  Http1Client,
  type UpstreamTimeouts,
} from "../../../http/h1/client.ts";
import { Http2Client } from "../../../http/h2/mod.ts";
import type { Logger } from "../../../gateway/reports/log.ts";
import type { SnapshotContext } from "../../../gateway/module.ts";
import type { Call } from "../../../gateway/origin.ts";
import type { Clock } from "../../../net/clock.ts";
import {
  dial,
  type Dialed,
  DialError,
  type SourceFacts,
  targetKey,
  type UpstreamTarget,
} from "../../../net/dial/dial.ts";
import { Opening } from "./opening.ts";
import { type SharedConnection, SharedConnections } from "./shared_connections.ts";

/** What a pool works with. */
export interface PoolOptions {
  /** As the log names it: `upstream app.test:80`. */
  readonly name: string;
  readonly log: Logger;
  readonly target: UpstreamTarget;
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
  /** Most idle connections kept for longer than a tick of the clock. */
  readonly maxIdle: number;
  /** Most streams on one HTTP/2 connection. */
  readonly maxStreams: number;
  /** Silence after which an HTTP/2 upstream is asked for a sign of life; 0 for never. */
  readonly pingIntervalMs: number;
}

/** A connection that can carry a request now. */
export type UpstreamConnection = Http1Client | SharedConnection;

/** Connections to one upstream. */
export class UpstreamPool implements ConnectionOwner {
  /** A PROXY header speaks for one client: such a connection must not carry another one's request. */
  readonly speaksForOne: boolean;
  readonly #idle: Http1Client[] = [];
  readonly #shared: SharedConnections;
  /** The connection on its way that more callers may wait for. */
  #opening: Opening<UpstreamConnection> | undefined;
  /** The upstream speaks HTTP/2, as far as is known. */
  #isShared: boolean;
  #stopped = false;
  /** The log has it that the upstream sends what no request asked for. */
  #isSurplusLogged = false;

  constructor(readonly options: PoolOptions) {
    const { target, maxStreams, maxIdle } = options;
    this.speaksForOne = target.proxyProtocol !== "off";
    this.#isShared = target.version !== "http1";
    this.#shared = new SharedConnections({
      maxStreams,
      maxIdle: this.speaksForOne ? 0 : maxIdle,
      reuse: !this.speaksForOne,
    });
  }

  /** A connection that is there already, if one has room. To be used, or given back. */
  take(): UpstreamConnection | undefined {
    return this.#idle.pop() ?? this.#shared.take();
  }

  /**
   * Opens a connection for `caller`. Where connections are shared, callers that come at the same time wait
   * for the same one, as many as it will have streams for.
   *
   * @param source Whom a PROXY header is to speak for.
   * @throws {ClientError} with stage `connect`.
   */
  connect(caller: Call, source?: SourceFacts): Promise<UpstreamConnection> {
    const { expectedStreams } = this.#shared;
    if (!this.#isShared || this.speaksForOne || expectedStreams === 1) {
      return this.#open(source).join(caller);
    }
    let opening = this.#opening;
    if (opening === undefined || opening.size >= expectedStreams || opening.signal.aborted) {
      this.#opening = opening = this.#open(undefined);
    }
    return opening.join(caller);
  }

  /**
   * Sends a request on a connection of this pool. When `caller` goes away before the head of the answer
   * is there, the request is given up.
   *
   * @throws as {@linkcode Http1Client.request} and {@linkcode Http2Client.request}.
   */
  send(
    caller: Call,
    connection: UpstreamConnection,
    request: ClientRequest,
  ): Promise<ClientResponse> {
    if (!(connection instanceof Http1Client)) return connection.send(caller, request);
    caller.onAbort = connection.abort;
    return connection.request(request);
  }

  /** Takes back a connection that was not used. */
  giveBack(connection: UpstreamConnection): void {
    if (connection instanceof Http1Client) connection.close();
    else connection.giveBack();
  }

  onIdle(connection: Http1Client): void {
    if (this.#stopped || this.speaksForOne) connection.close();
    else this.#idle.push(connection);
  }

  /**
   * What is over the limit is closed when it has not been needed for a tick, and not before: requests that
   * come in bursts would open as many connections again each time.
   */
  keepsIdle(): boolean {
    return this.#idle.length <= this.options.maxIdle;
  }

  /** Once a pool: an upstream that does it once does it with every request. */
  onSurplus(): void {
    if (this.#isSurplusLogged) return;
    this.#isSurplusLogged = true;
    const { name, log } = this.options;
    log.log(
      "warn",
      "fluxheim::proxy",
      `${name} sends bytes after its answer, which no request asked for; its connection is closed each time, ` +
        "and this is not logged again",
    );
  }

  onClosed(connection: Http1Client): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** Closes what is idle now, and the rest when it becomes idle. */
  close(): void {
    this.#stopped = true;
    for (const connection of [...this.#idle]) connection.close();
    this.#shared.stop();
  }

  #open(source: SourceFacts | undefined): Opening<UpstreamConnection> {
    const opening = new Opening<UpstreamConnection>();
    this.#dial(opening, source);
    return opening;
  }

  /** Makes the connection and gives it to those who wait. Never rejects. */
  async #dial(
    opening: Opening<UpstreamConnection>,
    source: SourceFacts | undefined,
  ): Promise<void> {
    const { target, clock } = this.options;
    try {
      const dialed = await dial(target, source, clock, opening.signal);
      if (this.#opening === opening) this.#opening = undefined;
      if (dialed.protocol === "h2") this.#giveShared(opening, dialed);
      else this.#giveOwn(opening, dialed);
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      const reason = error instanceof DialError ? `${error.reason}: ${error.message}` : `${error}`;
      opening.fail(new ClientError("connect", reason, { cause: error }));
    }
  }

  #giveShared(opening: Opening<UpstreamConnection>, { stream }: Dialed): void {
    const { clock, timeouts, maxStreams, pingIntervalMs } = this.options;
    const client = new Http2Client(stream, { clock, timeouts, maxStreams, pingIntervalMs });
    const connection = this.#shared.add(client);
    this.#isShared = true;
    for (let count = opening.size; count > 0; count--) {
      connection.reserve();
      if (!opening.give(connection)) connection.giveBack();
    }
    this.#shared.onRoom(connection);
  }

  /** The upstream speaks HTTP/1.1: who waited beside the first one needs a connection of his own. */
  #giveOwn(opening: Opening<UpstreamConnection>, { stream }: Dialed): void {
    const { clock, timeouts } = this.options;
    this.#isShared = false;
    const connection = new Http1Client(stream, clock, timeouts, this);
    if (!opening.give(connection)) connection.close();
    while (opening.size > 0) opening.moveOneTo(this.#open(undefined));
  }
}

/** The same text for options whose connections may serve each other's requests, and for no others. */
export function poolKey(options: PoolOptions): string {
  const { name, target, timeouts, maxIdle, maxStreams, pingIntervalMs } = options;
  const { connectTimeoutMs, totalConnectTimeoutMs } = target;
  // The clock and the log are the worker's own, and the same for every snapshot.
  return JSON.stringify([
    name,
    targetKey(target),
    connectTimeoutMs ?? null,
    totalConnectTimeoutMs ?? null,
    timeouts.readMs,
    timeouts.sendMs,
    timeouts.idleMs,
    maxIdle,
    maxStreams,
    pingIntervalMs,
  ]);
}

/** The pool with these options that the snapshots of this worker share: a reload that leaves them keeps it. */
export function keptPool(
  { keep }: Pick<SnapshotContext, "keep">,
  options: PoolOptions,
): UpstreamPool {
  return keep(`proxy/pool ${poolKey(options)}`, () => new UpstreamPool(options));
}

/** Whether requests can be refused on `connection` without having been looked at, as HTTP/2 knows it. */
export function canRefuse(connection: UpstreamConnection): boolean {
  return !(connection instanceof Http1Client);
}

/** Whether `connection` carried a request before, so that it may have died unnoticed. */
export function isReused(connection: UpstreamConnection): boolean {
  return connection.requests > 0;
}
