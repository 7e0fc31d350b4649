/** `--check-config`: the configuration as the gateway sees it. @module */
import { dumpToml } from "../../config/dump.ts";
import { type Command, EXIT } from "../command.ts";
import { load, printFailure, printProblems } from "../load.ts";
import { CONFIG, configSource, JSON_OUTPUT } from "../options.ts";

/** Loads, checks and prints the effective configuration, every default written out. */
export const checkConfig: Command = {
  name: "--check-config",
  summary: "check the configuration and print it with every default, as TOML",
  options: [JSON_OUTPUT, CONFIG],
  async run({ profile, args, io }) {
    const { config, problems, files, effective } = await load(profile, configSource(args));
    const json = args.has(JSON_OUTPUT.name);
    if (config === undefined) {
      if (json) printFailure(problems, io);
      else printProblems(problems, io);
      return EXIT.failed;
    }
    printProblems(problems, io);
    if (json) io.out(JSON.stringify({ ok: true, files, config: effective }, undefined, 2));
    else io.out(dumpToml(effective).trimEnd());
    return EXIT.ok;
  },
};
