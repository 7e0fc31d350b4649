/**
 * The keeper: the first thread of a gateway. It loads the configuration, starts the edge workers, keeps
 * them alive, reloads and stops them, and writes the log. It holds the permissions of the process and
 * never touches a request.
 *
 * @module
 */
import type { Config } from "../config/types.ts";
import type {
  KeeperContext,
  ProcessFacts,
  RunningKeeperPart,
} from "../gateway/threads/keeper_part.ts";
import type { Logger } from "../gateway/reports/log.ts";
import type { FileRequest, Files, ServiceRole } from "../gateway/module.ts";
import type { ProcessState } from "../gateway/threads/service.ts";
import type { Plain } from "../gateway/threads/thread.ts";
import { Clock } from "../net/clock.ts";
import type { SeriesValue } from "../zones/series.ts";
import { EXIT_STATUS } from "./exit_status.ts";
import { startLine } from "./start_line.ts";
import { type FailedHeartbeat, HEARTBEAT_LIMIT_MS } from "./threads/heartbeat.ts";
import type { KeeperLog } from "./log/keeper_log.ts";
import { keepPorts } from "./listen_probe.ts";
import { logWarning } from "./log/problem_text.ts";
import type { PidFile, ServiceManager } from "./log/record_types.ts";
import { paceOf } from "./pace.ts";
import {
  judgeReload,
  type LiveChange,
  type Loaded,
  type ReloadOutcome,
  reportReload,
} from "./reload/reload.ts";
import {
  edgePermissions,
  type KeeperOptions,
  LAST_LOG_MS,
  readText,
  type Started,
  startWorkers,
} from "./start.ts";
import { within } from "./within.ts";
import type { Services } from "./threads/services.ts";
import type { Load, WorkerPool } from "./threads/worker_pool.ts";
import type { OpenedListener } from "./threads/messages/worker_messages.ts";
import { deploymentOf, type ProcessNames } from "./deployment.ts";
import { takeUpReplaced } from "./reload/refresh.ts";
import { rereadOptional, type RereadOutcome } from "./reload/reread.ts";
import type { SharedFiles } from "./reload/shared_files.ts";

/** `graceful_shutdown_timeout_seconds` when it is not set (spec 01 section 8). */
const DEFAULT_DRAIN_SECS = 30;
/** With no worker to serve for so long, the process is of no use. */
const WORKERLESS_LIMIT_MS = 30_000;

/** Clock ticks between two looks at shared files: five seconds. */
const REFRESH_TICKS = 20;

/** The running gateway. */
export class Keeper {
  /** What it listens on, with the ports found for port 0. */
  readonly listeners: readonly OpenedListener[];
  /** Resolves with the status to end the process with (`EXIT_STATUS`). */
  readonly finished: Promise<number>;
  readonly #options: KeeperOptions;
  readonly #names: ProcessNames;
  readonly #sharedFiles: SharedFiles;
  readonly #clock: Clock;
  readonly #log: KeeperLog;
  readonly #pool: WorkerPool;
  readonly #services: Services;
  readonly #pidFile: PidFile | undefined;
  readonly #manager: ServiceManager;
  readonly #finish: (status: number) => void;
  readonly #parts: readonly RunningKeeperPart[];
  readonly #startedAt = performance.now();
  /** As it was loaded, for the next reload to be compared with. */
  #loaded: Loaded & { readonly config: Config };
  /** As it is served: with ports. */
  #load: Load;
  #reloading: Promise<unknown> = Promise.resolve();
  /** The shared files of what is served. */
  #requests: readonly FileRequest[];
  #ticks = 0;
  #isRefreshing = false;
  #stopping = false;
  #ended = false;

  private constructor(
    options: KeeperOptions,
    started: Started,
    calls: Map<string, (input: Plain) => Promise<Plain>>,
  ) {
    this.#options = options;
    this.#clock = new Clock(paceOf(options.pace).keeper);
    this.#names = started.names;
    this.#sharedFiles = started.sharedFiles;
    this.#requests = started.requests.filter(isShared);
    this.#log = started.log;
    this.#manager = started.manager;
    this.#pool = started.pool;
    this.#loaded = started.loaded;
    this.#parts = started.parts.map((part) => part.open(this.#context()));
    this.#load = started.load;
    this.listeners = started.listeners;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.finished = promise;
    this.#finish = resolve;
    this.#services = started.services;
    for (const part of this.#parts) for (const [name, call] of part.calls) calls.set(name, call);
    started.workers.follow({
      addEdge: (worker) => {
        this.#services.addEdge(worker);
        this.#services.setState(this.#state);
      },
      removeEdge: (worker) => {
        this.#services.removeEdge(worker);
        this.#services.setState(this.#state);
      },
    });
    this.#clock.every(() => this.#tick());
    this.#clock.start();
    const { pid_file } = started.loaded.config.server.process;
    this.#pidFile = options.profile.records?.writePidFile(pid_file, this.#log);
    this.#log.log("info", "fluxheim", startLine(options.profile.name, this.#load, this.listeners));
    for (const { name, description } of this.listeners) {
      this.#log.log("info", "fluxheim", `listening on ${name} (${description})`);
    }
    void this.#services.start();
    this.#manager.ready();
  }

  /**
   * Starts a gateway; when this returns, it serves.
   *
   * @throws {StartError} when it cannot; nothing is left running or listening.
   */
  static async start(options: KeeperOptions): Promise<Keeper> {
    const { promise, resolve } = Promise.withResolvers<Keeper>();
    // A service can ask before there is a keeper that could answer.
    const reload = async () => await (await promise).#reloadForService();
    const files = async () => await (await promise).#rereadForService();
    const calls = new Map<string, (input: Plain) => Promise<Plain>>([
      ["reload", reload],
      ["files", files],
    ]);
    const keeper = new Keeper(options, await startWorkers(options, calls), calls);
    resolve(keeper);
    return keeper;
  }

  /** Where the keeper and its services say things. */
  get log(): Logger {
    return this.#log;
  }

  /** The configuration that new requests are served by. */
  get config(): Config {
    return this.#load.config;
  }

  /** Every counter of the process, those of lost workers included; none in a build that keeps nothing. */
  series(): readonly SeriesValue[] {
    if (this.#options.profile.records === undefined) return [];
    return [...this.#pool.series(), ...this.#services.series()];
  }

  /** Something has put the log file aside: goes on in the one that has its path now. */
  reopenLog(): void {
    if (this.#log.reopen()) this.#log.log("info", "fluxheim", "the log file was opened again");
    else this.#log.log("warn", "fluxheim", "SIGUSR2: the log is no file, and stays as it is");
  }

  /** Takes up the configuration as its source has it now. Reloads run one after the other. */
  reload(): Promise<ReloadOutcome> {
    const part = this.#parts.find(({ reload }) => reload !== undefined);
    if (part?.reload !== undefined) return part.reload().catch(failed);
    const outcome = this.#exclusively(() => this.#reload()).catch(failed);
    void outcome.then((outcome) => this.#report(outcome));
    return outcome;
  }

  /**
   * Ends the gateway: serves on for the grace period, then accepts nothing more and lets connections
   * finish for as long as is configured (spec 01 section 8).
   *
   * @param cause What asked for it, for the log: `SIGTERM`.
   */
  async stop(cause: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#manager.stopping();
    this.#services.setState(this.#state);
    const { grace_period_seconds: grace = 0, graceful_shutdown_timeout_seconds: bound } =
      this.#loaded.config.server.process;
    const first = grace > 0 ? `serving for ${grace} s more, then draining` : "draining";
    this.#log.log("info", "fluxheim", `${cause}: ${first}`);
    if (grace > 0) await sleep(this.#realMs(grace));
    const drained = await within(this.#realMs(bound ?? DEFAULT_DRAIN_SECS), this.#pool.drain());
    if (!drained) {
      this.#log.log("warn", "fluxheim", "not every connection ended in time; the rest is cut");
      await this.#pool.forceClose();
    }
    await this.#end("stopped");
    this.#finish(EXIT_STATUS.stopped);
  }

  /** Ends the gateway at once, cutting what is in flight. */
  async abort(cause: string): Promise<void> {
    await this.#end(`${cause}: stopped at once`);
    this.#finish(EXIT_STATUS.stopped);
  }

  async #reload(): Promise<ReloadOutcome> {
    const judged = await this.#judge(await this.#options.load());
    return "kind" in judged ? judged : await this.#commit(judged);
  }

  #judge(loaded: Loaded): Promise<LiveChange | ReloadOutcome> {
    return judgeReload(loaded, {
      running: this.#loaded.config,
      files: this.#load.files,
      modules: this.#options.profile.modules,
      configSource: this.#options.configSource,
      names: this.#names,
      sharedFiles: this.#sharedFiles,
    });
  }

  /** All workers serve by the new configuration afterwards, or none. */
  async #commit(change: LiveChange): Promise<ReloadOutcome> {
    const { modules } = this.#options.profile;
    for (const warning of change.warnings) logWarning(warning, this.#log);
    const config = keepPorts(change.config, this.#load.config);
    const { configSource } = this.#options;
    const deployment = deploymentOf(config, modules, { configSource, names: this.#names });
    const counters = this.#options.profile.records?.counters.zones(config) ?? [];
    const zones = this.#load.zones.next([...deployment.zones, ...counters]);
    const { files } = change;
    const load = { config, files, zones, permissions: edgePermissions(deployment), deployment };
    const failure = await this.#services.startNeeded(load) ?? await this.#pool.reload(load);
    if (failure !== undefined) {
      // What was started for it alone ends again.
      await this.#services.reload(this.#load);
      return { kind: "failed", reason: failure };
    }
    this.#loaded = { ...change.loaded, config: change.config };
    this.#load = load;
    this.#requests = deployment.files.filter(isShared);
    await this.#services.reload(load);
    return { kind: "applied" };
  }

  #report(outcome: ReloadOutcome): void {
    reportReload(outcome, this.#log);
    this.#manager.status(`serving; last reload: ${outcome.kind}`);
  }

  #exclusively<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#reloading.then(job);
    this.#reloading = result.catch(() => {});
    return result;
  }

  /** What the parts of modules in this thread work with. */
  #context(): KeeperContext {
    const { log, facts, running } = {
      log: this.#log,
      facts: () => this.#facts,
      running: () => this.#loaded,
    };
    const changes = new WeakSet<object>();
    return {
      log,
      get running() {
        return running();
      },
      get process() {
        return facts();
      },
      series: () => this.series(),
      readSource: () => this.#options.load(),
      readText: (text) => readText(this.#options, text),
      exclusively: (job) => this.#exclusively(job),
      judge: async (loaded) => {
        const judged = await this.#judge(loaded);
        if ("kind" in judged) return { kind: "settled", outcome: judged };
        changes.add(judged);
        return { kind: "live", change: judged };
      },
      commit: (change) => {
        if (!isJudged(change, changes)) throw new Error("only a change that was judged is applied");
        return this.#commit(change);
      },
      report: (outcome) => this.#report(outcome),
    };
  }

  get #facts(): ProcessFacts {
    const services = this.#services.available.map((role) => ({ role, serving: 1 }));
    return {
      pid: Deno.pid,
      uptimeSecs: Math.floor((performance.now() - this.#startedAt) / 1000),
      state: this.#state,
      threads: [{ role: "edge", serving: this.#pool.serving }, ...services],
    };
  }

  /** Takes up shared files that were replaced, unless one look at them is under way. */
  #refresh(): void {
    if (this.#isRefreshing || this.#stopping) return;
    this.#isRefreshing = true;
    void this.#exclusively(() =>
      takeUpReplaced(this.#load, this.#requests, {
        modules: this.#options.profile.modules,
        shared: this.#sharedFiles,
        log: this.#log,
        serve: (files) => this.#serveWith(files),
      })
    ).finally(() => this.#isRefreshing = false);
  }

  /** The workers change over as with a reload, to the configuration that they have. */
  async #serveWith(files: Files): Promise<string | undefined> {
    const load = { ...this.#load, files };
    const failure = await this.#pool.reload(load);
    if (failure === undefined) this.#load = load;
    return failure;
  }

  /** A service asks for a reload, and gets its outcome without a word of the configuration. */
  async #reloadForService(): Promise<Plain> {
    return { kind: (await this.reload()).kind };
  }

  /** A service has replaced optional files: the workers take them up, and the configuration stays as it is. */
  async #rereadForService(): Promise<Plain> {
    const outcome = await this.#exclusively(() =>
      rereadOptional(this.#load, this.#load.deployment.files, {
        shared: this.#sharedFiles,
        log: this.#log,
        serve: (files) => this.#serveWith(files),
      })
    ).catch((error): RereadOutcome => ({ kind: "failed", reason: reasonOf(error) }));
    return { ...outcome };
  }

  get #state(): ProcessState {
    if (this.#stopping) return { phase: "draining", reason: "the process is about to end" };
    if (this.#pool.serving > 0) return { phase: "ready", reason: "" };
    return { phase: "starting", reason: "no worker serves" };
  }

  /** `seconds` at the pace of this gateway. */
  #realMs(seconds: number): number {
    return seconds * 1000 / this.#clock.pace;
  }

  #tick(): void {
    this.#log.pump();
    if (this.#ended) return;
    this.#manager.tick();
    if (!this.#stopping) { for (const part of this.#parts) part.tick?.(); }
    if (++this.#ticks % REFRESH_TICKS === 0 && this.#requests.length > 0) this.#refresh();
    const failed = this.#pool.tick() ?? this.#services.tick();
    if (failed !== undefined) {
      void this.#fault(inWords(failed, this.#realMs(HEARTBEAT_LIMIT_MS / 1000)));
    } else if (this.#pool.workerlessMs > WORKERLESS_LIMIT_MS && !this.#stopping) {
      const seconds = this.#realMs(WORKERLESS_LIMIT_MS / 1000) / 1000;
      void this.#fault(`no worker could be kept alive for ${seconds} s`);
    }
  }

  /** What cannot be mended from inside: is said as the very last line, whatever the log is. */
  async #fault(reason: string): Promise<void> {
    const text = `${reason}; ending the process with status ${EXIT_STATUS.fault}`;
    await this.#end(text, "error");
    await within(LAST_LOG_MS, Deno.stderr.write(new TextEncoder().encode(`fluxheim: ${text}\n`)));
    this.#finish(EXIT_STATUS.fault);
  }

  async #end(lastWords: string, level: "info" | "error" = "info"): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopping = true;
    this.#clock.stop();
    this.#pool.abort();
    await this.#services.stop();
    this.#pidFile?.remove();
    this.#manager.close();
    // What the workers said goes before it.
    await this.#log.flush(LAST_LOG_MS);
    this.#log.log(level, "fluxheim", lastWords);
    await this.#log.close(LAST_LOG_MS);
  }
}

function isJudged(change: object, judged: WeakSet<object>): change is LiveChange {
  return judged.has(change);
}

function isShared(request: FileRequest): boolean {
  return request.isShared === true;
}

function failed(error: unknown): ReloadOutcome {
  return { kind: "failed", reason: reasonOf(error) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

function inWords({ slot, cause }: FailedHeartbeat<number | ServiceRole>, limitMs: number): string {
  const thread = typeof slot === "number" ? `worker ${slot}` : `the service ${slot}`;
  return cause === "heap full"
    ? `${thread} has filled its heap`
    : `${thread} has not run its event loop for ${limitMs / 1000} s`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
