/** A configuration that is built as a worker would, and never serves. @module */
import type { Config } from "../../config/types.ts";
import { Gateway } from "../../gateway/gateway.ts";
import { SILENT } from "../../gateway/reports/log_none.ts";
import { NO_METRICS } from "../../gateway/reports/metrics_none.ts";
import type { Files, Module } from "../../gateway/module.ts";
import type { Snapshot } from "../../gateway/snapshot.ts";
import { Clock } from "../../net/clock.ts";
import { ZoneRegistry } from "../../zones/registry.ts";
import { Zones } from "../../zones/zones.ts";
import { deploymentOf } from "../../runtime/deployment.ts";
import { threadSlots, workerSlots } from "../../runtime/threads/zone_plan.ts";

/**
 * Builds what worker 0 would: the clock stands, the log says nothing, nothing is bound.
 *
 * @param files Read and checked: what the modules ask for.
 * @returns To be stopped.
 * @throws What a module throws that cannot start with this configuration.
 */
export async function buildSnapshot(
  config: Config,
  modules: readonly Module[],
  files: Files,
): Promise<Snapshot> {
  const slots = threadSlots(config);
  const registry = new ZoneRegistry(slots, deploymentOf(config, modules).zones);
  const edges = await Promise.all(modules.map((module) => module.edge()));
  const gateway = new Gateway({
    clock: new Clock(),
    log: SILENT,
    metrics: NO_METRICS,
    zones: new Zones(registry.sentTo("edge", 0), { index: 0, count: slots }),
    worker: 0,
    workers: workerSlots(config),
  }, edges);
  return await gateway.prepare(config, files);
}
