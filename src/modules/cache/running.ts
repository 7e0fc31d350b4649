/** The HTTP cache at work (spec 04). @module */
import { ByScope } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type {
  Around,
  Phase,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import type { Calls } from "../../gateway/threads/calls.ts";
import { arena } from "../../zones/arena/arena.ts";
import { queue } from "../../zones/queue.ts";
import { policiesOf } from "../headers/edge.ts";
import { proxyOf } from "../proxy/table.ts";
import { Cache, type CacheParts, EVENTS, type SetLimits } from "./cache.ts";
import { CachedOrigin } from "./cached_origin.ts";
import { Peers } from "./fill/peers.ts";
import { policyOf } from "./policy/policy.ts";
import { RequestRules } from "./policy/request_rules.ts";
import { cacheIndex } from "./store/index.ts";
import { MemoryStore } from "./store/memory.ts";
import {
  cacheOf,
  type CacheTable,
  diskOf,
  hasFiles,
  hasPhp,
  memoryBytes,
  readsFiles,
  REFRESHES_ZONE,
  userTag,
  zonesOf,
} from "./table.ts";
import { ContentOrigin } from "./content_origin.ts";
import { DiskTier } from "./disk/disk_tier.ts";
import { StaticCache } from "./static_cache.ts";
import { CacheTimes } from "./times.ts";
import { Uses, useTable } from "./lookup/uses.ts";

/** The caches of one worker and one snapshot. */
export class Caches implements RunningModule {
  readonly #context: SnapshotContext;
  readonly #byScope = new ByScope<Cache>();
  readonly #times = new ByScope<CacheTimes>();
  readonly #origins: CachedOrigin[] = [];
  readonly #stores = new Map<string, MemoryStore>();
  readonly #stopTicking: () => void;

  constructor(context: SnapshotContext, readonly calls: Calls) {
    this.#context = context;
    // What lost threads were the last to hold is freed here: the keeper has no way to the blocks.
    this.#stopTicking = context.clock.every(() => {
      for (const { index } of this.#stores.values()) index.sweep();
    });
  }

  plan(scope: RouteScope): Steps | undefined {
    const table = cacheOf(scope);
    if (table === undefined) return undefined;
    const files = table.config.local_static && hasFiles(scope);
    const content = table.config.php && hasPhp(scope);
    if (proxyOf(scope) === undefined && !files && !content) return undefined;
    const cache = new Cache(this.#parts(scope, table));
    const local = files ? new StaticCache(cache) : undefined;
    const aroundContent: Around = (inner) => {
      const origin = new ContentOrigin(cache, inner);
      this.#origins.push(origin.cached);
      return origin;
    };
    const steps = {
      ...(local && { check: local.seek, response: local.respond }),
      ...(content ? { aroundContent } : {}),
    };
    if (proxyOf(scope) === undefined) return steps;
    this.#byScope.set(scope, cache);
    this.#times.set(scope, new CacheTimes(this.#context.metrics, labelsOf(table)));
    const around: Around = (inner) => {
      const origin = new CachedOrigin(cache, inner);
      this.#origins.push(origin);
      return origin;
    };
    return { ...steps, lookup: (exchange) => cache.lookup(exchange), around };
  }

  explain(scope: RouteScope, exchange: Exchange, phase?: Phase): string | undefined {
    if (phase !== undefined && phase !== "lookup") return undefined;
    return this.#byScope.get(scope)?.explain(exchange);
  }

  readonly finished = (exchange: Exchange): void => {
    if (exchange.scope !== undefined) this.#times.get(exchange.scope)?.observe(exchange);
  };

  stop(): void {
    this.#stopTicking();
    for (const origin of this.#origins) origin.stop();
  }

  #parts(scope: RouteScope, table: CacheTable): CacheParts {
    const { zones, metrics, log, config } = this.#context;
    const names = zonesOf(table);
    const compiled = policyOf(table.config);
    const requests = policiesOf(this.#context).request(scope, {});
    const vary = [...new Set([...compiled.vary, ...requests.varying])].sort();
    const { access } = config.logging;
    const labels = labelsOf(table);
    const events = Object.fromEntries(EVENTS.map((event) => {
      const tier = MEMORY_EVENTS.has(event) ? "memory" : "policy";
      const total = metrics.counter("fluxheim_cache_activity_total", { tier, event });
      const scoped = metrics.counter("fluxheim_cache_activity_scope_total", {
        ...labels,
        tier,
        event,
      });
      return [event, { count: () => (total.count(), scoped.count()) }];
    })) as unknown as CacheParts["events"];
    const { status_header, status_reason_header, origin_protection, peer_fill } = table.config;
    const store = this.#store(table);
    const disk = diskOf(table);
    return {
      disk: disk && new DiskTier({
        calls: this.calls,
        store,
        root: disk.root,
        userTag: userTag(table),
        maxObjectBytes: table.config.max_object_bytes,
        cache: names.index,
        readsFiles: readsFiles(table),
      }),
      policy: { ...compiled, vary },
      rules: new RequestRules(table.config),
      store,
      uses: new Uses(zones.open(useTable, names.uses)),
      userTag: userTag(table),
      requests,
      headers: {
        status: status_header,
        reason: status_reason_header,
        standard: table.config.cache_status,
      },
      events,
      permits: origin_protection.enabled ? zones.open(queue, names.fills) : undefined,
      refreshes: zones.open(queue, REFRESHES_ZONE),
      peers: peer_fill.enabled
        ? new Peers(peer_fill, zones.open(queue, names.peers), this.#context)
        : undefined,
      log,
      setLimits: limitsOf(scope),
      perRequest: perRequestFields(
        access.enabled && access.request_id ? access.request_id_header : "",
      ),
      alwaysVary: vary,
    };
  }

  #store(table: CacheTable): MemoryStore {
    const names = zonesOf(table);
    const known = this.#stores.get(names.index);
    if (known !== undefined) return known;
    const { zones } = this.#context;
    const index = zones.open(cacheIndex, names.index);
    const store = this.#context.keep(
      `cache/store/${names.index}`,
      () => new MemoryStore(zones.open(arena, names.bodies), index, memoryBytes(table)),
    );
    this.#stores.set(names.index, store);
    return store;
  }
}

function labelsOf({ owner: { vhost, route } }: CacheTable) {
  return {
    scope: route === undefined ? "vhost" : "route",
    vhost: vhost.name,
    route: route?.name ?? "",
  };
}

/** Events of the tier itself; the others are of the policy. */
const MEMORY_EVENTS: ReadonlySet<string> = new Set(["hit", "miss", "store", "store_refusal"]);

/** Fields that upstreams get another value of with each request, which no answer can be chosen by for others. */
function perRequestFields(requestId: string): ReadonlySet<string> {
  return new Set([
    requestId.toLowerCase(),
    "x-request-id",
    "x-correlation-id",
    "traceparent",
    "tracestate",
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "via",
  ]);
}

/** The limits of the client's side are those of the scope's proxy, on hits as on misses. */
function limitsOf(scope: RouteScope): SetLimits {
  const proxy = proxyOf(scope);
  if (proxy === undefined) return () => {};
  const writeTimeoutMs = proxy.downstream_write_timeout_secs * 1000;
  const responseTimeoutMs = (proxy.downstream_total_response_timeout_secs ?? 0) * 1000;
  const minSendRate = proxy.downstream_min_send_rate_bytes_per_sec ?? 0;
  return (exchange) => {
    exchange.writeTimeoutMs = writeTimeoutMs;
    exchange.responseTimeoutMs = responseTimeoutMs;
    exchange.minSendRate = minSendRate;
  };
}
