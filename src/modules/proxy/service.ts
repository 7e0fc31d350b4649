/**
 * Services that are asked beside the upstream, auth services and mirrors: one bounded question to an origin,
 * one bounded answer.
 *
 * @module
 */
import { readAll } from "../../http/body.ts";
import { ClientError, ClientRequest } from "../../http/client.ts";
import type { Fields } from "../../http/fields.ts";
import type { SnapshotContext } from "../../gateway/module.ts";
import type { Call, Origin } from "../../gateway/origin.ts";
import type { Clock, Expiring } from "../../net/clock.ts";
import type { Endpoint } from "./endpoint.ts";
import { keptPool } from "./connections/pool.ts";
import { Upstream } from "./upstream.ts";

/** Idle connections to one service that a worker keeps. */
const MAX_IDLE = 32;
/** Longest a connection to a service waits for its next request, in milliseconds. */
const IDLE_MS = 60_000;
/** Enough for two kept connections that have died, and a new one. */
const MAX_RETRIES = 2;

/** How long a service may take, and how much it may say. */
export interface ServiceLimits {
  /** To connect; `undefined` where only the whole counts. */
  readonly connectMs: number | undefined;
  /** From the beginning to the last byte of the answer. */
  readonly totalMs: number;
  readonly maxResponseBytes: number;
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

/** One service. */
export class Service {
  constructor(
    readonly origin: Origin,
    readonly scheme: "http" | "https",
    readonly limits: Pick<ServiceLimits, "totalMs" | "maxResponseBytes">,
    readonly clock: Clock,
  ) {}

  /**
   * Asks without a body, and reads the whole answer. Redirects are answers like any other.
   *
   * @param caller Cancels the question when it goes away; `undefined` when nothing but the time limit does.
   * @throws {ClientError} also when the time is over or the answer too large.
   */
  async ask(question: Question, caller?: Call): Promise<ServiceAnswer> {
    const { method, target, authority, fields } = question;
    const { scheme, clock, limits } = this;
    const call = new BoundedCall(caller, clock.now + limits.totalMs);
    clock.watch(call);
    try {
      const response = await this.origin.fetch(
        new ClientRequest(method, target, scheme, authority, fields, undefined, undefined),
        call,
      );
      const { status, fields: answered, body } = response;
      if (body === undefined) return { status, fields: answered, body: new Uint8Array(0) };
      call.onAbort = () => body.cancel();
      const bytes = await readAll(body, limits.maxResponseBytes);
      if (bytes === undefined) throw new ClientError("response", "its answer is too large");
      return { status, fields: answered, body: bytes };
    } catch (error) {
      if (call.isLate) throw new ClientError("response", "it took too long", { cause: error });
      throw error;
    } finally {
      clock.unwatch(call);
      if (caller !== undefined) caller.onAbort = undefined;
    }
  }
}

/** A call of the gateway's own, which goes away when its time is over or its caller has gone. */
export class BoundedCall implements Call, Expiring {
  isLate = false;
  onAbort: (() => void) | undefined = undefined;
  readonly #caller: Call | undefined;

  constructor(caller: Call | undefined, public deadline: number) {
    this.#caller = caller;
    if (caller !== undefined) caller.onAbort = () => this.onAbort?.();
  }

  get aborted(): boolean {
    return this.isLate || this.#caller?.aborted === true;
  }

  expire(): void {
    this.isLate = true;
    this.onAbort?.();
  }
}

/**
 * The service at `endpoint`, whatever its path: spoken to over HTTP/1.1, its certificate verified against the
 * platform's roots. Its connections are shared with everything that asks it in the same way.
 *
 * @param name What the service is for, as the log names it: `auth service`.
 */
export function serviceAt(
  { tls, host, port, authority }: Endpoint,
  name: string,
  limits: ServiceLimits,
  context: Pick<SnapshotContext, "clock" | "log" | "keep">,
): Service {
  const { clock, log } = context;
  const pool = keptPool(context, {
    name: `${name} ${authority}`,
    log,
    target: {
      host,
      port,
      version: "http1",
      proxyProtocol: "off",
      connectTimeoutMs: limits.connectMs,
      totalConnectTimeoutMs: undefined,
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
    // The call itself has a limit for everything together.
    timeouts: { readMs: 0, sendMs: 0, idleMs: IDLE_MS },
    clock,
    maxIdle: MAX_IDLE,
    maxStreams: 1,
    pingIntervalMs: 0,
  });
  const rules = { name: pool.options.name, maxRetries: MAX_RETRIES, log: undefined };
  return new Service(new Upstream(pool, rules), tls ? "https" : "http", limits, clock);
}
