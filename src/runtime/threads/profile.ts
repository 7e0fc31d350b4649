/**
 * What a build contains. A profile is the only place that names modules; whatever it does not import
 * is not in the program.
 *
 * @module
 */
import type { EdgeModule, Module, ServiceRole, ThreadSpec } from "../../gateway/module.ts";
import type { Records } from "../log/record_types.ts";

/** What an edge worker is made from. */
export interface ServingProfile {
  /** Those of the profile, in its order; of each, what works on requests is enough. */
  readonly modules: readonly EdgeModule[];
  /** Absent in a build that keeps nothing: it writes no access log and no file. */
  readonly records?: Records;
}

/** One build of the program: the modules in it, and the entry of its edge workers. */
export interface Profile extends Omit<ServingProfile, "modules"> {
  /** As the command line, manifests and messages name it: `development`. */
  readonly name: string;
  /** In the order in which the gateway asks them. */
  readonly modules: readonly Module[];
  /**
   * The module an edge worker runs: it hands the worker's part of the same modules to `runEdgeWorker`.
   * Written as `new URL("../<name>_worker.ts", import.meta.url)`, so that bundling tools find the file.
   */
  readonly workerUrl: URL;
  /**
   * Entries of services that several modules have parts in, by role. Written as
   * `new URL("../<name>_control.ts", import.meta.url)`.
   */
  readonly services?: ServiceEntries;
}

/** Entries of threads, by the role of the service. */
export type ServiceEntries = { readonly [Role in ServiceRole]?: URL };

/** The file that the thread of a service begins with. */
export function entryOf(
  { role, url }: Pick<ThreadSpec, "role" | "url">,
  services: ServiceEntries = {},
): URL | undefined {
  return services[role] ?? url;
}

/** Every file that a thread of a profile begins with, that of its edge workers first. */
export function threadEntries(
  { workerUrl, modules, services }: Pick<Profile, "workerUrl" | "modules" | "services">,
): URL[] {
  const specs = modules.flatMap(({ threads = [] }) => threads);
  const urls = specs.flatMap((spec) => entryOf(spec, services) ?? []);
  return [...new Map([workerUrl, ...urls].map((url) => [url.href, url])).values()];
}
