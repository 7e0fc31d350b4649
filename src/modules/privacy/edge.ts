/** Privacy mode in workers: other modules look whether it is there (spec 01 section 9). @module */
import { idleModule } from "../../gateway/idle_module.ts";
import type { EdgeModule } from "../../gateway/module.ts";

/** The capability, for workers. */
export const edge: EdgeModule = idleModule("privacy-mode");
