/**
 * What tests of one policy need: a configuration around its tables, and exchanges to put before it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { loadText } from "../../src/config/load.ts";
import type { Config, RootTables, RouteTables, VhostTables } from "../../src/config/types.ts";
import { routeShape, vhostShape } from "../../src/config/schema/vhost_schema.ts";
import type { Exchange } from "../../src/gateway/exchange.ts";
import {
  exchangeFixture,
  type RequestFixture,
} from "../../src/gateway/testing/exchange_fixture.ts";
import { SILENT } from "../../src/gateway/log_none.ts";
import { CountingMetrics } from "../../src/gateway/testing/metrics_fixture.ts";
import type { Module, RouteScope, Step, WorkerContext } from "../../src/gateway/module.ts";
import { Clock } from "../../src/net/clock.ts";
import { Zones } from "../../src/net/zone.ts";

/** A configuration with one vhost `shop` and, if `route` is given, one route `api` for `/api`. */
export function configOf(
  vhost: VhostTables,
  route?: RouteTables,
  root: Partial<RootTables> = {},
): Config {
  const { config: empty } = loadText("", []);
  if (empty === undefined) throw new Error("an empty configuration is a right one");
  const core = z.object(vhostShape).parse({ name: "shop", hosts: ["shop.test"] });
  const routes = route === undefined
    ? []
    : [{ ...z.object(routeShape).parse({ name: "api", path_prefix: "/api" }), ...route }];
  return { ...empty, ...root, vhosts: [{ ...core, ...vhost, routes }] };
}

/** The scope of the vhost itself. */
export function vhostScope(config: Config): RouteScope {
  return { config, vhost: config.vhosts[0], route: undefined, key: "vhosts[0]" };
}

/** The scope of the vhost's route. */
export function routeScope(config: Config): RouteScope {
  const [vhost] = config.vhosts;
  return { config, vhost, route: vhost.routes[0], key: "vhosts[0].routes[0]" };
}

/** What a worker gets, with counters that a test can read. */
export type CountedContext = WorkerContext & { readonly metrics: CountingMetrics };

/** What worker `worker` gets to start `modules` with; its clock does not tick by itself. */
export function contextOf(
  config: Config,
  modules: readonly Module[],
  { zones = new Zones(), worker = 0, workers = 2, log = SILENT }: Partial<WorkerContext> = {},
): CountedContext {
  for (const module of modules) zones.prepare(module.zones?.(config, workers) ?? []);
  const metrics = new CountingMetrics();
  const clock = new Clock();
  const names = new Set(modules.map(({ name }) => name));
  return { config, clock, log, metrics, files: new Map(), zones, modules: names, worker, workers };
}

/** A request of `clientAddress`, in no scope yet; `""` for a client whose address is not known. */
export function exchangeFrom(clientAddress: string, request: RequestFixture = {}): Exchange {
  return exchangeFixture({ authority: "shop.test", ...request, clientAddress });
}

/** Runs a step that is there and decides at once; gives the exchange back. */
export function run(step: Step | undefined, exchange = exchangeFrom("192.0.2.1")): Exchange {
  assert.ok(step !== undefined);
  assert.equal(step(exchange), undefined);
  return exchange;
}

/** The counters that are not zero, as `name{label=value,...}` to value. */
export function counted(context: CountedContext): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { name, labels, value } of context.metrics.series()) {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}=${text}`);
    if (value !== 0) found[`${name}{${pairs.join(",")}}`] = value;
  }
  return found;
}
