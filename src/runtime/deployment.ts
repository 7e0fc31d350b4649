/**
 * What one configuration needs of the process, as one value: every module is asked once, and start, reload,
 * `--validate-config`, `explain` and `permissions` read the same answers.
 *
 * @module
 */
import type { Config } from "../config/types.ts";
import type {
  Draw,
  FileRequest,
  Files,
  ListenerNeed,
  Module,
  Needs,
  Role,
  ServiceRole,
  ThreadSpec,
} from "../gateway/module.ts";
import type { ZoneRequest } from "../zones/layout.ts";
import { ownListeners } from "./listeners.ts";
import type { PlanOptions } from "./permissions/own_permissions.ts";
import { isTable } from "./reload/compare.ts";
import type { ConfigPart } from "../gateway/threads/thread.ts";
import { type Plan, planOf } from "./permissions/plan.ts";
import { EDGES } from "./threads/messages/calls.ts";
import { workerSlots, zoneRequests } from "./threads/zone_plan.ts";

/** What a configuration needs. */
export interface Deployment {
  readonly config: Config;
  /** What the runtime must allow. */
  readonly plan: Plan;
  /** Files that the keeper reads for other threads. */
  readonly files: readonly FileRequest[];
  /** Listeners of the edge workers, those of `[server]` first. */
  readonly listeners: readonly ListenerNeed[];
  /** Shared tables, the runtime's own among them. */
  readonly zones: readonly ZoneRequest<Role>[];
  /** Services that it needs. */
  readonly services: readonly ServiceNeed[];
}

/** A service that a configuration needs. */
export interface ServiceNeed {
  /** Modules with a part in it, in their order. */
  readonly modules: readonly string[];
  /** The one whose part in the edge workers it may call. */
  readonly edgeModule: string;
  /** What its parts ask for, as one. */
  readonly spec: ThreadSpec;
}

/** What a deployment depends on beside its configuration. */
export interface DeploymentOptions extends PlanOptions {
  /** Random names of this process; unless given, names that only look like some. */
  readonly names?: ProcessNames;
}

/** Asks `modules` what `config` needs. */
export function deploymentOf(
  config: Config,
  modules: readonly Module[],
  options: DeploymentOptions = {},
): Deployment {
  const { names = PLACEHOLDERS } = options;
  const draw: Draw = { workers: workerSlots(config), name: (purpose) => names.of(purpose) };
  const needs: Needs[] = modules.map((module) => module.needs?.(config, draw) ?? {});
  const listeners = [
    ...ownListeners(config),
    ...needs.flatMap(({ listeners = [] }) => listeners),
  ];
  return {
    config,
    plan: planOf(config, modules, needs, listeners, options),
    files: needs.flatMap(({ files = [] }) => files),
    listeners,
    zones: [
      ...zoneRequests(listeners),
      ...needs.flatMap(({ zones = [] }) => zones),
    ],
    services: servicesOf(config, modules),
  };
}

/** The services that `config` asks for; parts of one role make up one. */
function servicesOf(config: Config, modules: readonly Module[]): ServiceNeed[] {
  const byRole = new Map<ServiceRole, ServiceNeed>();
  for (const { name, threads = [] } of modules) {
    for (const spec of threads.filter((spec) => spec.wanted(config))) {
      const first = byRole.get(spec.role);
      byRole.set(
        spec.role,
        first === undefined
          ? { modules: [name], edgeModule: name, spec }
          : joinedNeed(first, name, spec),
      );
    }
  }
  return [...byRole.values()];
}

function joinedNeed(first: ServiceNeed, name: string, spec: ThreadSpec): ServiceNeed {
  const { modules, edgeModule, spec: before } = first;
  const hasEdges = before.asks.includes(EDGES) || before.edgeAsks !== undefined;
  const ends = before.whenLost === "end" || spec.whenLost === "end";
  return {
    modules: [...modules, name],
    edgeModule: hasEdges ? edgeModule : name,
    spec: {
      ...before,
      url: before.url ?? spec.url,
      tables: [...new Set([...before.tables, ...spec.tables])],
      asks: [...new Set([...before.asks, ...spec.asks])],
      ...(hasEdges ? {} : { edgeAsks: spec.edgeAsks }),
      startsBefore: before.startsBefore ?? spec.startsBefore,
      whenLost: ends ? "end" : "replace",
    },
  };
}

/** Of `files`, those that threads of `role` are handed. */
export function filesFor(deployment: Pick<Deployment, "files">, role: Role, files: Files): Files {
  const own = new Map<string, Uint8Array>();
  for (const { path, for: holder = "edge" } of deployment.files) {
    const content = holder === role ? files.get(path) : undefined;
    if (content !== undefined) own.set(path, content);
  }
  return own;
}

/**
 * Of `config`, the tables and keys that `paths` name.
 *
 * @param paths From the root: `server.health`. Through a list they go into each of its entries: `vhosts.php`.
 */
export function tablesFor(config: Config, paths: readonly string[]): ConfigPart {
  const part = partOf(config, paths.map((path) => path.split(".")));
  return isTable(part) ? part : {};
}

/** `undefined` where none of `paths` leads to anything. */
function partOf(value: unknown, paths: readonly (readonly string[])[]): unknown {
  if (paths.some((path) => path.length === 0)) return value;
  if (Array.isArray(value)) return value.map((entry) => partOf(entry, paths) ?? {});
  if (!isTable(value)) return undefined;
  const part: Record<string, unknown> = {};
  for (const key of new Set(paths.map(([first]) => first))) {
    const below = paths.filter(([first]) => first === key).map((path) => path.slice(1));
    const inner = Object.hasOwn(value, key) ? partOf(value[key], below) : undefined;
    if (inner !== undefined) part[key] = inner;
  }
  return Object.keys(part).length === 0 ? undefined : part;
}

/** Most purposes of one process. A module asks for one name a socket. */
const MAX_NAMES = 4096;

/** Random names, each drawn once in a process: a reload and a replaced thread find the same ones. */
export class ProcessNames {
  readonly #byPurpose = new Map<string, string>();

  /** The name for `purpose`: 128 random bits as lower-case hexadecimal. */
  of(purpose: string): string {
    let name = this.#byPurpose.get(purpose);
    if (name === undefined) {
      if (this.#byPurpose.size === MAX_NAMES) throw new Error("too many names were drawn");
      name = crypto.getRandomValues(new Uint8Array(16)).toHex();
      this.#byPurpose.set(purpose, name);
    }
    return name;
  }
}

/** For commands that start no thread: the plan they print names no socket of a running process. */
const PLACEHOLDERS: Pick<ProcessNames, "of"> = { of: () => "0".repeat(32) };
