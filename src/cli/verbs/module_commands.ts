/** Commands that the modules of a build bring. @module */
import type { Module } from "../../gateway/module.ts";
import type { ModuleCommand } from "../../gateway/command.ts";
import type { Command } from "../command.ts";
import { loadedOrReport, loadOrReport, loadStored } from "../load.ts";
import { CONFIG } from "../options.ts";

/** The commands of `modules`, in their order. */
export function moduleCommands(modules: readonly Module[]): readonly Command[] {
  return modules.flatMap(({ commands = [] }) => commands.map(asCommand));
}

function asCommand(command: ModuleCommand): Command {
  const { name, summary, details, operand, options, takesConfig } = command;
  return {
    name,
    summary,
    details,
    operand,
    options: takesConfig === true ? [...options, CONFIG] : options,
    run(call) {
      const { args, io } = call;
      return command.run({
        args,
        out: (line) => io.out(line),
        err: (line) => io.err(line),
        config: () => loadOrReport(call),
        loaded: () => loadedOrReport(call),
        readText: (text) => loadStored(call.profile, text),
      });
    },
  };
}
