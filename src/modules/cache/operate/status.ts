/** The status of caches, as the service of the cache answers it (spec 04 section 12.5, spec 06 A3.5). @module */
import type { Config } from "../../../config/types.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { type Counts, type DiskActivity, NO_COUNTS, sumOf } from "../disk/disk_activity.ts";
import type { Policy } from "../policy/policy.ts";
import type { BinsUse } from "../store/disk/backend.ts";
import type { DiskStore } from "../store/disk/disk_store.ts";
import type { Purge } from "../store/purge.ts";
import type { CacheTable } from "../table.ts";

/** What an operation came to: a status and a body, as its endpoint has them. */
export interface Outcome {
  readonly status: number;
  readonly body: { readonly [key: string]: Plain };
}

/** One cache and how it is purged. */
export interface Scope {
  readonly table: CacheTable;
  readonly policy: Policy;
  readonly purge: Purge;
  readonly disk: DiskStore | undefined;
  /** What was done in the disk tier, where there is one. */
  readonly diskActivity: DiskActivity | undefined;
  /** As answers name it. */
  readonly names: {
    readonly vhost: string;
    readonly route: string | null;
    readonly scope: "vhost" | "route";
  };
}

/** A part as whole thousandths; of nothing 0. */
export function perMille(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((part * 1000) / whole);
}

function activityBody(counts: Counts): Outcome["body"] {
  const { hits, misses, stores, storeRefusals, evictions, purges } = counts;
  const requests = hits + misses;
  const attempts = stores + storeRefusals;
  return {
    hits,
    misses,
    requests,
    hit_ratio_per_mille: perMille(hits, requests),
    miss_ratio_per_mille: perMille(misses, requests),
    stores,
    store_refusals: storeRefusals,
    store_attempts: attempts,
    store_ratio_per_mille: perMille(stores, attempts),
    store_refusal_ratio_per_mille: perMille(storeRefusals, attempts),
    evictions,
    eviction_ratio_per_mille: perMille(evictions, stores),
    purges,
  };
}

/** The largest integer: the index has no bound of its own beside that of the tier. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER;

function memoryOf({ purge, table }: Scope): Outcome["body"] | null {
  // Memory for what passes to and from the disk is not a tier.
  if (!table.config.memory.enabled) return null;
  const { entries, store } = purge;
  const size = store.taken;
  const max = table.config.memory.max_size_bytes;
  return {
    entries,
    weighted_size_bytes: size,
    average_weighted_size_bytes: entries === 0 ? 0 : Math.floor(size / entries),
    max_size_bytes: max,
    fill_ratio_per_mille: perMille(size, max),
    max_object_bytes: table.config.max_object_bytes,
    purge_index_entries: entries,
    purge_index_max_entries: UNBOUNDED,
    purge_index_fill_ratio_per_mille: 0,
    activity: activityBody(store.index.activity()),
  };
}

function diskOf({ disk, diskActivity, table }: Scope): Outcome["body"] | null {
  if (disk === undefined) return null;
  const { maxBytes } = disk.options;
  const space = spaceOf(disk);
  return {
    backend: table.config.disk.backend,
    entries: disk.size,
    size_bytes: disk.bytes,
    average_object_size_bytes: disk.size === 0 ? 0 : Math.floor(disk.bytes / disk.size),
    allocated_size_bytes: space.bytes,
    free_size_bytes: space.freeBytes,
    free_ratio_per_mille: perMille(space.freeBytes, maxBytes),
    free_range_count: space.freeRanges,
    largest_free_range_bytes: space.largestFreeBytes,
    bin_files: space.files,
    max_size_bytes: maxBytes,
    fill_ratio_per_mille: perMille(disk.bytes, maxBytes),
    max_object_bytes: table.config.max_object_bytes,
    purge_index_entries: disk.size,
    purge_index_max_entries: UNBOUNDED,
    purge_index_fill_ratio_per_mille: 0,
    activity: activityBody(diskActivity?.counts ?? NO_COUNTS),
  };
}

/** Objects in files of their own leave nothing free between them; bins do. */
function spaceOf({ bytes, space, options: { maxBytes } }: DiskStore): BinsUse {
  if (space === undefined) {
    const freeBytes = Math.max(0, maxBytes - bytes);
    return { files: 0, bytes, freeBytes, freeRanges: 0, largestFreeBytes: 0 };
  }
  return { ...space, freeBytes: Math.max(0, maxBytes - space.bytes) + space.freeBytes };
}

function policyFields({ table: { config } }: Scope): Outcome["body"] {
  const { lock, origin_protection, peer_fill } = config;
  return {
    enabled: true,
    tiered: isTiered(config),
    lock_enabled: lock.enabled,
    lock_wait_timeout_secs: lock.wait_timeout_secs,
    origin_protection_enabled: origin_protection.enabled,
    origin_protection_max_concurrent_fills: origin_protection.max_concurrent_fills,
    peer_fill_enabled: peer_fill.enabled,
    peer_fill_peers: peer_fill.peers.length,
    peer_fill_max_concurrent_requests: peer_fill.max_concurrent_requests,
    peer_fill_fail_open: peer_fill.fail_open,
    storage_tiers: Number(config.memory.enabled) + Number(config.disk.enabled),
  };
}

function isTiered({ memory, disk }: CacheTable["config"]): boolean {
  return memory.enabled && disk.enabled;
}

const DISABLED: Outcome["body"] = {
  enabled: false,
  tiered: false,
  lock_enabled: false,
  lock_wait_timeout_secs: 0,
  origin_protection_enabled: false,
  origin_protection_max_concurrent_fills: 0,
  peer_fill_enabled: false,
  peer_fill_peers: 0,
  peer_fill_max_concurrent_requests: 0,
  peer_fill_fail_open: false,
  storage_tiers: 0,
};

/** Most characters of JSON that vhosts take up in one answer of at most 1 MiB. */
const MAX_CHARS = 500_000;

/**
 * The totals of all caches, and every vhost.
 *
 * @param only Name of the one vhost that is shown. Vhosts that find no room are left out, and `truncated` says so.
 */
export function statusOf(
  config: Config,
  scopes: readonly Scope[],
  only?: string,
): Outcome["body"] {
  const byVhost = new Map<string, Map<string | null, Scope>>();
  for (const scope of scopes) {
    const { vhost, route } = scope.names;
    const found = byVhost.get(vhost) ?? new Map<string | null, Scope>();
    byVhost.set(vhost, found.set(route, scope));
  }
  const vhosts: Plain[] = [];
  let chars = 0;
  let truncated = false;
  for (const vhost of config.vhosts) {
    if (only !== undefined && vhost.name !== only) continue;
    const shown = vhostStatus(vhost, byVhost.get(vhost.name));
    chars += JSON.stringify(shown).length;
    if (chars > MAX_CHARS) {
      truncated = true;
      break;
    }
    vhosts.push(shown);
  }
  return { totals: totalsOf(config, scopes), vhosts, ...(truncated ? { truncated } : {}) };
}

function vhostStatus(
  { name, routes }: Config["vhosts"][number],
  scopes: ReadonlyMap<string | null, Scope> | undefined,
): Plain {
  const tables = routes.filter(({ cache }) => cache !== undefined);
  return {
    name,
    ...scopeStatus(scopes?.get(null)),
    ...routeCounts(routes),
    routes: tables.map((route) => ({
      name: route.name ?? null,
      ...scopeStatus(scopes?.get(route.name ?? null)),
    })),
  };
}

function scopeStatus(scope: Scope | undefined): Outcome["body"] {
  if (scope === undefined) return { ...DISABLED, memory: null, disk: null };
  return { ...policyFields(scope), memory: memoryOf(scope), disk: diskOf(scope) };
}

function routeCounts(routes: readonly Config["vhosts"][number]["routes"][number][]) {
  const tables = routes.flatMap(({ cache }) => cache ?? []);
  const enabled = tables.filter((cache) => cache.enabled);
  const tiered = enabled.filter(isTiered).length;
  return {
    configured_routes: tables.length,
    routes_total: routes.length,
    cache_route_coverage_ratio_per_mille: perMille(tables.length, routes.length),
    enabled_routes: enabled.length,
    enabled_route_ratio_per_mille: perMille(enabled.length, tables.length),
    tiered_routes: tiered,
    tiered_route_ratio_per_mille: perMille(tiered, tables.length),
  };
}

/** What all policies come to. */
export function policyTotals(config: Config, scopes: readonly Scope[]) {
  const own = scopes.filter(({ names }) => names.route === null);
  const tiered = own.filter(({ table }) => isTiered(table.config)).length;
  const vhosts = config.vhosts.length;
  return {
    vhosts,
    enabled_vhosts: own.length,
    enabled_vhost_ratio_per_mille: perMille(own.length, vhosts),
    tiered_vhosts: tiered,
    tiered_vhost_ratio_per_mille: perMille(tiered, vhosts),
    ...routeCounts(config.vhosts.flatMap((vhost) => vhost.routes)),
    memory_tiers: scopes.filter(({ table }) => table.config.memory.enabled).length,
    disk_tiers: scopes.filter(({ disk }) => disk !== undefined).length,
  };
}

/** The sums of all caches, without what they did. */
export function sizeTotals(config: Config, scopes: readonly Scope[]) {
  // Memory for what passes to and from the disk is not a tier.
  const tiers = scopes.filter(({ table }) => table.config.memory.enabled);
  const sum = (count: (scope: Scope) => number) => tiers.reduce((all, one) => all + count(one), 0);
  const entries = sum(({ purge }) => purge.entries);
  const size = sum(({ purge }) => purge.store.taken);
  const max = sum(({ table }) => table.config.memory.max_size_bytes);
  const configs = scopes.map(({ table }) => table.config);
  const locked = configs.filter(({ lock }) => lock.enabled).length;
  const guarded = configs.filter(({ origin_protection: { enabled } }) => enabled)
    .map(({ origin_protection: { max_concurrent_fills } }) => max_concurrent_fills);
  const peers = configs.map(({ peer_fill }) => peer_fill).filter(({ enabled }) => enabled);
  const policies = configs.length;
  return {
    ...policyTotals(config, scopes),
    lock_enabled_policies: locked,
    lock_enabled_policy_ratio_per_mille: perMille(locked, policies),
    origin_protection_enabled_policies: guarded.length,
    origin_protection_enabled_policy_ratio_per_mille: perMille(guarded.length, policies),
    origin_protection_max_concurrent_fills: Math.max(0, ...guarded),
    peer_fill_enabled_policies: peers.length,
    peer_fill_enabled_policy_ratio_per_mille: perMille(peers.length, policies),
    peer_fill_peers: peers.reduce((all, one) => all + one.peers.length, 0),
    peer_fill_max_concurrent_requests: Math.max(
      0,
      ...peers.map((one) => one.max_concurrent_requests),
    ),
    memory_entries: entries,
    memory_weighted_size_bytes: size,
    memory_average_weighted_size_bytes: entries === 0 ? 0 : Math.floor(size / entries),
    memory_max_size_bytes: max,
    memory_fill_ratio_per_mille: perMille(size, max),
    memory_purge_index_entries: entries,
    memory_purge_index_max_entries: UNBOUNDED,
    memory_purge_index_fill_ratio_per_mille: 0,
    ...diskTotals(scopes),
  };
}

function totalsOf(config: Config, scopes: readonly Scope[]): Outcome["body"] {
  const counts = scopes.flatMap(({ purge, diskActivity }) => [
    purge.store.index.activity(),
    ...(diskActivity === undefined ? [] : [diskActivity.counts]),
  ]);
  return { ...sizeTotals(config, scopes), activity: activityBody(sumOf(counts)) };
}

function diskTotals(scopes: readonly Scope[]) {
  const disks = scopes.flatMap(({ disk }) => disk ?? []);
  const sum = (count: (disk: DiskStore) => number) =>
    disks.reduce((all, disk) => all + count(disk), 0);
  const entries = sum(({ size }) => size);
  const bytes = sum((disk) => disk.bytes);
  const max = sum(({ options }) => options.maxBytes);
  const spaces = disks.map(spaceOf);
  const total = (count: (space: BinsUse) => number) =>
    spaces.reduce((all, space) => all + count(space), 0);
  const free = total(({ freeBytes }) => freeBytes);
  return {
    disk_entries: entries,
    disk_size_bytes: bytes,
    disk_average_object_size_bytes: entries === 0 ? 0 : Math.floor(bytes / entries),
    disk_allocated_size_bytes: total((space) => space.bytes),
    disk_free_size_bytes: free,
    disk_free_ratio_per_mille: perMille(free, max),
    disk_free_range_count: total(({ freeRanges }) => freeRanges),
    disk_largest_free_range_bytes: Math.max(
      0,
      ...spaces.map(({ largestFreeBytes }) => largestFreeBytes),
    ),
    disk_bin_files: total(({ files }) => files),
    disk_max_size_bytes: max,
    disk_fill_ratio_per_mille: perMille(bytes, max),
    disk_purge_index_entries: entries,
    disk_purge_index_max_entries: UNBOUNDED,
    disk_purge_index_fill_ratio_per_mille: 0,
  };
}
