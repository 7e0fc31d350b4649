/**
 * `deno task validate-features a,b,c`: says whether a set of modules may be combined, and writes the
 * entry of a build with it.
 *
 * @module
 */
import { contentsOf, expandFeatures } from "../features/feature_set.ts";
import { type ParsedArgs, UsageError } from "../args.ts";
import { EXIT } from "../command.ts";
import { customFiles, ROOT } from "./entry_files.ts";
import { runTask, type Task } from "./task.ts";

/** Where entries of custom sets go; not under version control. */
const CUSTOM = "dist/custom";
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

const task: Task = {
  name: "validate-features",
  usage: "[--name NAME] MODULE,MODULE,...",
  summary:
    "Expands profile-* aliases, adds what each module needs, refuses sets that may not be built, and\n" +
    `writes ${CUSTOM}/NAME.ts for the others. NAME is "custom" unless given.`,
  options: [{ name: "name", value: "NAME", help: "name of the profile" }],
  run,
};

async function run(args: ParsedArgs): Promise<number> {
  const names = args.positionals.flatMap((list) => list.split(",")).map((n) => n.trim())
    .filter((n) => n !== "");
  if (names.length === 0) throw new UsageError("no module is named");
  const name = args.get("name") ?? "custom";
  if (!NAME.test(name)) {
    throw new UsageError(`"${name}" is no profile name: small letters, digits and -, at most 64`);
  }
  const { modules, problems } = expandFeatures(names);
  if (problems.length > 0) {
    for (const { message } of problems) console.error(`validate-features: ${message}`);
    return EXIT.failed;
  }
  const files = await customFiles({
    name,
    use: `the set ${names.join(", ")}`,
    ...contentsOf(modules),
    source: "../../src",
  });
  await Deno.mkdir(ROOT + CUSTOM, { recursive: true });
  for (const [file, text] of files) await Deno.writeTextFile(`${ROOT}${CUSTOM}/${file}`, text);
  console.log(modules.map((m) => m.name).join("\n"));
  console.log(`\nentry: ${CUSTOM}/${name}.ts`);
  return EXIT.ok;
}

if (import.meta.main) await runTask(task);
