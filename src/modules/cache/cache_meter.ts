/** Metrics that the service of the cache keeps: what its tiers did and hold, and what was purged (spec 06 part B). @module */
import type { Config } from "../../config/types.ts";
import type { Gauge, Metrics } from "../../gateway/reports/metrics.ts";
import { LEVELS, PURGER_DURATION, PURGER_ENTRIES, PURGER_RUNS, PURGES } from "./descriptions.ts";
import type { Counts } from "./disk/disk_activity.ts";
import type { Input } from "./operate/operation_input.ts";
import type { PurgerRun } from "./operate/purger.ts";
import { type Outcome, type Scope, sizeTotals } from "./operate/status.ts";

/** Counted by the service; hits, misses and stores of memory are counted by workers. */
const MEMORY_EVENTS = { evictions: "eviction", purges: "purge" } as const;
const DISK_EVENTS = {
  hits: "hit",
  misses: "miss",
  stores: "store",
  storeRefusals: "store_refusal",
  evictions: "eviction",
  purges: "purge",
} as const;

/** Label of the operation, by its call. */
const OPERATIONS: Readonly<Record<string, string>> = {
  purge: "exact",
  "purge-bulk": "bulk",
  "purge-index": "index",
  "purge-prefix": "prefix",
  "purge-tag": "tag",
  "purge-stale": "stale",
  "purge-wildcard": "wildcard",
};

/** Keeps them. */
export class CacheMeter {
  readonly #metrics: Metrics;
  /** What was counted of a tier, as it was read last. A tier that is gone is forgotten with its object. */
  readonly #seen = new WeakMap<object, Partial<Record<keyof Counts, number>>>();
  readonly #levels: ReadonlyMap<keyof typeof LEVELS, Gauge>;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    const names = Object.keys(LEVELS) as (keyof typeof LEVELS)[];
    this.#levels = new Map(
      names.map((name) => [name, metrics.gauge(`fluxheim_cache_${name}`, {})]),
    );
  }

  /** Counts what tiers did since they were read last. */
  read(scopes: readonly Scope[]): void {
    for (const { names, purge, diskActivity } of scopes) {
      const { index } = purge.store;
      this.#count(names, "memory", index, index.activity(), MEMORY_EVENTS);
      if (diskActivity === undefined) continue;
      this.#count(names, "disk", diskActivity, diskActivity.total, DISK_EVENTS);
    }
  }

  /** An operation has done what it was asked. */
  ran(name: string, { soft, dry_run }: Input, { scope, vhost, route }: Outcome["body"]): void {
    const operation = OPERATIONS[name];
    if (operation === undefined) return;
    const isSoft = soft === true && !["exact", "bulk", "stale"].includes(operation);
    const isDry = dry_run === true && operation === "stale";
    this.#metrics.counter(PURGES.name, {
      operation,
      scope: String(scope),
      vhost: String(vhost),
      route: typeof route === "string" ? route : "",
      mode: isDry ? "dry_run" : isSoft ? "soft" : "normal",
    }).count();
  }

  /** The purger has been over the disks. A result that there was none of has no series. */
  purgerRan({ outcome, entries, milliseconds }: PurgerRun): void {
    this.#metrics.counter(PURGER_RUNS.name, { outcome }).count();
    for (const [result, amount] of Object.entries(entries)) {
      if (amount > 0) this.#metrics.counter(PURGER_ENTRIES.name, { result }).add(amount);
    }
    this.#metrics.histogram(PURGER_DURATION.name, { outcome }, PURGER_DURATION.buckets)
      .observe(Math.round(milliseconds * 1000));
  }

  /** Shows what the caches of the configuration hold. */
  show(config: Config, scopes: readonly Scope[]): void {
    const { routes_total, ...totals } = sizeTotals(config, scopes);
    const waits = scopes.map(({ table: { config: { lock } } }) =>
      lock.enabled ? lock.wait_timeout_secs : 0
    );
    const values = {
      ...totals,
      policy_routes: routes_total,
      lock_wait_timeout_max_seconds: Math.max(0, ...waits),
    };
    for (const [name, gauge] of this.#levels) gauge.set(values[name]);
  }

  #count(
    { scope, vhost, route }: Scope["names"],
    tier: "memory" | "disk",
    of: object,
    counts: Counts,
    events: Partial<Record<keyof Counts, string>>,
  ): void {
    const seen = this.#seen.get(of) ?? {};
    for (const [key, event] of Object.entries(events) as [keyof Counts, string][]) {
      const now = counts[key];
      const before = seen[key] ?? 0;
      // Lower than before: it was set back.
      const more = now < before ? now : now - before;
      if (more > 0) {
        const labels = { scope, vhost, route: route ?? "" };
        this.#metrics.counter("fluxheim_cache_activity_total", { tier, event }).add(more);
        this.#metrics.counter("fluxheim_cache_activity_scope_total", { ...labels, tier, event })
          .add(more);
      }
      seen[key] = now;
    }
    this.#seen.set(of, seen);
  }
}
