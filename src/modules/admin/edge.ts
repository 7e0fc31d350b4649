/** The admin API has no part in edge workers. @module */
import { idleModule } from "../../gateway/idle_module.ts";

/** Says that the module is there. */
export const edge = idleModule("admin");
