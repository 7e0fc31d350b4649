/** Commands of the admin module, as the command line lists them; each loads its code when it is run. @module */
import type { ModuleCommand } from "../../../gateway/command.ts";
import { status } from "./status_command.ts";
import { rollback, snapshot, snapshots } from "./store_commands.ts";
import { top } from "./top_command.ts";

/** In the order of the help text. */
export const commands: readonly ModuleCommand[] = [snapshot, snapshots, rollback, status, top];
