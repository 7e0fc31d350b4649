/** Loading the configuration for a command, with the rules of the modules in this build. @module */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Check, loadConfig, type Loaded, type LoadOptions, loadText } from "../config/load.ts";
import { formatProblem, problemRecords } from "../config/problems/problems.ts";
import type { Config, Problem } from "../config/types.ts";
import type { Module } from "../gateway/module.ts";
import { patternProblems } from "../gateway/route/pattern_check.ts";
import { deploymentOf } from "../runtime/deployment.ts";
import type { Plan } from "../runtime/permissions/plan.ts";
import type { PlannedGrant } from "../runtime/permissions/planned_grant.ts";
import { type Profile, threadEntries } from "../runtime/threads/profile.ts";
import type { Call, Io } from "./command.ts";
import { configSource, JSON_OUTPUT } from "./options.ts";

/** Loads `source` with the tables and the checks of the profile's modules. */
export function load(
  { modules }: Profile,
  source: string | undefined,
  options: LoadOptions = {},
): Promise<Loaded> {
  return loadConfig(
    source,
    modules.flatMap((module) => module.schema),
    checksOf(modules),
    { defaults: modules.flatMap((module) => module.defaults ?? []), ...options },
  );
}

/** Checks the text of a stored configuration by the same rules. */
export function loadStored({ modules }: Profile, text: string): Loaded {
  const loaded = loadText(text, modules.flatMap((module) => module.schema), checksOf(modules), {
    defaults: modules.flatMap((module) => module.defaults ?? []),
  });
  // It is in no file that an operator writes.
  const placeless = ({ file: _file, line: _line, ...problem }: Problem): Problem => problem;
  return {
    ...loaded,
    problems: loaded.problems.map(placeless),
    place: (problem) => placeless(loaded.place(problem)),
  };
}

function checksOf(modules: readonly Module[]): readonly Check[] {
  return [
    patternProblems,
    ...modules.flatMap((module) => module.check === undefined ? [] : [module.check]),
  ];
}

/**
 * Loads what a command line names. What is wrong goes to standard error, or, where the command prints
 * JSON, to standard output as `{ "ok": false, "problems": [...] }`; warnings always go to standard error.
 *
 * @returns The configuration, or `undefined` after its problems were reported.
 */
export async function loadOrReport(
  call: Call,
  options: LoadOptions = {},
): Promise<Config | undefined> {
  return (await loadedOrReport(call, options))?.config;
}

/** The same, with what else is known of it. */
export async function loadedOrReport(
  { profile, args, io }: Call,
  options: LoadOptions = {},
): Promise<(Loaded & { readonly config: Config }) | undefined> {
  const loaded = await load(profile, configSource(args), options);
  const { config, problems } = loaded;
  if (config === undefined && args.has(JSON_OUTPUT.name)) printFailure(problems, io);
  else printProblems(problems, io);
  return config === undefined ? undefined : { ...loaded, config };
}

/** Problems as lines for a person, then, unless all are warnings, how many there are. */
export function printProblems(problems: readonly Problem[], io: Io): void {
  for (const problem of problems) io.err(formatProblem(problem));
  const errors = problems.filter((problem) => problem.warning !== true).length;
  if (errors > 0) io.err(`${io.program}: ${errors === 1 ? "1 problem" : `${errors} problems`}`);
}

/** Problems as the JSON that a command prints in place of its result. */
export function printFailure(problems: readonly Problem[], io: Io): void {
  io.out(JSON.stringify({ ok: false, problems: problemRecords(problems) }, undefined, 2));
}

/**
 * What `config`, loaded from `source`, needs to run.
 *
 * @param standalone Whether in a compiled program; unless given, in one like this.
 */
export function planFor(
  profile: Profile,
  config: Config,
  source: string | undefined,
  standalone = Deno.build.standalone,
): Plan {
  const configSource = source === undefined ? undefined : resolve(source);
  const { grants } = deploymentOf(config, profile.modules, { configSource, standalone }).plan;
  return { grants: standalone ? grants : [...grants, ...foreignEntries(threadEntries(profile))] };
}

/** What a custom build may import this program by. */
const FACES = ["../../mod.ts", "../../worker.ts"];

/**
 * A custom build's entries of threads are outside this program's own folder: they must be readable, and so
 * must the face that they import.
 */
function foreignEntries(urls: readonly URL[]): PlannedGrant[] {
  const own = new URL("..", import.meta.url).href;
  const folders = urls.filter(({ protocol, href }) => protocol === "file:" && !href.startsWith(own))
    .map((url) => dirname(fileURLToPath(url)));
  if (folders.length === 0) return [];
  const faces = FACES.map((face) => fileURLToPath(new URL(face, import.meta.url)));
  return [...new Set([...folders, ...faces])].map((value) => ({
    kind: "read",
    value,
    key: "the program itself",
    for: "keeper",
    optional: false,
  }));
}
