/**
 * HTTP/2 connections to one upstream, each shared by as many requests as it has streams.
 *
 * @module
 */
import type { ClientRequest, ClientResponse } from "../../../http/client.ts";
import type { Http2Client } from "../../../http/h2/mod.ts";
import type { Call } from "../../../gateway/origin.ts";

/** What is kept, and for how long. */
export interface SharingRules {
  /** Most streams on one connection. */
  readonly maxStreams: number;
  /** Most connections without a stream. */
  readonly maxIdle: number;
  /** Whether a connection may carry a second request at all. */
  readonly reuse: boolean;
}

/** The connections. */
export class SharedConnections {
  /** Those that had room when they were last looked at; the one used last is at the end. */
  readonly #listed: SharedConnection[] = [];
  readonly #all = new Set<SharedConnection>();
  #idle = 0;
  #stopped = false;
  #expectedStreams: number;

  constructor(readonly rules: SharingRules) {
    this.#expectedStreams = rules.maxStreams;
  }

  /** How many requests the next connection will probably take: the upstream's own limit counts too. */
  get expectedStreams(): number {
    return this.#expectedStreams;
  }

  /** A connection with room for one more request, which is kept free for the caller. */
  take(): SharedConnection | undefined {
    const listed = this.#listed;
    for (let i = listed.length - 1; i >= 0; i--) {
      const connection = listed[i];
      if (connection.hasRoom) {
        connection.reserve();
        return connection;
      }
      connection.isListed = false;
      listed.pop();
    }
    return undefined;
  }

  /** Takes on a new connection. */
  add(client: Http2Client): SharedConnection {
    const connection = new SharedConnection(client, this);
    this.#all.add(connection);
    return connection;
  }

  /** Lets every connection end with its last stream. */
  stop(): void {
    this.#stopped = true;
    for (const { client } of this.#all) client.drain();
  }

  /** A place on `connection` has become free, or its limit has changed. */
  onRoom(connection: SharedConnection): void {
    const { client } = connection;
    if (client.closed) return;
    this.#expectedStreams = Math.max(1, client.maxStreams);
    if (connection.isUnused && !connection.isIdle) {
      if (this.#stopped || this.#idle >= this.rules.maxIdle) {
        client.drain();
        return;
      }
      connection.isIdle = true;
      this.#idle++;
    }
    if (this.rules.reuse && !connection.isListed && connection.hasRoom) {
      connection.isListed = true;
      this.#listed.push(connection);
    }
  }

  /** `connection`, which was not used, is in use. */
  onUse(connection: SharedConnection): void {
    if (!connection.isIdle) return;
    connection.isIdle = false;
    this.#idle--;
  }

  onClosed(connection: SharedConnection): void {
    this.onUse(connection);
    this.#all.delete(connection);
    const at = connection.isListed ? this.#listed.indexOf(connection) : -1;
    if (at >= 0) this.#listed.splice(at, 1);
  }
}

/** One connection, with places kept free for those who are about to use it. */
export class SharedConnection {
  isListed = false;
  isIdle = false;
  #reserved = 0;

  constructor(readonly client: Http2Client, readonly owner: SharedConnections) {
    client.onStreamEnded = () => owner.onRoom(this);
    client.onClosed = () => owner.onClosed(this);
  }

  /** Requests that were sent on it. */
  get requests(): number {
    return this.client.requests;
  }

  /** Whether one more request may be promised a place. */
  get hasRoom(): boolean {
    const { client } = this;
    return client.isAvailable && client.activeStreams + this.#reserved < client.maxStreams;
  }

  /** Whether it carries no request, and none is about to be sent on it. */
  get isUnused(): boolean {
    return this.#reserved === 0 && this.client.activeStreams === 0;
  }

  /** Keeps a place free, which {@linkcode send} or {@linkcode giveBack} gives up. */
  reserve(): void {
    this.#reserved++;
    this.owner.onUse(this);
  }

  /** The place is not needed after all. */
  giveBack(): void {
    this.#reserved--;
    this.owner.onRoom(this);
  }

  /** Sends a request on the place that was kept. When `caller` goes away before the head of the answer, it is reset. */
  send(caller: Call, request: ClientRequest): Promise<ClientResponse> {
    this.#reserved--;
    const call = this.client.start(request);
    caller.onAbort = call.cancel;
    // The connection may have ended meanwhile, or have room for others while this one is under way.
    this.owner.onRoom(this);
    return call.response;
  }
}
