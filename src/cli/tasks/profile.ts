/**
 * `deno task profile`: prints what a profile contains, or runs it under its own permission set.
 *
 * @module
 */
import { NO_NEW_CODE } from "../../runtime/permissions/plan.ts";
import { profileFeatures, profileNamed } from "../features/feature_set.ts";
import { type ParsedArgs, UsageError } from "../args.ts";
import { EXIT } from "../command.ts";
import { entryPath, ROOT } from "./entry_files.ts";
import { runTask, type Task } from "./task.ts";

const task: Task = {
  name: "profile",
  usage: "NAME [-- ARGUMENTS]",
  summary:
    "Prints what a profile contains; with arguments, runs the program of this profile with them,\n" +
    "under the permission set of the same name.",
  options: [],
  run,
};

async function run({ positionals }: ParsedArgs): Promise<number> {
  const [name, ...args] = positionals;
  if (name === undefined) throw new UsageError("no profile is named");
  const profile = profileNamed(name);
  const { modules, problems } = profileFeatures(profile);
  const entry = entryPath(profile.name);
  if (problems.length > 0 && !(await exists(ROOT + entry))) {
    for (const { message } of problems) console.error(`profile ${profile.name}: ${message}`);
    return EXIT.failed;
  }
  if (args.length > 0) return await runProfile(profile.name, entry, args);
  console.log(`${profile.name}: ${profile.use}`);
  console.log(`entry:       ${entry}`);
  console.log(`permissions: permissions/${profile.name}.json`);
  console.log("modules:");
  for (const { name, state } of modules) {
    console.log(`  ${name}${state.kind === "built" ? "" : "  (fails closed)"}`);
  }
  return EXIT.ok;
}

/** Runs it as a child that gets every signal; the gateway itself distinguishes one Ctrl-C from two. */
async function runProfile(name: string, entry: string, args: string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...NO_NEW_CODE, `-P=${name}`, ROOT + entry, ...args],
  }).spawn();
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch {
        // It has ended already.
      }
    });
  }
  return (await child.status).code;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

if (import.meta.main) await runTask(task);
