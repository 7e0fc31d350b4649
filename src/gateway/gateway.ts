/**
 * The gateway of one worker: takes exchanges from the codecs, runs their plan, and answers. This file is
 * the request's way; the order of the steps is in `plan.ts`.
 *
 * @module
 */
import { BodyError } from "../http/body.ts";
import { ClientError, ClientResponse } from "../http/client.ts";
import type { Handler, RefusalKind } from "../http/exchange.ts";
import type { ConnectionFacts } from "../net/connection_facts.ts";
import type { Config } from "../config/types.ts";
import type { Clock } from "../net/clock.ts";
import type { Zones } from "../zones/zones.ts";
import type { Calls } from "./threads/calls.ts";
import type { Codec } from "./codec.ts";
import { type BegunOn, Exchange, type Plan } from "./exchange/exchange.ts";
import type { Logger } from "./reports/log.ts";
import type { Metrics } from "./reports/metrics.ts";
import type { ExtensionPoint } from "./extension.ts";
import { Keep, type KeepHold } from "./keep.ts";
import type {
  EdgeModule,
  EdgePart,
  Fact,
  Files,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Step,
  WorkerServices,
} from "./module.ts";
import { type Refusal, refuse } from "./exchange/refusal.ts";
import { Unavailable } from "./origin.ts";
import type { Plain, ServiceRole } from "./threads/thread.ts";
import { Snapshot } from "./snapshot.ts";

/** What a worker gives its gateway. */
export interface GatewayServices {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly zones: Zones;
  /** Index of this worker, from 0. */
  readonly worker: number;
  readonly workers: number;
  /** The service `role` of `module`; absent where no service runs. */
  service?(module: string, role: ServiceRole): Calls;
}

const NO_SERVICE: Calls = {
  call: () => Promise.resolve({ kind: "unavailable", reason: "no service runs here" }),
};

const NOTHING_SERVES: Refusal = { status: 404, text: "", cause: "no_content" };
const FAULT: Refusal = { status: 500, text: "", cause: "fault", close: true };
/** What an origin could not do; status and body as spec 02 section 9.4 says. */
const UPSTREAM_FAILED: Refusal = { status: 502, text: "", cause: "upstream", isFailure: true };

/** Refusals for a request body that fell short; the connection cannot go on behind one. */
const BODY_REFUSALS: Readonly<Record<BodyError["status"], Refusal>> = {
  400: { status: 400, text: "", cause: "body", close: true },
  408: { status: 408, text: "", cause: "body", close: true },
  413: { status: 413, text: "", cause: "body", close: true },
  500: { status: 500, text: "", cause: "content", close: true },
  502: { status: 502, text: "", cause: "upstream" },
};

/** Serves exchanges by the current snapshot. */
export class Gateway implements Handler<Exchange> {
  #current: Snapshot | undefined;
  #inFlight = 0;
  readonly #worker: WorkerServices;
  readonly #keep = new Keep();
  /** What the modules opened in this worker, in their order; opened with the first configuration. */
  #parts: readonly EdgePart[] | undefined;

  constructor(readonly services: GatewayServices, readonly modules: readonly EdgeModule[]) {
    const { clock, log, metrics, worker, workers } = services;
    const extensions = modules.flatMap((module) => module.extends ?? []);
    this.#worker = {
      clock,
      log,
      metrics,
      worker,
      workers,
      modules: new Set(modules.map(({ name }) => name)),
      extensions: <T>(point: ExtensionPoint<T>) => point.of(extensions),
    };
  }

  /** Exchanges that are not over, on every snapshot. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** The snapshot that new requests begin on. */
  get snapshot(): Snapshot | undefined {
    return this.#current;
  }

  /** Protocols of the modules' own. They are there once the first snapshot has been built. */
  get codecs(): readonly Codec[] {
    return (this.#parts ?? []).flatMap(({ codecs = [] }) => codecs);
  }

  /**
   * Builds a snapshot of `config` without using it yet. When a module cannot start, those that did are
   * stopped again and the error is thrown.
   *
   * @param files Content of the files that the modules asked for.
   */
  async prepare(config: Config, files: Files = new Map()): Promise<Snapshot> {
    const hold = this.#keep.hold();
    const context = this.#contextOf(config, files, hold);
    const running: RunningModule[] = [];
    try {
      this.#parts ??= await this.#open();
      for (const part of this.#parts) running.push(await part.start(context));
      return new Snapshot(config, running, context, hold);
    } catch (error) {
      for (const module of running) await module.stop();
      await hold.release();
      throw error;
    }
  }

  /** Makes a prepared snapshot the one that new requests begin on; the old one stops when it is idle. */
  async commit(snapshot: Snapshot): Promise<void> {
    const old = this.#current;
    this.#current = snapshot;
    for (const module of snapshot.modules) module.serving?.();
    if (old !== undefined && old.inFlight === 0) await old.stop();
  }

  /** Prepares and commits in one go. */
  async load(config: Config, files?: Files): Promise<void> {
    await this.commit(await this.prepare(config, files));
  }

  async stop(): Promise<void> {
    const old = this.#current;
    this.#current = undefined;
    await old?.stop();
    const parts = this.#parts ?? [];
    this.#parts = undefined;
    for (const part of parts) await part.close?.();
  }

  create(connection: ConnectionFacts): Exchange {
    this.#inFlight++;
    const exchange = new Exchange(connection);
    // Asking the system for the time is not worth it where the time is not used.
    if (this.services.log.logsAccess || this.#current?.usesTime === true) {
      exchange.startedAt = performance.now();
    }
    return exchange;
  }

  handle(exchange: Exchange): void | Promise<unknown> {
    const snapshot = this.#current;
    if (snapshot === undefined) {
      refuse(exchange, FAULT);
      return;
    }
    snapshot.inFlight++;
    exchange.snapshot = snapshot;
    if (exchange.headFault !== undefined) this.#logFault(exchange.headFault);
    try {
      exchange.plan = snapshot.locate(exchange);
      return this.#advance(exchange);
    } catch (error) {
      return this.fail(exchange, error);
    }
  }

  resume(exchange: Exchange, arrived: unknown): void | Promise<unknown> {
    if (arrived instanceof ClientResponse) answer(exchange, arrived);
    // What waited for something slow gave up with the client: there is no answer to be made.
    else if (exchange.aborted && exchange.status === 0) return;
    try {
      return this.#advance(exchange);
    } catch (error) {
      return this.fail(exchange, error);
    }
  }

  /** A step failed: its origin gave no answer, the client's own body was at fault, or the program is. */
  fail(exchange: Exchange, reason: unknown): void | Promise<unknown> {
    if (exchange.stage === "ask" && isOfExchange(reason)) {
      if (exchange.aborted) return;
      if (reason instanceof ClientError) return this.#failUpstream(exchange, reason);
    }
    const body = exchange.responseBody;
    if (body !== undefined && !(body instanceof Uint8Array)) body.cancel();
    if (reason instanceof BodyError) {
      this.#logFault({ status: reason.status, reason: reason.message });
      refuse(exchange, BODY_REFUSALS[reason.status]);
    } else {
      this.#report(reason);
      refuse(exchange, FAULT);
    }
    finishRefusal(exchange);
  }

  #failUpstream(exchange: Exchange, error: ClientError): void | Promise<unknown> {
    // What the upstream has had of the body cannot be put back, and nothing reads the rest.
    if (error.stage !== "connect") exchange.requestBody?.cancel();
    refuse(exchange, error instanceof Unavailable ? error.refusal : UPSTREAM_FAILED);
    return this.resume(exchange, undefined);
  }

  refuse(exchange: Exchange, status: number, reason: string, kind?: RefusalKind): void {
    this.#logFault({ status, reason }, kind);
    refuse(exchange, { status, text: "", cause: "framing", close: true });
    finishRefusal(exchange);
  }

  finish(exchange: Exchange): void {
    const { snapshot } = exchange;
    this.#runFinished(exchange, snapshot ?? this.#current);
    exchange.releaseAll();
    this.services.log.access(exchange);
    if (exchange.failure !== "") this.#logBroken(exchange);
    this.#inFlight--;
    if (snapshot === undefined) return;
    snapshot.inFlight--;
    if (snapshot.inFlight === 0 && snapshot !== this.#current) {
      snapshot.stop().catch((error) => this.#report(error));
    }
  }

  /** Answers a call of the service of `module`. */
  async call(module: string, message: Plain): Promise<Plain> {
    const part = this.#parts?.[this.modules.findIndex(({ name }) => name === module)];
    if (part?.onCall === undefined) throw new Error(`the module ${module} takes no calls`);
    return await part.onCall(message);
  }

  /** What one of them throws must not keep the exchange from being released. */
  #runFinished(exchange: Exchange, begunOn: BegunOn | undefined): void {
    if (begunOn === undefined) return;
    const { finished } = begunOn;
    for (let i = 0; i < finished.length; i++) {
      try {
        finished[i](exchange);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  async #open(): Promise<readonly EdgePart[]> {
    const parts: EdgePart[] = [];
    try {
      for (const module of this.modules) {
        parts.push(
          await module.open({
            ...this.#worker,
            service: (role) => this.services.service?.(module.name, role) ?? NO_SERVICE,
          }),
        );
      }
    } catch (error) {
      for (const part of parts) await part.close?.();
      throw error;
    }
    return parts;
  }

  #contextOf(config: Config, files: Files, hold: KeepHold): SnapshotContext {
    const shared = new Map<string, unknown>();
    return {
      ...this.#worker,
      config,
      files,
      zones: this.services.zones,
      keep: (key, make) => hold.get(key, make),
      once<T>(key: string, make: () => T): T {
        if (!shared.has(key)) shared.set(key, make());
        return shared.get(key) as T;
      },
      wanted: (scope) => this.#wanted(scope),
    };
  }

  #wanted(scope: RouteScope): ReadonlySet<Fact> {
    return new Set<Fact>(this.modules.flatMap((module) => module.facts?.(scope) ?? []));
  }

  /** Runs steps until one answers, then those on the answer; returns when a step has to be waited for. */
  #advance(exchange: Exchange): void | Promise<unknown> {
    const { plan } = exchange;
    if (plan === undefined) return;
    if (exchange.stage === "ask") {
      const { steps } = plan;
      while (exchange.status === 0 && exchange.step < steps.length) {
        const waiting = steps[exchange.step++](exchange);
        if (waiting !== undefined) return waiting;
      }
      if (exchange.status === 0) refuse(exchange, NOTHING_SERVES);
      exchange.step = 0;
      exchange.stage = exchange.refusal === undefined ? "response" : "failure";
    }
    if (exchange.stage === "failure") {
      const waiting = this.#replaceRefusal(exchange, plan);
      if (waiting !== undefined) return waiting;
    }
    const response = responseSteps(exchange, plan);
    while (exchange.step < response.length) {
      const waiting = response[exchange.step++](exchange);
      if (waiting !== undefined) return waiting;
    }
  }

  /** Lets steps make another answer of an upstream's failure; a refusal that stays gets the policy's fields. */
  #replaceRefusal(exchange: Exchange, plan: Plan): void | Promise<unknown> {
    const { failure, page } = plan;
    if (exchange.refusal?.isFailure === true) {
      while (exchange.step < failure.length) {
        const waiting = failure[exchange.step++](exchange);
        if (waiting !== undefined) return waiting;
      }
    }
    // A page is read at once: nothing is waited for.
    if (exchange.refusal !== undefined && !exchange.hasErrorPage) {
      for (let i = 0; i < page.length && !exchange.hasErrorPage; i++) page[i](exchange);
    }
    exchange.stage = "response";
    exchange.step = 0;
    if (exchange.refusal === undefined || exchange.hasErrorPage) return;
    finishRefusal(exchange);
    exchange.step = responseSteps(exchange, plan).length;
  }

  #logFault(
    { status, reason }: { readonly status: number; readonly reason: string },
    kind?: RefusalKind,
  ): void {
    const { log } = this.services;
    // A request that a time limit of ours has cut, or that came to the wrong port, is no attack, and its operator
    // may want to know.
    const level = status === 408 || kind === "wrong_port" ? "info" : "debug";
    if (!log.enabled(level)) return;
    log.log(level, "fluxheim::security", `request refused with ${status}: ${reason}`);
  }

  /** Names the request and not the upstream: builds that keep no traces have no id to name. */
  #logBroken({ failure, requestId }: Exchange): void {
    const which = requestId === "" ? "" : ` to request ${requestId}`;
    this.services.log.log("warn", "fluxheim", `the answer${which} broke off: ${failure}`);
  }

  #report(error: unknown): void {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    this.services.log.log("error", "fluxheim", `fault: ${text}`);
  }
}

/** Whether a rejection can be of the exchange itself, and not of the program. */
function isOfExchange(reason: unknown): reason is ClientError | BodyError {
  return reason instanceof ClientError || reason instanceof BodyError;
}

/** The answer of `exchange` is that of its origin. */
function answer(exchange: Exchange, { status, fields, body, tunnel }: ClientResponse): void {
  exchange.status = status;
  exchange.response = fields;
  exchange.responseBody = body;
  exchange.tunnel = tunnel;
}

/** Content under a route of its own has the answer fields of that one. */
function responseSteps({ namePolicy }: Exchange, plan: Plan): readonly Step[] {
  return namePolicy === undefined ? plan.response : namePolicy.response;
}

/** Puts into a refusal what the route's policy has even there; before routing there is none. */
function finishRefusal(exchange: Exchange): void {
  const steps = (exchange.namePolicy ?? exchange.plan)?.refusal;
  if (steps !== undefined) { for (let i = 0; i < steps.length; i++) steps[i](exchange); }
}
