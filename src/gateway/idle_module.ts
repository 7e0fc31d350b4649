/** What modules are in workers that have nothing to do there. @module */
import type { EdgeModule, EdgePart, RunningModule } from "./module.ts";

/** Has no step anywhere, and opens nothing. */
export const IDLE: RunningModule = { plan: () => undefined, stop() {} };

const IDLE_PART: EdgePart = { start: () => IDLE };

/** A module that only says that it is there. */
export function idleModule(name: string): EdgeModule {
  return { name, open: () => IDLE_PART };
}
