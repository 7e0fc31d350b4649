/**
 * Services that are asked beside the upstream, auth services and mirrors: one bounded question, one bounded
 * answer.
 *
 * @module
 */
import { readAll } from "../../http/body.ts";
import { ClientError, type ClientRequest, type ClientResponse } from "../../http/client.ts";
import type { Fields } from "../../http/fields.ts";
import type { Logger } from "../../gateway/log.ts";
import type { Clock, Expiring } from "../../net/clock.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Caller, isReused, UpstreamPool } from "./pool.ts";
import { mayRepeat } from "./repeat.ts";

/** Idle connections to one service that a worker keeps. */
const MAX_IDLE = 32;
/** Longest a connection to a service waits for its next request, in milliseconds. */
const IDLE_MS = 60_000;

/** How long a service may take, and how much it may say. */
export interface ServiceLimits {
  /** To connect; `undefined` where only the whole counts. */
  readonly connectMs: number | undefined;
  /** From the beginning to the last byte of the answer. */
  readonly totalMs: number;
  readonly maxResponseBytes: number;
}

/** What a service works with. */
export interface ServiceContext {
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a service is asked; without a body. */
export interface Question {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** `Host` to send. */
  readonly authority: string;
  readonly fields: Fields;
}

/** What a service said. */
export interface ServiceAnswer {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Uint8Array;
}

/** One service, spoken to over HTTP/1.1, its certificate verified against the platform's roots. */
export class Service {
  readonly #endpoint: Endpoint;
  readonly #clock: Clock;
  readonly #limits: ServiceLimits;
  readonly #pool: UpstreamPool;

  /** @param name What the service is for, as the log names it: `auth service`. */
  constructor(
    name: string,
    endpoint: Endpoint,
    { clock, log }: ServiceContext,
    limits: ServiceLimits,
  ) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#limits = limits;
    this.#pool = new UpstreamPool({
      name: `${name} ${endpoint.authority}`,
      log,
      target: {
        host: endpoint.host,
        port: endpoint.port,
        version: "http1",
        proxyProtocol: "off",
        connectTimeoutMs: limits.connectMs,
        totalConnectTimeoutMs: undefined,
        tls: endpoint.tls
          ? {
            serverName: endpoint.host,
            verifyChain: true,
            verifyNames: [endpoint.host],
            roots: undefined,
            client: undefined,
          }
          : undefined,
      },
      // The call itself has a limit for everything together.
      timeouts: { readMs: 0, sendMs: 0, idleMs: IDLE_MS },
      clock,
      maxIdle: MAX_IDLE,
      maxStreams: 1,
      pingIntervalMs: 0,
    });
  }

  /**
   * Asks without a body, and reads the whole answer. Redirects are answers like any other.
   *
   * @param caller Gives the call up when it goes away.
   * @throws {ClientError} also when the time is over or the answer too large.
   */
  async ask(
    caller: Caller,
    { method, target, authority, fields }: Question,
  ): Promise<ServiceAnswer> {
    const call = new Call(caller);
    call.deadline = this.#clock.now + this.#limits.totalMs;
    this.#clock.watch(call);
    try {
      const response = await this.#send(call, {
        method,
        target,
        scheme: this.#endpoint.tls ? "https" : "http",
        authority,
        fields,
        body: undefined,
        upgrade: undefined,
      });
      const { status, fields: answered, body } = response;
      if (body === undefined) return { status, fields: answered, body: new Uint8Array(0) };
      call.onAbort = () => body.cancel();
      const bytes = await readAll(body, this.#limits.maxResponseBytes);
      if (bytes === undefined) throw new ClientError("response", "its answer is too large");
      return { status, fields: answered, body: bytes };
    } catch (error) {
      if (call.isLate) throw new ClientError("response", "it took too long", { cause: error });
      throw error;
    } finally {
      this.#clock.unwatch(call);
      caller.onAbort = undefined;
    }
  }

  /** Closes what is idle, and the rest when it becomes idle. */
  stop(): void {
    this.#pool.stop();
  }

  /** One attempt, and a second one when a kept connection had died. */
  async #send(call: Call, request: ClientRequest): Promise<ClientResponse> {
    const kept = this.#pool.take();
    const connection = kept ?? await this.#pool.connect(call);
    const mayRetry = isReused(connection);
    try {
      return await this.#pool.send(call, connection, request);
    } catch (error) {
      if (!mayRetry || call.aborted || !mayRepeat(error, request.method)) throw error;
      return await this.#pool.send(call, await this.#pool.connect(call), request);
    }
  }
}

/** One question, given up when its time is over or its caller has gone. */
class Call implements Caller, Expiring {
  deadline = 0;
  isLate = false;
  onAbort: (() => void) | undefined = undefined;
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
    caller.onAbort = () => this.onAbort?.();
  }

  get aborted(): boolean {
    return this.isLate || this.#caller.aborted;
  }

  expire(): void {
    this.isLate = true;
    this.onAbort?.();
  }
}

/** The services of one snapshot: scopes that ask the same one in the same way share its connections. */
export class Services {
  readonly #byKey = new Map<string, Service>();

  /** @param name What these services are for, as the log names one: `auth service`. */
  constructor(readonly name: string, readonly context: ServiceContext) {}

  /** The service at `endpoint`, whatever its path. */
  at(endpoint: Endpoint, limits: ServiceLimits): Service {
    const key = JSON.stringify([endpoint.tls, endpoint.host, endpoint.port, limits]);
    let service = this.#byKey.get(key);
    if (service === undefined) {
      service = new Service(this.name, endpoint, this.context, limits);
      this.#byKey.set(key, service);
    }
    return service;
  }

  stop(): void {
    for (const service of this.#byKey.values()) service.stop();
  }
}
