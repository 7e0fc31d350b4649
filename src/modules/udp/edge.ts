/** The UDP proxy has no part in edge workers: its service owns the ports. @module */
import { idleModule } from "../../gateway/idle_module.ts";

/** Says that the module is there. */
export const edge = idleModule("udp-proxy");
