/**
 * The connections of one worker to one upstream. HTTP/1 connections that are free are used again, the
 * last one first, so that those which are not needed any more grow old and are closed; HTTP/2 connections
 * are shared by as many requests as they have streams.
 *
 * @module
 */
import { ClientError, type ClientRequest, type ClientResponse } from "../../http/client.ts";
import { type ConnectionOwner, Http1Client, type UpstreamTimeouts } from "../../http/h1/client.ts";
import { Http2Client } from "../../http/h2/mod.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Clock } from "../../net/clock.ts";
import { dial, DialError, type SourceFacts, type UpstreamTarget } from "../../net/dial.ts";

/** What a pool works with. */
export interface PoolOptions {
  readonly target: UpstreamTarget;
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
  /** Most idle HTTP/1 connections kept. */
  readonly maxIdle: number;
  /** Most streams on one HTTP/2 connection. */
  readonly maxStreams: number;
  /** Silence after which an HTTP/2 upstream is asked for a sign of life; 0 for never. */
  readonly pingIntervalMs: number;
}

/** A connection that can carry a request now. */
export type UpstreamConnection = Http1Client | Http2Client;

/** Connections to one upstream. */
export class UpstreamPool implements ConnectionOwner {
  readonly #idle: Http1Client[] = [];
  readonly #shared: Http2Client[] = [];
  /** The connection being opened to an upstream whose connections are shared. */
  #opening: Promise<void> | undefined;
  #stopped = false;

  constructor(readonly options: PoolOptions) {}

  /** A connection that is there already, if one has room. */
  take(): UpstreamConnection | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    for (let i = this.#shared.length - 1; i >= 0; i--) {
      if (this.#shared[i].isAvailable) return this.#shared[i];
    }
    return undefined;
  }

  /**
   * Opens a connection for `exchange`; where connections are shared, one that is on its way to others is
   * waited for first.
   *
   * @throws {ClientError} with stage `connect`.
   */
  async connect(exchange: Exchange): Promise<UpstreamConnection> {
    const { target, maxStreams } = this.options;
    const speaksForOne = target.proxyProtocol !== "off";
    if (target.version === "http1" || maxStreams === 1 || speaksForOne) {
      return await this.#open(exchange);
    }
    while (this.#opening !== undefined) {
      await this.#opening;
      const shared = this.take();
      if (shared !== undefined) return shared;
    }
    const opened = this.#open(exchange);
    this.#opening = opened.then(() => {}, () => {}).finally(() => this.#opening = undefined);
    return await opened;
  }

  onIdle(connection: Http1Client): void {
    // A PROXY header speaks for one client: its connection must not carry another one's request.
    const keep = !this.#stopped && this.options.target.proxyProtocol === "off" &&
      this.#idle.length < this.options.maxIdle;
    if (keep) this.#idle.push(connection);
    else connection.close();
  }

  onClosed(connection: Http1Client): void {
    remove(this.#idle, connection);
  }

  /** Closes what is idle now, and the rest when it becomes idle. */
  stop(): void {
    this.#stopped = true;
    for (const connection of [...this.#idle]) connection.close();
    for (const connection of [...this.#shared]) connection.drain();
  }

  async #open(exchange: Exchange): Promise<UpstreamConnection> {
    const { target, clock, timeouts } = this.options;
    const source = target.proxyProtocol === "off" ? undefined : sourceOf(exchange);
    try {
      const { stream, protocol } = await dial(target, source, clock);
      return protocol === "h2"
        ? this.#share(stream)
        : new Http1Client(stream, clock, timeouts, this);
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      throw new ClientError("connect", `${error.reason}: ${error.message}`, { cause: error });
    }
  }

  #share(stream: ConstructorParameters<typeof Http2Client>[0]): Http2Client {
    const { clock, timeouts, maxStreams, pingIntervalMs, target } = this.options;
    const client = new Http2Client(stream, { clock, timeouts, maxStreams, pingIntervalMs });
    if (target.proxyProtocol !== "off") {
      client.onStreamEnded = () => client.drain();
      return client;
    }
    this.#shared.push(client);
    client.onClosed = () => remove(this.#shared, client);
    if (this.#stopped) client.drain();
    return client;
  }
}

/**
 * Sends `request` for `exchange`; when the client goes away before the answer's head is there, the
 * request is given up.
 *
 * @throws as {@linkcode Http1Client.request} and {@linkcode Http2Client.request}.
 */
export function requestFor(
  exchange: Exchange,
  connection: UpstreamConnection,
  request: ClientRequest,
): Promise<ClientResponse> {
  if (connection instanceof Http1Client) {
    exchange.onAbort = connection.abort;
    return connection.request(request);
  }
  const call = connection.start(request);
  exchange.onAbort = call.cancel;
  return call.response;
}

/** Whether `connection` carried a request before, so that it may have died unnoticed. */
export function isReused(connection: UpstreamConnection): boolean {
  return connection.requests > 0;
}

/** What a PROXY header says of `exchange`: a client behind a trusted proxy has no port we know of. */
function sourceOf({ connection, clientAddress }: Exchange): SourceFacts {
  const direct = clientAddress === connection.peerAddress;
  return {
    sourceAddress: clientAddress,
    sourcePort: direct ? connection.peerPort : 0,
    localAddress: connection.localAddress,
    localPort: connection.localPort,
  };
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
