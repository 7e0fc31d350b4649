/** The service of the cache: it purges, and says what is stored. @module */
import type { Config } from "../../config/types.ts";
import type { RunningService, Service, ServiceContext } from "../../gateway/service.ts";
import type { Plain } from "../../gateway/thread.ts";
import { arena } from "../../zones/arena.ts";
import { Operations } from "./operations.ts";
import { cacheIndex } from "./store/index.ts";
import { MemoryStore } from "./store/memory.ts";
import { type CacheTable, zonesOf } from "./table.ts";

/** What the service may be asked, beside `status`: names as the endpoints below `cache/` have them. */
export const OPERATIONS = [
  "status",
  "activity/reset",
  "purge",
  "purge-bulk",
  "purge-index",
  "purge-prefix",
  "purge-tag",
  "purge-wildcard",
  "purge-stale",
] as const;

/** How often blocks are freed that lost threads were the last to hold. */
const SWEEP_MS = 1000;

/** The service. */
export const store: Service = {
  role: "store",
  start(context): Promise<RunningService> {
    const stores = new Map<string, MemoryStore>();
    let operations = operationsOf(context, context.config as Config, stores);
    const sweeping = setInterval(() => {
      for (const { index } of stores.values()) index.sweep();
    }, SWEEP_MS);
    return Promise.resolve({
      reload(config) {
        operations = operationsOf(context, config as Config, stores);
        return Promise.resolve();
      },
      async call(name: string, input: Plain): Promise<Plain> {
        const isTable = typeof input === "object" && input !== null && !Array.isArray(input) &&
          !(input instanceof Uint8Array);
        const outcome = await operations.run(
          name,
          isTable ? input as { [key: string]: Plain } : {},
        );
        return { status: outcome.status, body: outcome.body };
      },
      stop() {
        clearInterval(sweeping);
        return Promise.resolve();
      },
    });
  },
};

/** A store for each cache of `config`; those of the configuration before are used again. */
function operationsOf(
  { zones }: ServiceContext,
  config: Config,
  stores: Map<string, MemoryStore>,
): Operations {
  const kept = new Map(stores);
  stores.clear();
  return new Operations(config, (table: CacheTable) => {
    const names = zonesOf(table);
    const store = kept.get(names.index) ?? new MemoryStore(
      zones.open(arena, names.bodies),
      zones.open(cacheIndex, names.index),
      table.config.memory.max_size_bytes,
    );
    stores.set(names.index, store);
    return store;
  });
}
