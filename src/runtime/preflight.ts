/**
 * What is looked at before a configuration is taken up: may this process do what it asks for, and do
 * the modules find on this machine what they need.
 *
 * @module
 */
import { factsOf, parentOf, serviceUid } from "../config/read/file_facts.ts";
import type { Config, Problem } from "../config/types.ts";
import type { Module, System } from "../gateway/module.ts";
import { missingGrants } from "./permissions/granted.ts";
import { KEY_LOG_VARIABLE, SOCKETS_VARIABLE } from "./permissions/own_permissions.ts";
import type { Plan } from "./permissions/plan.ts";

/** What checks of `modules` may ask of this machine. */
export function systemFor(modules: readonly Module[]): System {
  return {
    uid: serviceUid() ?? -1,
    wanted: (scope) => new Set(modules.flatMap((module) => module.facts?.(scope) ?? [])),
  };
}

/** Runs the checks of every module that touch the system. */
export async function modulePreflight(
  config: Config,
  modules: readonly Module[],
): Promise<readonly Problem[]> {
  const system = systemFor(modules);
  const found = await Promise.all(
    modules.map(async (module) => await module.preflight?.(config, system) ?? []),
  );
  return found.flat();
}

/** One problem for each key and thing it asks for that this process may not do. */
export function permissionProblems(plan: Plan): readonly Problem[] {
  const problems = new Map<string, Problem>();
  // A worker and the keeper may ask for the same.
  for (const { kind, value, key } of missingGrants(plan)) {
    const message = `needs --allow-${kind}=${value}, which this process was not started with`;
    const hint = '"fluxheim permissions" prints all flags that a configuration needs';
    problems.set(`${key} ${message}`, { key, message, hint });
  }
  return [...problems.values()];
}

/**
 * What about the process itself and the files it writes speaks against serving.
 *
 * @param allowKeyLog Whether TLS secrets may be written to a file: a warning then.
 */
export function processProblems(
  { server, logging }: Config,
  allowKeyLog = false,
): readonly Problem[] {
  const problems: Problem[] = [...irregular(server.process.pid_file, "server.process.pid_file")];
  const { enabled, path } = logging.file;
  if (enabled && path !== undefined) problems.push(...logFileProblems(path));
  if (server.process.daemon) {
    problems.push({
      key: "server.process.daemon",
      message: "must be false: this program does not detach itself",
      hint: 'run it under systemd, a container runtime or "fluxheim supervise"',
    });
  }
  if (server.process.error_log !== undefined) {
    problems.push({
      key: "server.process.error_log",
      message: "has no effect: it is where a detached process would write",
      hint: "use [logging.file]",
      warning: true,
    });
  }
  if (readableVariable(KEY_LOG_VARIABLE) !== undefined) {
    problems.push({
      key: "",
      message:
        `the environment variable ${KEY_LOG_VARIABLE} is set: with it the runtime writes the ` +
        "secrets of TLS connections to a file",
      hint: "unset it; to look into TLS with traffic of your own, start with --allow-key-log",
      ...(allowKeyLog ? { warning: true } : {}),
    });
  }
  if (readableVariable(SOCKETS_VARIABLE) !== undefined) {
    problems.push({
      key: "",
      message:
        `the environment variable ${SOCKETS_VARIABLE} is set: sockets were handed to this process, ` +
        "and no permission covers those",
      hint: "this program binds its listeners itself; start it without socket activation",
    });
  }
  return problems;
}

/** Where records cannot be written to, as far as this process may look. */
function logFileProblems(path: string): readonly Problem[] {
  const key = "logging.file.path";
  const directory = parentOf(path);
  if (factsOf(directory, true).kind !== "missing") return irregular(path, key);
  return [{
    key,
    message: `${path} must be in a directory that exists: there is no ${directory}`,
    hint: "make the directory, and let the service user write there",
  }];
}

/** A file to be written, where something else stands. */
function irregular(path: string, key: string): readonly Problem[] {
  const facts = factsOf(path);
  if (facts.kind !== "there" || facts.info.isFile) return [];
  const found = facts.info.isDirectory ? "a directory" : "no regular file";
  return [{ key, message: `must name a file; ${path} is ${found}` }];
}

/** An environment variable, if it is set and this process may read it. */
export function readableVariable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
