/**
 * Where the thread of a service begins: builds that may write nothing have entries without code for files.
 *
 * @module
 */
import type { Module, ThreadSpec } from "../../gateway/module.ts";

/** Whether a build with `modules` may write nothing at all, not even its process id. */
export function writesNothing(modules: readonly Module[]): boolean {
  return modules.some(({ name }) => name === "privacy-mode");
}

/** The entry of a service in a build with `modules`. */
export function serviceEntry(
  { url, urlWithoutFiles }: ThreadSpec,
  modules: readonly Module[],
): URL {
  return urlWithoutFiles !== undefined && writesNothing(modules) ? urlWithoutFiles : url;
}

/** Those of every service that a build with `modules` can have. */
export function serviceEntries(modules: readonly Module[]): readonly URL[] {
  return modules.flatMap(({ threads = [] }) => threads.map((spec) => serviceEntry(spec, modules)));
}
