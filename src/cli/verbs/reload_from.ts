/** `--reload-from OLD`: how a change of configuration can be applied. @module */
import { classifyReload, type ReloadImpact } from "../../runtime/reload/impact.ts";
import { type Command, EXIT } from "../command.ts";
import { load, printFailure, printProblems } from "../load.ts";
import { CONFIG, configSource, JSON_OUTPUT } from "../options.ts";

const ACTIONS: Readonly<Record<ReloadImpact, string>> = {
  "noop": "nothing to do",
  "snapshot": "a snapshot reload is safe",
  "process-upgrade": "use a process restart",
};

/** Classifies the change from OLD to `--config` (spec 01 section 7.2); fails only on a wrong configuration. */
export const reloadFrom: Command = {
  name: "--reload-from",
  summary: "classify the change from another configuration to this one",
  options: [JSON_OUTPUT, CONFIG],
  async run({ profile, args, io }) {
    const json = args.has(JSON_OUTPUT.name);
    const configs = [];
    for (const source of [args.get("reload-from"), configSource(args)]) {
      const { config, problems } = await load(profile, source);
      if (config === undefined && json) printFailure(problems, io);
      else printProblems(problems, io);
      if (config === undefined) return EXIT.failed;
      configs.push(config);
    }
    const { impact, reasons } = classifyReload(
      configs[0],
      configs[1],
      profile.modules.flatMap((module) => module.schema),
    );
    const action = ACTIONS[impact];
    if (json) {
      io.out(JSON.stringify({ impact, reasons, action }, undefined, 2));
      return EXIT.ok;
    }
    io.out(`reload impact: ${impact}`);
    if (reasons.length > 0) io.out("reasons:");
    for (const reason of reasons) io.out(`- ${reason}`);
    io.out(`action: ${action}`);
    return EXIT.ok;
  },
};
