/**
 * Fixtures for tests of one module: a configuration around its tables, the context that a worker starts it
 * with, and exchanges for its steps.
 *
 * @module
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { loadText } from "../../config/load.ts";
import type { Config, RootTables, RouteTables, VhostTables } from "../../config/types.ts";
import { routeShape, vhostShape } from "../../config/schema/vhost_schema.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { exchangeFixture, type RequestFixture } from "./exchange_fixture.ts";
import { SILENT } from "../reports/log_none.ts";
import { CountingMetrics } from "./metrics_fixture.ts";
import type { ExtensionPoint } from "../extension.ts";
import { Keep } from "../keep.ts";
import type {
  Module,
  Needs,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Step,
  System,
} from "../module.ts";
import { Clock } from "../../net/clock.ts";
import { ZoneRegistry } from "../../zones/registry.ts";
import { Zones } from "../../zones/zones.ts";

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

/** What a module is started with, with counters that a test can read. */
export type CountedContext = SnapshotContext & {
  readonly metrics: CountingMetrics;
  /** The keeper's side of its zones. */
  readonly registry: ZoneRegistry;
  /** Closes what was kept for it, as a worker does once the snapshot has stopped. */
  release(): Promise<void>;
};

/**
 * What worker `worker` gets to start `modules` with; its clock does not tick by itself.
 *
 * @param given `registry`: zones of the configuration before, or those that another worker has.
 */
export function contextOf(
  config: Config,
  modules: readonly Module[],
  { registry: before, worker = 0, workers = 2, log = SILENT }: Partial<CountedContext> = {},
): CountedContext {
  const requests = modules.flatMap((module) => needsOf(module, config, workers).zones ?? []);
  const registry = before === undefined
    ? new ZoneRegistry(workers, requests)
    : before.next(requests);
  const zones = new Zones(registry.sentTo("edge", worker), { index: worker, count: workers });
  const hold = new Keep().hold();
  const shared = new Map<string, unknown>();
  return {
    config,
    clock: new Clock(),
    log,
    metrics: new CountingMetrics(),
    files: new Map(),
    zones,
    registry,
    modules: new Set(modules.map(({ name }) => name)),
    worker,
    workers,
    extensions: () => [],
    keep: (key, make) => hold.get(key, make),
    release: () => hold.release(),
    once<T>(key: string, make: () => T): T {
      if (!shared.has(key)) shared.set(key, make());
      return shared.get(key) as T;
    },
    wanted: () => new Set(),
  };
}

/** A system as preflight checks see it, in a build with `modules`. */
export function systemOf(uid = -1, modules: readonly Module[] = []): System {
  return {
    uid,
    wanted: (scope) => new Set(modules.flatMap((module) => module.facts?.(scope) ?? [])),
  };
}

/** What `module` needs with `config`, in a process with `workers` worker indices. */
export function needsOf(module: Module, config: Config, workers = 2): Needs {
  return module.needs?.(config, { workers, name: (purpose) => purpose }) ?? {};
}

/**
 * Opens `module` and starts it, as a worker does; stopping it releases what its context keeps.
 *
 * @param others Modules of the same build, for what they add to lists and which facts they read.
 */
export async function started(
  module: Module,
  context: SnapshotContext & Partial<Pick<CountedContext, "release">>,
  others: readonly Module[] = [],
): Promise<RunningModule> {
  const edges = await Promise.all([module, ...others].map((one) => one.edge()));
  const extensions = edges.flatMap((edge) => edge.extends ?? []);
  const given: SnapshotContext = {
    ...context,
    extensions: <T>(point: ExtensionPoint<T>) => point.of(extensions),
    wanted: (scope) => new Set(edges.flatMap((edge) => edge.facts?.(scope) ?? [])),
  };
  const part = await edges[0].open({
    ...given,
    service: () => ({
      call: () => Promise.resolve({ kind: "unavailable", reason: "no service runs here" }),
    }),
  });
  const running = await part.start(given);
  const stop = running.stop?.bind(running);
  running.stop = async () => {
    await stop?.();
    await context.release?.();
  };
  return running;
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
