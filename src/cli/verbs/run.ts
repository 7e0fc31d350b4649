/** Running the gateway: what `fluxheim` does without a command. @module */
import { resolve } from "node:path";
import { giveUpBeforeServing } from "../../runtime/permissions/give_up.ts";
import { INSPECTOR_GRANT, takeInspectorPort } from "../../runtime/permissions/inspector_port.ts";
import { serve } from "../../runtime/serve.ts";
import { StartError } from "../../runtime/start.ts";
import { type Command, EXIT } from "../command.ts";
import { load, loadStored, planFor, printProblems } from "../load.ts";
import { ALLOW_KEY_LOG, CONFIG, configSource } from "../options.ts";

/** Serves until a signal ends it. */
export const run: Command = {
  name: "run",
  summary: "run the gateway",
  options: [CONFIG, ALLOW_KEY_LOG],
  async run({ profile, args, io }) {
    const source = configSource(args);
    using inspector = takeInspectorPort();
    try {
      return await serve({
        profile,
        load: () => load(profile, source),
        loadText: (text) => loadStored(profile, text),
        configSource: source === undefined ? undefined : resolve(source),
        allowKeyLog: args.has(ALLOW_KEY_LOG.name),
        beforeServing(config) {
          const plan = planFor(profile, config, source);
          giveUpBeforeServing(
            plan,
            ({ value }) => inspector.isWaiting && value === INSPECTOR_GRANT,
          );
          inspector.whenTaken(() => giveUpBeforeServing(plan));
        },
      });
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      printProblems(error.problems, io);
      return EXIT.failed;
    }
  },
};
