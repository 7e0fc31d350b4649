/** `fluxheim supervise`: keeps the gateway running where no other supervisor does. @module */
import { takeInspectorPort } from "../../runtime/permissions/inspector_port.ts";
import { toFlags } from "../../runtime/permissions/plan.ts";
import { supervise as keepRunning } from "../../runtime/supervise.ts";
import { type Command, Failure } from "../command.ts";
import { load, planFor, printProblems } from "../load.ts";
import { CONFIG, configSource } from "../options.ts";

/** What a launcher never needs; given up before the gateway is started. */
const GIVEN_UP = ["net", "write", "ffi"] as const;

/** Runs the gateway in a process of its own, under the permissions of its configuration. */
export const supervise: Command = {
  name: "supervise",
  summary: "run the gateway in a process of its own, and start it again whenever it fails",
  details: [
    "The gateway gets exactly the permissions that its configuration needs, worked out",
    "anew for every start. This process gives up network and file writing first; it needs",
    "--allow-run, which no profile has, so it runs from a checkout only. Compiled programs",
    "belong under systemd or a container runtime.",
  ],
  options: [CONFIG],
  async run({ profile, args, io }) {
    if (Deno.permissions.querySync({ name: "run" }).state !== "granted") {
      throw new Failure("supervise needs --allow-run to start the gateway; see supervise --help");
    }
    using inspector = takeInspectorPort();
    for (const name of GIVEN_UP) {
      if (name === "net" && inspector.isWaiting) continue;
      Deno.permissions.revokeSync({ name });
    }
    inspector.whenTaken(() => Deno.permissions.revokeSync({ name: "net" }));
    const source = configSource(args);
    return await keepRunning({
      entry: Deno.mainModule,
      args: source === undefined ? [] : ["--config", source],
      async flags() {
        const { config, problems } = await load(profile, source);
        printProblems(problems, io);
        return config === undefined ? undefined : toFlags(planFor(profile, config, source));
      },
      say: (line) => io.err(`${io.program}: ${line}`),
    });
  },
};
