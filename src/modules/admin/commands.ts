/** Commands of the admin module. @module */
import type { ModuleCommand } from "../../gateway/command.ts";

/** In the order of the help text. */
export const commands: readonly ModuleCommand[] = [];
