/**
 * The connections of one worker to one upstream: kept ones are used again, the last one first, so that
 * those which are not needed any more grow old and are closed.
 *
 * @module
 */
import type { ClientRequest, ClientResponse } from "../../http/client.ts";
import { ClientError } from "../../http/client.ts";
import { type ConnectionOwner, Http1Client, type UpstreamTimeouts } from "../../http/h1/client.ts";
import { Http2Client } from "../../http/h2/client.ts";
import type { Clock } from "../../net/clock.ts";
import {
  dial,
  type Dialed,
  DialError,
  type SourceFacts,
  type UpstreamTarget,
} from "../../net/dial.ts";

/** What a pool works with. */
export interface PoolOptions {
  readonly target: UpstreamTarget;
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
  /** Most idle HTTP/1 connections kept. */
  readonly maxIdle: number;
  /** Streams on one HTTP/2 connection. */
  readonly maxStreams: number;
  /** Time between keepalive PINGs on HTTP/2 connections; 0 for none. */
  readonly pingMs: number;
}

/** A connection that can carry a request now. */
export interface UpstreamConnection {
  request(request: ClientRequest): Promise<ClientResponse>;
  /** Gives the request up that is under way on it. */
  readonly abort: () => void;
  /** Whether it carried a request before, so that it may have died unnoticed. */
  readonly reused: boolean;
}

/** Kept connections to one upstream. */
export class UpstreamPool implements ConnectionOwner {
  readonly #idle: Http1Client[] = [];
  readonly #shared: Http2Client[] = [];
  readonly #open = new Set<Http1Client>();
  #connecting: Promise<Dialed> | undefined;
  #stopped = false;

  constructor(readonly options: PoolOptions) {}

  /** Sends `request` on a kept connection, if one is there. */
  takeIdle(): Http1Client | undefined {
    return this.#idle.pop();
  }

  /** An HTTP/2 connection with a free stream, if one is there. */
  takeShared(): Http2Client | undefined {
    for (const connection of this.#shared) {
      if (connection.activeStreams < connection.maxStreams) return connection;
    }
    return undefined;
  }

  /**
   * Opens a connection. While one to an upstream that may speak HTTP/2 is on its way, others wait for it:
   * they may find room on it.
   *
   * @param source Who the request is for, as a PROXY header tells it.
   * @throws {ClientError} with stage `connect`.
   */
  async connect(source: SourceFacts): Promise<Http1Client | Http2Client> {
    const { target, clock, timeouts, maxStreams, pingMs } = this.options;
    if (this.#mayShare()) {
      if (this.#connecting !== undefined) {
        await this.#connecting.catch(() => {});
        const shared = this.takeShared();
        if (shared !== undefined) return shared;
      }
    }
    const connecting = dial(target, source, clock);
    this.#connecting = connecting;
    let dialed: Dialed;
    try {
      dialed = await connecting;
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      throw new ClientError("connect", `${error.reason}: ${error.message}`, { cause: error });
    } finally {
      if (this.#connecting === connecting) this.#connecting = undefined;
    }
    if (dialed.protocol === "h2") {
      const client = new Http2Client(dialed.stream, {
        clock,
        maxStreams,
        pingIntervalMs: pingMs,
        timeouts,
      });
      this.#shared.push(client);
      client.onClosed = () => remove(this.#shared, client);
      return client;
    }
    const client = new Http1Client(dialed.stream, clock, timeouts, this);
    this.#open.add(client);
    return client;
  }

  onIdle(connection: Http1Client): void {
    // A PROXY header speaks for one client: its connection must not carry another one's request.
    const keep = !this.#stopped && this.options.target.proxyProtocol === "off" &&
      this.#idle.length < this.options.maxIdle;
    if (keep) this.#idle.push(connection);
    else connection.close();
  }

  onClosed(connection: Http1Client): void {
    this.#open.delete(connection);
    remove(this.#idle, connection);
  }

  /** Closes what is idle now, and the rest when it becomes idle. */
  stop(): void {
    this.#stopped = true;
    for (const connection of [...this.#idle]) connection.close();
    for (const connection of [...this.#shared]) connection.drain();
  }

  #mayShare(): boolean {
    return this.options.target.version !== "http1" && this.options.target.proxyProtocol === "off";
  }
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
