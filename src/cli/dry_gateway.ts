/** A gateway that is built and never serves. @module */
import type { Config } from "../config/types.ts";
import { Gateway } from "../gateway/gateway.ts";
import { SILENT } from "../gateway/log_none.ts";
import { Metrics } from "../gateway/metrics.ts";
import type { Module } from "../gateway/module.ts";
import { Clock } from "../net/clock.ts";
import { Zones } from "../net/zone.ts";
import { zoneRequests } from "../runtime/zone_plan.ts";

/** What a worker would build for `config`: its clock stands, its log says nothing, nothing is bound. */
export function dryGateway(config: Config, modules: readonly Module[]): Gateway {
  const zones = new Zones();
  zones.prepare(zoneRequests(config, modules));
  const services = {
    clock: new Clock(),
    log: SILENT,
    metrics: new Metrics(),
    zones,
    worker: 0,
    workers: 1,
  };
  return new Gateway(services, modules);
}
