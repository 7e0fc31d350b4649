/**
 * From a configuration to workers that serve it, or to every reason why that cannot be.
 *
 * @module
 */
import type { Config, Problem } from "../config/types.ts";
import type { FileRequest, Files } from "../gateway/module.ts";
import type { ProcessState } from "../gateway/threads/service.ts";
import { ZoneRegistry } from "../zones/registry.ts";
import { threadSlots } from "./threads/zone_plan.ts";
import { hasBlanketNet } from "./permissions/granted.ts";
import { NO_MANAGER, type ServiceManager } from "./log/record_types.ts";
import { KeeperLog } from "./log/keeper_log.ts";
import { probeListeners } from "./listen_probe.ts";
import { listenerProblems } from "./listeners.ts";
import { type RolePermissions, workerPermissions } from "./permissions/plan.ts";
import { type Deployment, deploymentOf, ProcessNames } from "./deployment.ts";
import { modulePreflight, permissionProblems, processProblems } from "./preflight.ts";
import { logWarning, problemText } from "./log/problem_text.ts";
import type { Profile } from "./threads/profile.ts";
import { metricsOf } from "./metrics/metric_specs.ts";
import type { KeeperPart, Loaded } from "../gateway/threads/keeper_part.ts";
import { readRequestedFiles } from "./reload/requested_files.ts";
import { SharedFiles } from "./reload/shared_files.ts";
import type { KeeperCalls } from "./threads/messages/call_ports.ts";
import { Services } from "./threads/services.ts";
import { type Load, WorkerPool } from "./threads/worker_pool.ts";
import type { WorkerHandle } from "./threads/worker_handle.ts";
import { type Pace, paceOf } from "./pace.ts";
import type { OpenedListener } from "./threads/messages/worker_messages.ts";

/** How long the last log lines may take to be written. */
export const LAST_LOG_MS = 1_000;

const NOTHING_SERVES: ProcessState = { phase: "starting", reason: "no worker serves" };

/** What a keeper works with. */
export interface KeeperOptions {
  /** The build. */
  readonly profile: Profile;
  /** Reads and checks the configuration: at start, and again for every reload. */
  load(): Promise<Loaded>;
  /** Checks the text of a configuration, in which every path is absolute; for stored ones. */
  loadText?(text: string): Loaded;
  /** Absolute path of what `load` reads, for the permission plan; `undefined` for built-in defaults. */
  readonly configSource: string | undefined;
  /** Serves although the environment makes the runtime write TLS secrets to a file. */
  readonly allowKeyLog?: boolean;
  /** Makes limits end sooner, for tests. */
  readonly pace?: Pace;
  /** Called when all that only a start needs has been read and opened, before a worker serves. */
  beforeServing?(config: Config): void;
}

/** Why the gateway could not start; every reason that was found. */
export class StartError extends Error {
  /** A start that failed for `problems`, of which at least one is more than a warning. */
  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(problemText).join("\n"));
    this.name = "StartError";
  }
}

/** A gateway whose workers serve. */
export interface Started {
  /** As it was loaded. */
  readonly loaded: Loaded & { readonly config: Config };
  /** Parts of modules in the keeper. */
  readonly parts: readonly KeeperPart[];
  readonly names: ProcessNames;
  readonly sharedFiles: SharedFiles;
  /** Files that the modules asked the keeper to read. */
  readonly requests: readonly FileRequest[];
  readonly load: Load;
  readonly log: KeeperLog;
  readonly manager: ServiceManager;
  readonly pool: WorkerPool;
  /** Those that serving needs are up. */
  readonly services: Services;
  readonly workers: ServingWorkers;
  readonly listeners: readonly OpenedListener[];
}

/**
 * Starts the workers, after the services that serving needs.
 *
 * @param keeperCalls What services may ask of the keeper.
 * @throws {StartError} when one cannot; nothing is left running or listening.
 */
export async function startWorkers(
  options: KeeperOptions,
  keeperCalls: KeeperCalls,
): Promise<Started> {
  const { modules, workerUrl, records } = options.profile;
  const names = new ProcessNames();
  const sharedFiles = new SharedFiles();
  const ready = await readyConfig(options, names, sharedFiles);
  const { loaded, parts, files, warnings, place } = ready;
  const { listeners } = deploymentOf(loaded.config, modules, { names });
  const probed = await probeListeners(loaded.config, listeners, records?.sockets);
  if (probed.problems !== undefined) throw new StartError(probed.problems.map(place));
  const { config } = probed;
  const deployment = deploymentOf(config, modules, { configSource: options.configSource, names });
  const zones = new ZoneRegistry(threadSlots(config), [
    ...deployment.zones,
    ...records?.counters.zones(config) ?? [],
  ]);
  const log = openLog(config, options, place);
  for (const warning of warnings) logWarning(warning, log);
  const manager = records?.openServiceManager(config, log) ?? NO_MANAGER;
  if ("key" in manager) {
    await log.close(LAST_LOG_MS);
    throw new StartError([place(manager)]);
  }
  const permissions = edgePermissions(deployment);
  const load: Load = { config, files, zones, permissions, deployment };
  options.beforeServing?.(config);
  const pace = paceOf(options.pace);
  const counters = records?.counters.ofProcess(log);
  const services = new Services(load, NOTHING_SERVES, {
    log,
    logSettings: log.settings,
    blanketNet: hasBlanketNet(),
    entries: options.profile.services,
    metricSpecs: metricsOf(modules),
    counters,
    keeperCalls,
    pace: pace.keeper,
    onRing: (reader) => log.add(reader),
    onLog: () => log.pump(),
  });
  const workers = new ServingWorkers();
  const serving = counters?.metrics.gauge("fluxheim_workers", {});
  const pool = new WorkerPool(load, {
    url: workerUrl,
    modules,
    pace,
    log,
    logSettings: log.settings,
    counters,
    onRing: (reader) => log.add(reader),
    onLog: () => log.pump(),
    onStarting: (worker) => services.attach(worker),
    onEnded: (worker) => services.detach(worker),
    onServing(worker) {
      serving?.add(1);
      workers.begun(worker);
    },
    onGone(worker) {
      serving?.add(-1);
      workers.gone(worker);
    },
    onForgotten: (slot) => services.forgetEdge(slot),
  });
  const unready = await services.startNeeded(load);
  const outcome = unready === undefined ? await pool.start() : { failure: unready };
  if ("failure" in outcome) {
    await services.stop();
    manager.close();
    await log.close(LAST_LOG_MS);
    throw new StartError([{ key: "", message: outcome.failure }]);
  }
  return {
    loaded,
    parts,
    names,
    sharedFiles,
    requests: deployment.files,
    load,
    log,
    manager,
    pool,
    services,
    workers,
    listeners: outcome.listeners,
  };
}

/** The workers that serve, for one that follows them from the time the first one does. */
export class ServingWorkers {
  readonly #serving = new Set<WorkerHandle>();
  #follower: WorkersFollower | undefined;

  begun(worker: WorkerHandle): void {
    this.#serving.add(worker);
    this.#follower?.addEdge(worker);
  }

  gone(worker: WorkerHandle): void {
    this.#serving.delete(worker);
    this.#follower?.removeEdge(worker);
  }

  /** Reports those that serve already, and every change from now on. */
  follow(follower: WorkersFollower): void {
    this.#follower = follower;
    for (const worker of this.#serving) follower.addEdge(worker);
  }
}

/** Follows every worker that begins to serve, and that ends. */
export interface WorkersFollower {
  addEdge(worker: WorkerHandle): void;
  removeEdge(worker: WorkerHandle): void;
}

/** What the edge workers of a configuration with found ports may do. */
export function edgePermissions({ plan }: Deployment): RolePermissions {
  return workerPermissions(plan, "edge", { blanketNet: hasBlanketNet() });
}

/** A configuration that could be served as far as is known. */
interface Checked {
  readonly loaded: Loaded & { readonly config: Config };
  /** Content of the files its modules asked for. */
  readonly files: Files;
  readonly warnings: readonly Problem[];
  /** Says where in the files the key of a problem stands. */
  place(problem: Problem): Problem;
}

interface Ready extends Checked {
  readonly parts: readonly KeeperPart[];
}

/** The text of a configuration that a part of the keeper has stored. */
export function readText({ loadText }: Pick<KeeperOptions, "loadText">, text: string): Loaded {
  if (loadText !== undefined) return loadText(text);
  const message = "this program was built without loadText, and cannot read stored configurations";
  return { config: undefined, problems: [{ key: "", message }] };
}

/**
 * The configuration, if nothing that can be known beforehand speaks against serving it: the source's own, or
 * the one that a part of the keeper has chosen in its place.
 */
async function readyConfig(
  options: KeeperOptions,
  names: ProcessNames,
  sharedFiles: SharedFiles,
): Promise<Ready> {
  const loaded = await options.load();
  const { config, problems } = loaded;
  if (config === undefined) throw new StartError(problems);
  const own = { ...loaded, config };
  const parts = await Promise.all(
    options.profile.modules.flatMap(({ keeper }) => keeper?.wanted(config) ? [keeper.load()] : []),
  );
  for (const part of parts) {
    const chosen = await part.choose?.({
      loaded: own,
      readText: (text) => readText(options, text),
    });
    if (chosen === undefined) continue;
    try {
      return { ...await checkLoaded(chosen, options, names, sharedFiles), parts };
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      part.passedOver?.(error.message);
    }
  }
  return { ...await checkLoaded(own, options, names, sharedFiles), parts };
}

async function checkLoaded(
  loaded: Loaded,
  { profile, configSource, allowKeyLog }: KeeperOptions,
  names: ProcessNames,
  sharedFiles: SharedFiles,
): Promise<Checked> {
  const { config, problems, place = (problem) => problem } = loaded;
  if (config === undefined) throw new StartError(problems);
  const deployment = deploymentOf(config, profile.modules, { configSource, names });
  const found = [
    ...problems,
    ...processProblems(config, allowKeyLog).map(place),
    ...listenerProblems(deployment.listeners).map(place),
    ...permissionProblems(deployment.plan).map(place),
  ];
  refuseErrors(found);
  // Only what is permitted can be looked at.
  const preflight = await modulePreflight(config, profile.modules);
  const read = await readRequestedFiles(deployment, profile.modules, sharedFiles);
  found.push(...[...preflight, ...read.problems].map(place));
  refuseErrors(found);
  return { loaded: { ...loaded, config }, files: read.files, warnings: found, place };
}

function refuseErrors(problems: readonly Problem[]): void {
  const errors = problems.filter(({ warning }) => warning !== true);
  if (errors.length > 0) throw new StartError(errors);
}

function openLog(
  config: Config,
  { profile }: KeeperOptions,
  place: Checked["place"],
): KeeperLog {
  try {
    return new KeeperLog(config, profile);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const key = config.logging.syslog.enabled ? "logging.syslog.address" : "logging.file.path";
    const problem = { key, message: `cannot be opened: ${message}` };
    throw new StartError([place(problem)]);
  }
}
