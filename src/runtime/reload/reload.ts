/**
 * Everything about a reload that happens before a worker hears of it, and how it is reported afterwards.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { Loaded, ReloadOutcome } from "../../gateway/threads/keeper_part.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { Files, Module } from "../../gateway/module.ts";
import { servingPlan } from "../permissions/plan.ts";
import { deploymentOf, type ProcessNames } from "../deployment.ts";
import { modulePreflight, permissionProblems } from "../preflight.ts";
import { logWarning, problemText } from "../log/problem_text.ts";
import { readRequestedFiles, sameFiles } from "./requested_files.ts";
import { equal } from "./compare.ts";
import type { SharedFiles } from "./shared_files.ts";
import { classifyReload } from "./impact.ts";

export type { Loaded, ReloadOutcome } from "../../gateway/threads/keeper_part.ts";

/** What a reload is judged by. */
export interface ReloadContext {
  /** As it was loaded when it was taken up. */
  readonly running: Config;
  /** Content of the files its modules asked for. */
  readonly files: Files;
  readonly modules: readonly Module[];
  readonly configSource: string | undefined;
  readonly names: ProcessNames;
  readonly sharedFiles: SharedFiles;
}

/** A change that may be applied live. */
export interface LiveChange {
  readonly loaded: Loaded;
  readonly config: Config;
  readonly files: Files;
  readonly warnings: readonly Problem[];
}

/** Says whether what was loaded may be applied live, or how the reload ends already. */
export async function judgeReload(
  loaded: Loaded,
  { running, files, modules, configSource, names, sharedFiles }: ReloadContext,
): Promise<LiveChange | ReloadOutcome> {
  const { config, problems, place = (problem) => problem } = loaded;
  if (config === undefined) return { kind: "invalid", problems };
  const { impact, reasons } = classifyReload(
    running,
    config,
    modules.flatMap((module) => module.schema),
  );
  if (impact === "process-upgrade") return { kind: "process-upgrade", reasons, problems: [] };
  const deployment = deploymentOf(config, modules, { configSource, names });
  const before = deploymentOf(running, modules, { configSource, names });
  if (!equal(before.listeners, deployment.listeners)) {
    return { kind: "process-upgrade", reasons: ["listener-changed"], problems: [] };
  }
  const missing = permissionProblems(servingPlan(deployment.plan));
  if (missing.length > 0) {
    return {
      kind: "process-upgrade",
      reasons: ["permissions-changed"],
      problems: missing.map(place),
    };
  }
  const preflight = await modulePreflight(config, modules);
  const read = await readRequestedFiles(deployment, modules, sharedFiles);
  const found = [...preflight, ...read.problems].map(place);
  if (found.some(({ warning }) => warning !== true)) return { kind: "invalid", problems: found };
  // A certificate that was renewed in its place is a change, too.
  if (impact === "noop" && sameFiles(read.files, files)) return { kind: "noop" };
  return { loaded, config, files: read.files, warnings: [...problems, ...found] };
}

/** Logs how a reload went. */
export function reportReload(outcome: ReloadOutcome, log: Logger): void {
  switch (outcome.kind) {
    case "noop":
      log.log("info", "fluxheim", "reload: nothing has changed");
      return;
    case "applied":
      log.log("info", "fluxheim", "reload: the new configuration serves");
      return;
    case "invalid":
      log.log("error", "fluxheim", "reload refused: the configuration has problems");
      for (const problem of outcome.problems) {
        if (problem.warning === true) logWarning(problem, log, "reload: ");
        else log.log("error", "fluxheim", `reload: ${problemText(problem)}`);
      }
      return;
    case "process-upgrade":
      log.log("warn", "fluxheim", `reload refused: needs a restart: ${outcome.reasons.join(", ")}`);
      for (const problem of outcome.problems) {
        log.log("warn", "fluxheim", `reload: ${problemText(problem)}`);
      }
      return;
    case "failed":
      log.log("error", "fluxheim", `reload refused: ${outcome.reason}`);
  }
}
