/**
 * A gateway made of modules of this project and one of its own.
 *
 *     deno run -A --cached-only --frozen examples/embedding/gateway.ts examples/embedding/fluxheim.toml
 *
 * It needs no more than what its configuration asks for; with a second argument it prints that, as flags
 * of `deno run` to use in place of `-A`, one to a line:
 *
 *     deno run -A --cached-only --frozen examples/embedding/gateway.ts examples/embedding/fluxheim.toml flags
 *
 * @module
 */
import {
  formatProblem,
  load,
  planFor,
  type Profile,
  records,
  serve,
  StartError,
  toFlags,
} from "../../mod.ts";
import { modules } from "./modules.ts";

const profile: Profile = {
  name: "embedding",
  modules,
  records,
  workerUrl: new URL("./worker.ts", import.meta.url),
};

Deno.exit(await main());

async function main(): Promise<number> {
  const [configSource, verb] = Deno.args;
  if (configSource === undefined) {
    console.error("usage: gateway.ts FILE [flags]");
    return 2;
  }
  if (verb === "flags") return await printFlags(configSource);
  try {
    return await serve({ profile, configSource, load: () => load(profile, configSource) });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    for (const problem of error.problems) console.error(formatProblem(problem));
    return 1;
  }
}

async function printFlags(configSource: string): Promise<number> {
  const { config, problems } = await load(profile, configSource);
  for (const problem of problems) console.error(formatProblem(problem));
  if (config === undefined) return 1;
  for (const flag of toFlags(planFor(profile, config, configSource))) console.log(flag);
  return 0;
}
