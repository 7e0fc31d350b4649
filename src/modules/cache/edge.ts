/** The HTTP cache in workers (spec 04): what caches is loaded where a configuration asks for it. @module */
import { IDLE } from "../../gateway/idle_module.ts";
import type { EdgeModule } from "../../gateway/module.ts";
import { SPAN_ATTRIBUTES, SPAN_PARTS } from "../../gateway/reports/span_attribute.ts";
import { cachesOf } from "./table.ts";
import { lockWaitOf, lookupOf, lookupPartOf } from "./times.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "cache",
  extends: [
    SPAN_ATTRIBUTES.entry({
      key: "fluxheim.cache.lookup.duration_ms",
      of: (exchange) => milliseconds(lookupOf(exchange)),
    }),
    SPAN_ATTRIBUTES.entry({
      key: "fluxheim.cache.lock_wait.duration_ms",
      of: (exchange) => milliseconds(lockWaitOf(exchange)),
    }),
    SPAN_PARTS.entry({ name: "cache lookup", of: lookupPartOf }),
  ],
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

function milliseconds(us: number | undefined): number | undefined {
  return us === undefined ? undefined : us / 1000;
}
