/**
 * `deno task compile`: builds `dist/fluxheim-<profile>`, a program whose permissions are locked in: those of
 * the profile, or, with a configuration, exactly those of that deployment.
 *
 * @module
 */
import { resolve } from "node:path";
import { profileFeatures, profileNamed } from "../features/feature_set.ts";
import type { Profile } from "../../runtime/threads/profile.ts";
import { permissionFlags } from "../../runtime/permissions/plan.ts";
import { permissionSet } from "../features/manifest_text.ts";
import { type ParsedArgs, UsageError } from "../args.ts";
import { EXIT, Failure } from "../command.ts";
import { load, planFor, printProblems } from "../load.ts";
import { standardIo } from "../main.ts";
import { compileProgram, type Lock, threadEntries } from "./compiler.ts";
import { entryPath, ROOT } from "./entry_files.ts";
import { builtProfiles } from "./generated.ts";
import { runTask, type Task } from "./task.ts";

const task: Task = {
  name: "compile",
  usage: "PROFILE [--config PATH] [--target TARGET] [--output FILE]",
  summary: [
    "Builds a program with the modules of a profile and its permissions locked in.",
    "With --config, the permissions are exactly those of that configuration, which the program",
    "then always runs; its path and the paths in it must be those of the machine it will run on.",
    "PROFILE may also be the path of an entry that validate-features wrote.",
  ].join("\n"),
  options: [
    { name: "config", short: "c", value: "PATH", help: "lock to this configuration" },
    { name: "target", value: "TARGET", help: "as deno compile knows it" },
    { name: "output", short: "o", value: "FILE", help: "dist/fluxheim-PROFILE unless given" },
  ],
  run,
};

async function run(args: ParsedArgs): Promise<number> {
  const [name, more] = args.positionals;
  if (name === undefined) throw new UsageError("no profile is named");
  if (more !== undefined) throw new UsageError(`unexpected argument "${more}"`);
  const { entry, profile } = await entryOf(name);
  if (!entry.startsWith(ROOT)) throw new Failure(`${entry} is not in this checkout`);
  const lock = await lockOf(profile, args.get("config"));
  const output = resolve(args.get("output") ?? `${ROOT}dist/fluxheim-${profile.name}`);
  await compileProgram({
    entry,
    threads: threadEntries(profile),
    name: profile.name,
    lock,
    output,
    target: args.get("target"),
  });
  console.log(`built ${output}`);
  return EXIT.ok;
}

/** The entry file of a profile by name, or of a custom one by path. */
async function entryOf(name: string): Promise<{ entry: string; profile: Profile }> {
  let entry: string;
  if (name.endsWith(".ts")) entry = resolve(name);
  else {
    const known = profileNamed(name);
    if (!builtProfiles().includes(known)) {
      const reasons = profileFeatures(known).problems.map(({ message }) => `\n  ${message}`);
      throw new Failure(`profile ${known.name} cannot be built:${reasons.join("")}`);
    }
    entry = ROOT + entryPath(known.name);
  }
  const { profile }: { profile: Profile } = await import(entry);
  return { entry, profile };
}

/** What is locked in: the profile's permission set, or the flags of one configuration. */
async function lockOf(profile: Profile, config: string | undefined): Promise<Lock> {
  if (config === undefined) return { kind: "profile", set: permissionSet(profile.modules) };
  const source = resolve(config);
  const loaded = await load(profile, source);
  printProblems(loaded.problems, standardIo("compile"));
  if (loaded.config === undefined) throw new Failure("nothing was built");
  const plan = planFor(profile, loaded.config, source, true);
  return { kind: "deployment", flags: permissionFlags(plan), source };
}

if (import.meta.main) await runTask(task);
