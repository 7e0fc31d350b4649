/** Pools in workers (spec 03): what balances is loaded where a configuration has pools. @module */
import { IDLE } from "../../gateway/idle_module.ts";
import type { EdgeModule, SnapshotContext } from "../../gateway/module.ts";
import { SPAN_ATTRIBUTES } from "../../gateway/reports/span_attribute.ts";
import { type StreamBalancer, streamBalancers } from "../../gateway/stream_pool.ts";
import { type Balancer, balancers } from "../proxy/edge.ts";
import type { RunningBalancer } from "./running.ts";
import { poolIn, poolTables, streamPoolName } from "./table.ts";

const balancer: Balancer = {
  poolOf(block) {
    const table = poolIn(block.scope);
    return table && runningOf(block.context).originOf(table, block);
  },
};

const streams: StreamBalancer = {
  async poolOf({ name }, context) {
    const called = streamPoolName(name);
    for (const table of poolTables(context.config)) {
      if (table.scope.vhost.name !== called || !table.key.startsWith("stream.")) continue;
      // Streams may be started first.
      const { RunningBalancer } = await import("./running.ts");
      const running = runningOf(context, () => new RunningBalancer(context));
      return running.streamPoolOf(table, context);
    }
    throw new Error(`the stream route ${name} has no pool`);
  },
};

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "load-balancer",
  extends: [
    balancers.entry(balancer),
    streamBalancers.entry(streams),
    SPAN_ATTRIBUTES.entry({
      key: "fluxheim.load_balancer.retries",
      of: ({ scope, findings }) =>
        findings.upstreamAt < 0 || scope === undefined || poolIn(scope) === undefined
          ? undefined
          : findings.retries,
    }),
  ],
  open: () => ({
    async start(context) {
      if (poolTables(context.config).next().done) return IDLE;
      const { RunningBalancer } = await import("./running.ts");
      return runningOf(context, () => new RunningBalancer(context));
    },
  }),
};

/** The balancer of one snapshot: started before the plans that ask it for origins. */
function runningOf(
  { once }: SnapshotContext,
  make = (): RunningBalancer => {
    throw new Error("a pool is asked for before the balancer is started");
  },
): RunningBalancer {
  return once("load-balancer", make);
}
