/** The HTTP cache in workers (spec 04): what caches is loaded where a configuration asks for it. @module */
import { IDLE } from "../../gateway/idle_module.ts";
import type { EdgeModule } from "../../gateway/module.ts";
import { cachesOf } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "cache",
  open(worker) {
    const calls = worker.service("store");
    return {
      async start(context) {
        if (cachesOf(context.config).next().done) return IDLE;
        const { Caches } = await import("./running.ts");
        return new Caches(context, calls);
      },
    };
  },
};
