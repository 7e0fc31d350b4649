/**
 * Shared files that were replaced while the process serves: found, checked, and handed to the threads without a
 * reload of the configuration.
 *
 * @module
 */
import type { Logger } from "../../gateway/log.ts";
import type { FileRequest, Files, Module } from "../../gateway/module.ts";
import type { Config } from "../../config/types.ts";
import { systemFor } from "../preflight.ts";
import type { SharedFiles } from "./shared_files.ts";

/** What serves, and what it was read with. */
export interface Served {
  readonly config: Config;
  readonly files: Files;
}

/**
 * Looks at shared files. One that is not fit is logged once, and the one in use stays.
 *
 * @param requests Those for the shared files of what is served.
 * @returns The files with those that took the place of others; `undefined` when there are none.
 */
export async function replacedFiles(
  { config, files }: Served,
  requests: readonly FileRequest[],
  modules: readonly Module[],
  shared: SharedFiles,
  log: Logger,
): Promise<{ readonly files: Files; readonly paths: readonly string[] } | undefined> {
  const next = new Map(files);
  const paths: string[] = [];
  for (const request of requests) {
    const { path } = request;
    const before = shared.last(path);
    const found = await shared.look(request);
    if (found.problem === undefined && found.content === next.get(path)) continue;
    if (found.problem !== undefined && found === before) continue;
    let problem = found.problem === undefined ? undefined : `${path} ${found.problem}`;
    if (found.problem === undefined) {
      const candidate = new Map(next).set(path, found.content);
      problem = await problemOf(request, config, candidate, modules);
      if (problem === undefined) {
        next.set(path, found.content);
        paths.push(path);
        continue;
      }
      shared.refuse(
        path,
        problem.startsWith(`${path} `) ? problem.slice(path.length + 1) : problem,
      );
    }
    log.log("error", "fluxheim", `${request.key}: ${problem}; the one in use stays`);
  }
  return paths.length === 0 ? undefined : { files: next, paths };
}

/** What speaks against the content of the file of `request`. */
async function problemOf(
  { key }: FileRequest,
  config: Config,
  files: Files,
  modules: readonly Module[],
): Promise<string | undefined> {
  for (const module of modules) {
    const problems = [
      ...module.checkFiles?.(config, files) ?? [],
      ...await module.proveFiles?.(config, files, systemFor(modules)) ?? [],
    ];
    // Those of other files are a reload's matter.
    const found = problems.find((problem) => problem.warning !== true && problem.key === key);
    if (found !== undefined) return found.message;
  }
  return undefined;
}
