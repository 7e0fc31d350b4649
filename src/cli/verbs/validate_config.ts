/** `--validate-config`: would this configuration run here? @module */
import { hasErrors, problemRecords } from "../../config/problems/problems.ts";
import type { Config, Problem } from "../../config/types.ts";
import type { Module } from "../../gateway/module.ts";
import { deploymentOf } from "../../runtime/deployment.ts";
import { listenerProblems } from "../../runtime/listeners.ts";
import { modulePreflight, processProblems } from "../../runtime/preflight.ts";
import { readRequestedFiles } from "../../runtime/reload/requested_files.ts";
import { type Command, EXIT } from "../command.ts";
import { load, printProblems } from "../load.ts";
import { CONFIG, configSource, JSON_OUTPUT } from "../options.ts";

/** Checks and builds everything but sockets; silent on success (spec 01 section 6.1). */
export const validateConfig: Command = {
  name: "--validate-config",
  summary: "check the configuration and build everything it asks for, without binding",
  options: [JSON_OUTPUT, CONFIG],
  async run({ profile, args, io }) {
    const { config, problems, place } = await load(profile, configSource(args));
    const found = [...problems];
    if (config !== undefined) {
      found.push(...(await buildProblems(config, profile.modules)).map(place));
    }
    const ok = !hasErrors(found);
    if (args.has(JSON_OUTPUT.name)) {
      io.out(JSON.stringify({ ok, problems: problemRecords(found) }, undefined, 2));
    }
    if (!args.has(JSON_OUTPUT.name) || ok) printProblems(found, io);
    return ok ? EXIT.ok : EXIT.failed;
  },
};

/** What building the gateway for `config` on this machine comes up with. */
export async function buildProblems(
  config: Config,
  modules: readonly Module[],
): Promise<readonly Problem[]> {
  const preflight = await modulePreflight(config, modules);
  const deployment = deploymentOf(config, modules);
  const read = await readRequestedFiles(deployment, modules);
  const problems = [
    ...processProblems(config),
    ...listenerProblems(deployment.listeners),
    ...preflight,
    ...read.problems,
  ];
  if (hasErrors(problems)) return problems;
  const { buildSnapshot } = await import("./dry_run.ts");
  try {
    const snapshot = await buildSnapshot(config, modules, read.files);
    await snapshot.stop();
  } catch (error) {
    problems.push({ key: "", message: error instanceof Error ? error.message : String(error) });
  }
  return problems;
}
