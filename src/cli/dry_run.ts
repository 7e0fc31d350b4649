/** A configuration that is built as a worker would, and never serves. @module */
import type { Config, Problem } from "../config/types.ts";
import { Gateway } from "../gateway/gateway.ts";
import { SILENT } from "../gateway/log_none.ts";
import { NO_METRICS } from "../gateway/metrics_none.ts";
import type { Module } from "../gateway/module.ts";
import type { Snapshot } from "../gateway/snapshot.ts";
import { Clock } from "../net/clock.ts";
import { Zones } from "../net/zone.ts";
import { readRequestedFiles } from "../runtime/requested_files.ts";
import { workerSlots, zoneRequests } from "../runtime/zone_plan.ts";

/** What building came to. */
export interface Built {
  /** To be stopped. */
  readonly snapshot: Snapshot;
  /** Warnings about files that could not be read. */
  readonly problems: readonly Problem[];
}

/**
 * Builds what worker 0 would: the clock stands, the log says nothing, nothing is bound.
 *
 * @throws What a module throws that cannot start with this configuration.
 */
export async function buildSnapshot(config: Config, modules: readonly Module[]): Promise<Built> {
  const { files, problems } = readRequestedFiles(config, modules);
  const zones = new Zones();
  zones.prepare(zoneRequests(config, modules));
  const gateway = new Gateway({
    clock: new Clock(),
    log: SILENT,
    metrics: NO_METRICS,
    zones,
    worker: 0,
    workers: workerSlots(config),
  }, modules);
  return { snapshot: await gateway.prepare(config, files), problems };
}
