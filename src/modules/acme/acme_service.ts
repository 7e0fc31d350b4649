/**
 * The service `acme`: orders and renews certificates, answers the workers' questions about challenges, and has the
 * workers show what is on disk (spec 05 sections 6.7 to 6.10). It alone dials issuers and writes the storage.
 *
 * @module
 */
import type { Files } from "../../gateway/module.ts";
import type { RunningService, Service, ServiceContext } from "../../gateway/threads/service.ts";
import { openSeriesMetrics } from "../../gateway/reports/series_metrics.ts";
import type { ConfigPart, Plain } from "../../gateway/threads/thread.ts";
import type { Listener } from "../../net/listen/listener.ts";
import { EVENTS, FAILURES, NEXT_ATTEMPT } from "./descriptions.ts";
import { openReloadSocket } from "./reload_socket.ts";
import { Renewer } from "./renewer.ts";
import { ChallengeStore } from "./store/challenge_store.ts";
import { makeStorage } from "./store/files.ts";
import { contentStamp } from "./store/content_stamp.ts";
import { acmeOf, type EnabledAcme, partOf, type Target, targetsOf } from "./table.ts";

/** Targets that are worked on at once: one that hangs holds up few others. */
const MAX_AT_ONCE = 4;
/** What has no certificate comes after what ends within a day, and before the rest. */
const MISSING_RANK_SECS = 86_400;
/** Longest rest of a target that nothing came of, where its state asks for none. */
const MAX_REST_SECS = 60;
/** Longest that the keeper may take to have all workers show a certificate. */
const RELOAD_MS = 60_000;
/** Longest wait until the workers know of a challenge; those that do not ask for it. */
const PUSH_MS = 2_000;
/** Time for the issuers to say when they want renewals, in one look. */
const INFO_BUDGET_MS = 30_000;
/** Between two looks at what other processes have installed. */
const WATCH_MS = 5_000;
/** The first look is not at the same moment in all gateways of a machine that has lost its power. */
const MAX_JITTER = 0.1;

/** Runs it. */
export const acme: Service = {
  module: "acme-client",
  role: "acme",
  openMetrics: openSeriesMetrics,
  async start(context): Promise<RunningService> {
    const service = new AcmeService(context);
    await service.start();
    return service;
  },
};

type Event = "pending" | "renewed" | "failed" | "reload_success" | "reload_failed" | "tick_error";

class AcmeService implements RunningService {
  readonly #context: ServiceContext;
  readonly #stopped = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  /** Targets that nothing came of, until when on the clock they rest: their state may not say, or not be writable. */
  readonly #resting = new Map<string, number>();
  /** Of the pairs that the workers show, by directory. */
  readonly #shown = new Map<string, string>();
  #acme: EnabledAcme;
  #targets: readonly Target[];
  #files: Files;
  #renewer: Renewer;
  #challenges: ChallengeStore;
  #socket: Listener | undefined;
  #endTicks = () => {};
  #nextLook = 0;
  #nextWatch = 0;
  #isLooking = false;
  #isAsking = false;

  constructor(context: ServiceContext) {
    this.#context = context;
    const { acme, targets } = tablesIn(context.config);
    this.#acme = acme;
    this.#targets = targets;
    this.#files = context.files;
    this.#challenges = new ChallengeStore(acme.storage);
    this.#renewer = this.#newRenewer();
  }

  async start(): Promise<void> {
    const { config, clock, sockets, log } = this.#context;
    const path = config.server?.process?.certificate_reload_sock;
    if (this.#acme.renewal.reload_after_renewal && sockets !== undefined && path !== undefined) {
      try {
        this.#socket = await openReloadSocket(path, {
          clock,
          sockets,
          reload: () => this.#reload(),
          onFault: (error) => this.#warn(`the reload socket cannot accept: ${error.message}`),
        });
      } catch (error) {
        // Certificates do without it: what others have installed is found at the next look.
        this.#warn(`server.process.certificate_reload_sock cannot be served: ${reasonOf(error)}`);
      }
    }
    makeStorage(this.#acme.storage);
    for (const target of this.#targets) {
      const status = this.#renewer.status(target);
      if (status.status === "missing") {
        this.#count("pending");
        log.log("warn", "fluxheim", `${target.vhost} has no certificate yet: ${namesOf(target)}`);
      }
    }
    this.#endTicks = clock.every(() => this.#tick());
    this.#nextWatch = clock.now;
    this.#nextLook = clock.now;
    this.#tick();
  }

  reload(config: ConfigPart, files: Files): Promise<void> {
    const { acme, targets } = tablesIn(config);
    this.#acme = acme;
    this.#targets = targets;
    this.#files = files;
    this.#renewer = this.#newRenewer();
    this.#nextLook = 0;
    return Promise.resolve();
  }

  call(name: string, input: Plain): Promise<Plain> {
    if (name === "challenge") {
      const { vhost, token } = input as { vhost?: unknown; token?: unknown };
      if (typeof vhost !== "string" || typeof token !== "string") throw new Error("no challenge");
      return Promise.resolve(this.#answerTo(vhost, token));
    }
    throw new Error(`the service acme takes no call ${name}`);
  }

  /** `null` for a token that is not known, `false` where that cannot be known. */
  #answerTo(vhost: string, token: string): string | null | false {
    try {
      return this.#challenges.find([vhost], token) ?? null;
    } catch (error) {
      this.#context.log.log("error", "fluxheim", `a challenge cannot be read: ${reasonOf(error)}`);
      return false;
    }
  }

  async stop(): Promise<void> {
    this.#endTicks();
    this.#stopped.abort();
    this.#socket?.close();
    await Promise.allSettled(this.#running.values());
  }

  #newRenewer(): Renewer {
    return new Renewer({
      acme: this.#acme,
      publish: (target, { token, keyAuthorization }) =>
        this.#publish(target, token, keyAuthorization),
      withdraw: (target, { token }) => this.#withdraw(target, token),
      ca: ({ caBundle }) => {
        const content = caBundle === undefined ? undefined : this.#files.get(caBundle);
        return content === undefined ? undefined : new TextDecoder().decode(content);
      },
      signal: this.#stopped.signal,
      now: () => Date.now(),
      sleep: (ms) => this.#sleep(ms),
    });
  }

  /** On disk first: the issuer may ask any gateway with this storage, and any worker of it. */
  async #publish(target: Target, token: string, answer: string): Promise<void> {
    this.#challenges.publish(target.vhost, token, answer);
    await this.#context.edges.call({ token, answer }, PUSH_MS);
  }

  async #withdraw(target: Target, token: string): Promise<void> {
    await this.#context.edges.call({ token, answer: null }, PUSH_MS);
    try {
      this.#challenges.remove(target.vhost, token);
    } catch (error) {
      this.#warn(`a challenge of ${target.vhost} could not be removed: ${reasonOf(error)}`);
    }
  }

  #tick(): void {
    const { clock } = this.#context;
    if (this.#isLooking || this.#stopped.signal.aborted) return;
    const isWatching = clock.now >= this.#nextWatch;
    const isLooking = clock.now >= this.#nextLook;
    if (!isWatching && !isLooking) return;
    if (isWatching) this.#nextWatch = clock.now + WATCH_MS;
    this.#isLooking = true;
    void this.#look(isLooking)
      .catch((error) => {
        this.#count("tick_error");
        this.#warn(`managed certificates could not be looked at: ${reasonOf(error)}`);
      })
      .finally(() => this.#isLooking = false);
  }

  /** Takes up what other processes have installed, and begins with what is due. */
  async #look(isDue: boolean): Promise<void> {
    await this.#takeUp();
    if (!isDue) return;
    const { clock } = this.#context;
    const { check_interval_secs } = this.#acme.renewal;
    this.#nextLook = clock.now + check_interval_secs * 1000 * (1 - MAX_JITTER * Math.random());
    if (this.#acme.automation === "external") return;
    const now = Date.now() / 1000;
    const waiting = this.#targets.map((target) => {
      const status = this.#renewer.status(target);
      this.#show(target, status.state.failures, status.nextAttempt);
      return { target, at: status.nextAttempt, ends: status.notAfter ?? now + MISSING_RANK_SECS };
    });
    const due = waiting
      .filter(({ at, target: { directory } }) =>
        at <= now && !this.#running.has(directory) &&
        (this.#resting.get(directory) ?? 0) <= clock.now
      )
      // Names that cannot be proven must not hold up what is about to end.
      .sort((a, b) => a.ends - b.ends || a.at - b.at || compare(a.target, b.target));
    for (const { target } of due.slice(0, Math.max(0, MAX_AT_ONCE - this.#running.size))) {
      const work = this.#renew(target).finally(() => {
        this.#running.delete(target.directory);
        // The next one has its turn at once.
        this.#nextLook = 0;
      });
      this.#running.set(target.directory, work);
    }
    const next = waiting.reduce(
      (least, { at }) => at > now ? Math.min(least, at) : least,
      Infinity,
    );
    if (Number.isFinite(next)) {
      this.#nextLook = Math.min(this.#nextLook, clock.now + Math.max(250, (next - now) * 1000));
    }
    void this.#askInfo().catch((error) => this.#warn(`renewal information: ${reasonOf(error)}`));
  }

  /** Four at a time, and no longer than half a minute; what is due waits for none of them. */
  async #askInfo(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      await this.#askAll();
    } finally {
      this.#isAsking = false;
    }
  }

  async #askAll(): Promise<void> {
    const left = [...this.#targets];
    const end = Date.now() + INFO_BUDGET_MS;
    await Promise.all(Array.from({ length: MAX_AT_ONCE }, async () => {
      for (let target = left.shift(); target !== undefined; target = left.shift()) {
        if (Date.now() > end || this.#stopped.signal.aborted) return;
        if (this.#running.has(target.directory)) continue;
        // What it says holds from the next look on.
        if (await this.#renewer.askInfo(target)) this.#nextLook = 0;
      }
    }));
  }

  async #renew(target: Target): Promise<void> {
    const { log } = this.#context;
    const { clock } = this.#context;
    const outcome = await this.#renewer.renew(target);
    if (outcome.kind === "renewed") this.#resting.delete(target.directory);
    else this.#resting.set(target.directory, clock.now + this.#restMs);
    if (outcome.warning !== undefined) this.#warn(`${target.vhost}: ${outcome.warning}`);
    switch (outcome.kind) {
      case "renewed":
        this.#count("renewed");
        log.log(
          "info",
          "fluxheim",
          `${target.vhost} has a new certificate of ${target.issuer.name} for ${namesOf(target)}`,
        );
        if (this.#acme.renewal.reload_after_renewal) await this.#takeUp();
        return;
      case "failed":
        if (this.#stopped.signal.aborted) return;
        this.#count("failed");
        log.log("error", "fluxheim", this.#failureText(target, outcome.error));
        return;
      case "pending":
        log.log("warn", "fluxheim", `${target.vhost}: ${outcome.reason}`);
        return;
      case "skipped":
        log.log("debug", "fluxheim", `${target.vhost}: ${outcome.reason}`);
    }
  }

  get #restMs(): number {
    const { retry_initial_secs, check_interval_secs } = this.#acme.renewal;
    return Math.min(retry_initial_secs, check_interval_secs, MAX_REST_SECS) * 1000;
  }

  #failureText(target: Target, error: string): string {
    const { nextAttempt, notAfter } = this.#renewer.status(target);
    const next = new Date(Math.max(nextAttempt * 1000, Date.now() + this.#restMs)).toISOString();
    const rest = notAfter === undefined
      ? "it has no certificate until then"
      : `its certificate holds until ${new Date(notAfter * 1000).toISOString()}`;
    return `${target.vhost} got no certificate of ${target.issuer.name} for ${namesOf(target)}: ` +
      `${error}; it is tried again at ${next}, and ${rest}`;
  }

  /** Has the workers show pairs that are not those they show: renewed here, by the companion, or by a peer. */
  async #takeUp(): Promise<void> {
    const changed = this.#targets.flatMap(({ directory }) => {
      const stamp = contentStamp(`${directory}/fullchain.pem`);
      return stamp === undefined || stamp === this.#shown.get(directory)
        ? []
        : [{ directory, stamp }];
    });
    if (changed.length === 0) return;
    const failure = await this.#reload();
    if (failure !== undefined) return;
    for (const { directory, stamp } of changed) this.#shown.set(directory, stamp);
  }

  /** @returns Why the workers do not show what is on disk. */
  async #reload(): Promise<string | undefined> {
    for (const target of this.#targets) await this.#renewer.recover(target);
    const outcome = await this.#context.keeper.call("files", null, RELOAD_MS);
    const failure = outcome.kind === "unavailable" ? outcome.reason : failureIn(outcome.value);
    if (outcome.kind === "answer" && isNoop(outcome.value)) return undefined;
    this.#count(failure === undefined ? "reload_success" : "reload_failed");
    if (failure !== undefined) this.#warn(`certificates could not be taken up: ${failure}`);
    return failure;
  }

  #show(target: Target, failures: number, next: number): void {
    const { metrics } = this.#context;
    const labels = { certificate: target.vhost };
    metrics.gauge(FAILURES.name, labels).set(failures);
    metrics.gauge(NEXT_ATTEMPT.name, labels).set(Math.floor(next));
  }

  #count(event: Event): void {
    this.#context.metrics.counter(EVENTS.name, { event }).count();
  }

  #warn(text: string): void {
    this.#context.log.log("warn", "fluxheim", text);
  }

  #sleep(ms: number): Promise<void> {
    const { signal } = this.#stopped;
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        reject(new Error("the gateway is stopping"));
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", end);
        resolve();
      }, ms);
      signal.addEventListener("abort", end, { once: true });
    });
  }
}

function tablesIn(config: ConfigPart) {
  const part = partOf(config);
  const acme = acmeOf(part);
  if (acme === undefined) throw new Error("tls.acme is off");
  return { acme, targets: targetsOf(part) };
}

/** The workers have shown it before. */
function isNoop(value: Plain): boolean {
  return (value as { kind?: unknown }).kind === "noop";
}

function failureIn(value: Plain): string | undefined {
  const { kind, reason } = value as { kind?: unknown; reason?: unknown };
  if (kind === "applied" || kind === "noop") return undefined;
  return typeof reason === "string" ? reason : "the keeper could not";
}

function namesOf({ domains }: Target): string {
  return domains.join(", ");
}

function compare(a: Target, b: Target): number {
  return a.vhost < b.vhost ? -1 : 1;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
