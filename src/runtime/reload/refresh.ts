/**
 * Shared files that were replaced while the process serves: found, checked, and handed to the threads without a
 * reload of the configuration.
 *
 * @module
 */
import type { Logger } from "../../gateway/reports/log.ts";
import type { FileRequest, Files, Module } from "../../gateway/module.ts";
import type { Config } from "../../config/types.ts";
import { systemFor } from "../preflight.ts";
import type { SharedFiles } from "./shared_files.ts";

/** What serves, and what it was read with. */
export interface Served {
  readonly config: Config;
  readonly files: Files;
}

/** What a look at shared files works with. */
export interface RefreshContext {
  readonly modules: readonly Module[];
  readonly shared: SharedFiles;
  readonly log: Logger;
  /** Has every worker serve with other files; returns why that cannot be, or nothing. */
  serve(files: Files): Promise<string | undefined>;
}

/**
 * Looks at shared files, and has the workers take up those that took the place of others. Never rejects.
 *
 * @param requests Those for the shared files of what is served.
 */
export async function takeUpReplaced(
  served: Served,
  requests: readonly FileRequest[],
  { modules, shared, log, serve }: RefreshContext,
): Promise<void> {
  try {
    const found = await replacedFiles(served, requests, modules, shared, log);
    if (found === undefined) return;
    const failure = await serve(found.files);
    for (const path of found.paths) {
      if (failure === undefined) {
        log.log("info", "fluxheim", `${path} was replaced and is in use`);
      } else {
        shared.refuse(path, failure);
        log.log("error", "fluxheim", `${path} could not be taken up: ${failure}`);
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.stack ?? error.message : String(error);
    log.log("error", "fluxheim", `fault: files could not be refreshed: ${reason}`);
  }
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
    const problem = found.problem === undefined
      ? await problemOf(request, config, withOnly(path, found.content, files, requests), modules)
      : `${path} ${found.problem}`;
    if (found.problem === undefined && problem === undefined) {
      shared.markProved(path);
      next.set(path, found.content);
      paths.push(path);
      continue;
    }
    if (found.problem === undefined) shared.refuse(path, problem ?? "");
    log.log("error", "fluxheim", `${request.key}: ${problem}; the one in use stays`);
  }
  return paths.length === 0 ? undefined : { files: next, paths };
}

/** `files` with `content` as the only shared one: the others have passed, and other threads have them. */
function withOnly(
  path: string,
  content: Uint8Array,
  files: Files,
  requests: readonly FileRequest[],
): Files {
  const checked = new Map(files);
  for (const request of requests) checked.delete(request.path);
  return checked.set(path, content);
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
