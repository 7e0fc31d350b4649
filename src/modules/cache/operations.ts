/**
 * Purges and status of all caches, as the service of the cache answers them (spec 04 section 12, spec 06 A3.5).
 * Inputs come from another thread and are checked here.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { Plain } from "../../gateway/thread.ts";
import { HostTable } from "../../gateway/route/host_table.ts";
import { fullKey, type Identity } from "./key/key.ts";
import { NO_VARIANCE } from "./key/vary.ts";
import {
  DEFAULT_LIMIT,
  hostOf,
  identityOf,
  type Input,
  MAX_BATCHES,
  MAX_LIMIT,
  MAX_PATHS,
  nameOf,
  numberOf,
  pathOf,
  patternOf,
  prefixOf,
  Refused,
  tagOf,
  textOf,
} from "./operation_input.ts";
import { extensionOf } from "./policy/paths.ts";
import { type Policy, policyOf } from "./policy/policy.ts";
import type { ObjectMeta } from "./store/meta.ts";
import type { MemoryStore } from "./store/memory.ts";
import type { DiskStore } from "./store/disk/disk_store.ts";
import { type IndexPurge, Purge, softened, type StalePurge } from "./store/purge.ts";
import { cachesOf, type CacheTable, userTag } from "./table.ts";

/** What an operation came to: a status and a body, as its endpoint has them. */
export interface Outcome {
  readonly status: number;
  readonly body: { readonly [key: string]: Plain };
}

/** One cache and how it is purged. */
interface Scope {
  readonly table: CacheTable;
  readonly policy: Policy;
  readonly purge: Purge;
  readonly disk: DiskStore | undefined;
  /** As answers name it. */
  readonly names: {
    readonly vhost: string;
    readonly route: string | null;
    readonly scope: "vhost" | "route";
  };
}

/** All caches of a configuration. */
export class Operations {
  readonly #config: Config;
  readonly #scopes: readonly Scope[];

  /** @param open The tiers of a cache. */
  constructor(
    config: Config,
    open: (table: CacheTable) => {
      readonly memory: MemoryStore;
      readonly disk?: DiskStore | undefined;
    },
  ) {
    this.#config = config;
    this.#scopes = [...cachesOf(config)].map((table) => ({ table, tiers: open(table) })).map((
      { table, tiers: { memory, disk } },
    ) => ({
      table,
      policy: policyOf(table.config),
      purge: new Purge(memory),
      disk,
      names: {
        vhost: table.owner.vhost.name,
        route: table.owner.route?.name ?? null,
        scope: table.owner.route === undefined ? "vhost" : "route",
      },
    }));
  }

  /** Does what `name` says: `status`, `activity/reset`, `purge`, `purge-tag` ... */
  async run(name: string, input: Input): Promise<Outcome> {
    try {
      const body = await this.#run(name, input);
      return { status: 200, body: { status: "ok", ...body } };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { status: error.status, body: { status: "error", error: error.message } };
    }
  }

  #run(name: string, input: Input): Outcome["body"] | Promise<Outcome["body"]> {
    switch (name) {
      case "status":
        return statusOf(this.#config, this.#scopes);
      case "activity/reset":
        for (const { purge } of this.#scopes) purge.store.index.resetActivity();
        return policyTotals(this.#config, this.#scopes);
      case "purge":
        return this.#purgeOne(input);
      case "purge-bulk":
        return this.#purgeMany(input);
      case "purge-index":
        return this.#purgeIndexed(input, () => true, {});
      case "purge-prefix": {
        const prefix = prefixOf(input);
        return this.#purgeIndexed(input, ({ path }) => path.startsWith(prefix), {
          path_prefix: prefix,
        });
      }
      case "purge-tag": {
        const tag = tagOf(input);
        return this.#purgeIndexed(input, ({ tags }) => tags.includes(tag), { cache_tag: tag });
      }
      case "purge-wildcard": {
        const pattern = patternOf(input);
        const pieces = pattern.split("*");
        return this.#purgeIndexed(input, ({ path }) => matchesPieces(path, pieces), {
          path_pattern: pattern,
        });
      }
      case "purge-stale":
        return this.#purgeStale(input);
      default:
        throw new Refused(404, "no such cache operation");
    }
  }

  #purgeOne(input: Input): Outcome["body"] {
    const host = hostOf(input);
    const scope = this.#scopeFor(input, host);
    return purgeExact(scope, identityOf(input, host, pathOf(textOf(input, "path"))), input);
  }

  #purgeMany(input: Input): Outcome["body"] {
    const host = hostOf(input);
    const scope = this.#scopeFor(input, host);
    const { paths } = input;
    if (!Array.isArray(paths) || paths.length === 0 || paths.length > MAX_PATHS) {
      throw new Refused(400, `paths must be 1 to ${MAX_PATHS} paths`);
    }
    // All of them are checked before anything is purged.
    const identities = paths.map((path) =>
      identityOf(input, host, pathOf(typeof path === "string" ? path : undefined))
    );
    for (const identity of identities) checkEligible(scope, identity);
    const results = identities.map((identity) => purgeExact(scope, identity, input));
    const purged = results.filter((result) => result.purged === true).length;
    const requested = results.length;
    const counts = {
      purged,
      not_purged: requested - purged,
      purged_ratio_per_mille: perMille(purged, requested),
      not_purged_ratio_per_mille: perMille(requested - purged, requested),
    };
    return { requested, ...counts, ...scope.names, ...prefixed("memory_", counts), results };
  }

  async #purgeIndexed(
    input: Input,
    matches: (meta: ObjectMeta) => boolean,
    shown: Outcome["body"],
  ): Promise<Outcome["body"]> {
    const scope = this.#named(input);
    const limit = numberOf(input, "limit", DEFAULT_LIMIT, MAX_LIMIT);
    const batchLimit = numberOf(input, "batches", 1, MAX_BATCHES);
    const soft = input.soft === true;
    const options = { limit, batches: batchLimit, soft };
    const memory = await scope.purge.indexed(matches, options);
    const disk = scope.disk === undefined
      ? NOTHING_PURGED
      : await indexedOnDisk(scope.disk, matches, options);
    // Again: what was being copied from the disk meanwhile.
    if (scope.disk !== undefined && !soft) await scope.purge.indexed(matches, options);
    const counts = purgeCounts(memory.matched + disk.matched, memory.purged + disk.purged);
    const truncated = memory.truncated || disk.truncated;
    const batches = Math.max(memory.batches, disk.batches);
    return {
      soft,
      ...counts,
      truncated,
      repeat_required: truncated,
      limit,
      batches,
      batch_limit: batchLimit,
      batches_exhausted: truncated,
      ...scope.names,
      ...prefixed("memory_", {
        ...purgeCounts(memory.matched, memory.purged),
        truncated: memory.truncated,
      }),
      ...prefixed("disk_", {
        ...purgeCounts(disk.matched, disk.purged),
        truncated: disk.truncated,
      }),
      ...shown,
    };
  }

  async #purgeStale(input: Input): Promise<Outcome["body"]> {
    const scope = this.#named(input);
    const limit = numberOf(input, "limit", DEFAULT_LIMIT, MAX_LIMIT);
    const batchLimit = numberOf(input, "batches", 1, MAX_BATCHES);
    const dryRun = input.dry_run === true;
    const options = { limit, batches: batchLimit, dryRun };
    const memory = await scope.purge.stale(options);
    const disk = scope.disk === undefined ? NOTHING_STALE : staleOnDisk(scope.disk, options);
    const all = {
      scanned: memory.scanned + disk.scanned,
      stale: memory.stale + disk.stale,
      purged: memory.purged + disk.purged,
    };
    const { stale, purged } = all;
    const counts = staleCounts(all, dryRun);
    const truncated = memory.truncated || disk.truncated;
    const batches = Math.max(memory.batches, disk.batches);
    return {
      dry_run: dryRun,
      ...counts,
      purged_ratio_per_mille: perMille(purged, stale),
      not_purged_ratio_per_mille: perMille(stale - purged, stale),
      truncated,
      repeat_required: truncated,
      limit,
      batches,
      batch_limit: batchLimit,
      batches_exhausted: truncated,
      increase_limit_required: truncated && (dryRun || purged === 0),
      ...scope.names,
      ...prefixed("memory_", {
        ...staleCounts(memory, dryRun),
        truncated: memory.truncated,
      }),
      ...prefixed("disk_", { ...staleCounts(disk, dryRun), truncated: disk.truncated }),
    };
  }

  /** The scope that the input names; it must name one. */
  #named(input: Input): Scope {
    const vhost = nameOf(input, "vhost");
    if (vhost === undefined) throw new Refused(400, "vhost is required");
    return this.#scope(vhost, nameOf(input, "route"));
  }

  #scopeFor(input: Input, host: string): Scope {
    const vhost = nameOf(input, "vhost") ?? this.#vhostOf(host);
    return this.#scope(vhost, nameOf(input, "route"));
  }

  #vhostOf(host: string): string {
    const { vhosts, server } = this.#config;
    const hosts = new HostTable(vhosts, { defaultVhost: server?.default_vhost, strict: false });
    const found = hosts.select(host, host);
    if (typeof found === "string") throw new Refused(400, "host is not valid");
    return vhosts[found].name;
  }

  #scope(vhost: string, route: string | undefined): Scope {
    const found = this.#scopes.find(({ names }) =>
      names.vhost === vhost && (names.route ?? undefined) === route
    );
    if (found === undefined) throw new Refused(404, "no enabled cache has this vhost and route");
    return found;
  }
}

function purgeExact(scope: Scope, identity: Identity, input: Input): Outcome["body"] {
  checkEligible(scope, identity);
  const { keys } = scope.policy;
  const { index } = scope.purge.store;
  const scheme = textOf(input, "scheme");
  const port = textOf(input, "port");
  const loose = keys.loose(identity);
  const matches = (meta: ObjectMeta) =>
    meta.loose === loose && (scheme === undefined || meta.scheme === scheme) &&
    (port === undefined || meta.port === port);
  const key = index.hash(loose, identity.scheme, identity.port);
  const fromMemory = scope.purge.exact(key, matches);
  const fromDisk = scope.disk !== undefined && purgeKeys(scope.disk, loose, matches);
  // Again: what was being copied from the disk meanwhile.
  if (scope.disk !== undefined) scope.purge.exact(key, matches);
  const isPurged = fromMemory || fromDisk;
  return {
    purged: isPurged,
    not_purged: !isPurged,
    ...scope.names,
    host: identity.host,
    method: identity.method,
    path: identity.path,
    query: identity.query === "" ? null : identity.query,
    cache_key: fullKey(userTag(scope.table), keys.primary(identity), NO_VARIANCE),
    memory_purged: fromMemory,
    memory_not_purged: !fromMemory,
    disk_purged: fromDisk,
    disk_not_purged: !fromDisk,
  };
}

/** Removes from the disk what `matches` of one key without scheme and port. */
function purgeKeys(
  disk: DiskStore,
  loose: string,
  matches: (meta: ObjectMeta) => boolean,
): boolean {
  let isPurged = false;
  for (const key of disk.keysOf(loose)) {
    const entry = disk.get(key);
    if (entry !== undefined && matches(entry.meta)) isPurged = disk.remove(key) || isPurged;
  }
  return isPurged;
}

function checkEligible({ policy }: Scope, { method, path }: Identity): void {
  if (!policy.methods.has(method)) {
    throw new Refused(400, `method ${method} is not allowed by selected cache policy`);
  }
  if (!policy.extensions.has(extensionOf(path))) {
    throw new Refused(400, "path or query is not admitted by selected image cache policy");
  }
}

/** Whether `path` is made of `pieces` with anything between them. Linear: each piece takes the first place. */
export function matchesPieces(path: string, pieces: readonly string[]): boolean {
  const last = pieces.length - 1;
  if (!path.startsWith(pieces[0])) return false;
  let at = pieces[0].length;
  for (let i = 1; i < last; i++) {
    const found = path.indexOf(pieces[i], at);
    if (found < 0) return false;
    at = found + pieces[i].length;
  }
  return path.length - pieces[last].length >= at && path.endsWith(pieces[last]);
}

const NOTHING_PURGED: IndexPurge = { matched: 0, purged: 0, truncated: false, batches: 0 };
const NOTHING_STALE: StalePurge = { scanned: 0, stale: 0, purged: 0, truncated: false, batches: 0 };

function purgeCounts(matched: number, purged: number) {
  return {
    matched,
    purged,
    not_purged: matched - purged,
    purged_ratio_per_mille: perMille(purged, matched),
    not_purged_ratio_per_mille: perMille(matched - purged, matched),
  };
}

function staleCounts(
  { scanned, stale, purged }: Pick<StalePurge, "scanned" | "stale" | "purged">,
  dryRun: boolean,
) {
  return {
    scanned,
    stale,
    would_purge: dryRun ? stale : 0,
    purged,
    not_purged: dryRun ? 0 : stale - purged,
  };
}

/** Purges by index on disk. */
async function indexedOnDisk(
  disk: DiskStore,
  matches: (meta: ObjectMeta) => boolean,
  { limit, batches, soft }: {
    readonly limit: number;
    readonly batches: number;
    readonly soft: boolean;
  },
): Promise<IndexPurge> {
  await disk.scanned;
  const found = [...disk.entries()].filter(({ meta }) => matches(meta));
  const taken = found.slice(0, limit * batches);
  let purged = 0;
  for (const { key, times } of taken) {
    const done = soft ? await disk.soften(key, softened(times)) : disk.remove(key);
    if (done) purged++;
  }
  const run = Math.max(1, Math.ceil(taken.length / limit));
  return { matched: taken.length, purged, truncated: taken.length < found.length, batches: run };
}

/** Removes expired objects from the disk, or counts them. */
function staleOnDisk(
  disk: DiskStore,
  { limit, batches, dryRun }: {
    readonly limit: number;
    readonly batches: number;
    readonly dryRun: boolean;
  },
): StalePurge {
  const all = [...disk.entries()];
  const looked = all.slice(0, limit * (dryRun ? 1 : batches));
  const stale = looked.filter(({ times }) => Date.now() >= times.expiresMs);
  let purged = 0;
  if (!dryRun) { for (const { key } of stale) if (disk.remove(key)) purged++; }
  return {
    scanned: looked.length,
    stale: stale.length,
    purged,
    truncated: looked.length < all.length,
    batches: Math.max(1, Math.ceil(looked.length / limit)),
  };
}

function perMille(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((part * 1000) / whole);
}

function prefixed(prefix: string, values: Outcome["body"]): Outcome["body"] {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [prefix + key, value]));
}

function activityOf(store: MemoryStore): Outcome["body"] {
  const { hits, misses, stores, storeRefusals, evictions, purges } = store.index.activity();
  return activityBody({ hits, misses, stores, storeRefusals, evictions, purges });
}

type Counts = Readonly<
  Record<"hits" | "misses" | "stores" | "storeRefusals" | "evictions" | "purges", number>
>;

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
    activity: activityOf(store),
  };
}

function diskOf({ disk, table }: Scope): Outcome["body"] | null {
  if (disk === undefined) return null;
  const { maxBytes } = disk.options;
  const free = Math.max(0, maxBytes - disk.bytes);
  const { stores, refusals, evictions } = disk.activity;
  return {
    backend: "filesystem",
    entries: disk.size,
    size_bytes: disk.bytes,
    average_object_size_bytes: disk.size === 0 ? 0 : Math.floor(disk.bytes / disk.size),
    allocated_size_bytes: disk.bytes,
    free_size_bytes: free,
    free_ratio_per_mille: perMille(free, maxBytes),
    free_range_count: 0,
    largest_free_range_bytes: 0,
    bin_files: 0,
    max_size_bytes: maxBytes,
    fill_ratio_per_mille: perMille(disk.bytes, maxBytes),
    max_object_bytes: table.config.max_object_bytes,
    purge_index_entries: disk.size,
    purge_index_max_entries: UNBOUNDED,
    purge_index_fill_ratio_per_mille: 0,
    activity: activityBody({
      hits: 0,
      misses: 0,
      stores,
      storeRefusals: refusals,
      evictions,
      purges: 0,
    }),
  };
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

function statusOf(config: Config, scopes: readonly Scope[]): Outcome["body"] {
  const vhosts = config.vhosts.map((vhost) => {
    const own = scopes.find(({ names }) => names.vhost === vhost.name && names.route === null);
    const routes = vhost.routes.filter(({ cache }) => cache !== undefined);
    const enabled = routes.filter(({ cache }) => cache?.enabled === true);
    return {
      name: vhost.name,
      ...(own === undefined ? DISABLED : policyFields(own)),
      ...routeCounts(routes.length, enabled.length, vhost.routes.length),
      memory: own === undefined ? null : memoryOf(own),
      disk: own === undefined ? null : diskOf(own),
      routes: routes.map((route) => {
        const scope = scopes.find(({ names }) =>
          names.vhost === vhost.name && names.route === (route.name ?? null)
        );
        return {
          name: route.name ?? null,
          ...(scope === undefined ? DISABLED : policyFields(scope)),
          memory: scope === undefined ? null : memoryOf(scope),
          disk: scope === undefined ? null : diskOf(scope),
        };
      }),
    };
  });
  return { totals: totalsOf(config, scopes), vhosts };
}

function routeCounts(configured: number, enabled: number, total: number): Outcome["body"] {
  return {
    configured_routes: configured,
    routes_total: total,
    cache_route_coverage_ratio_per_mille: perMille(configured, total),
    enabled_routes: enabled,
    enabled_route_ratio_per_mille: perMille(enabled, configured),
    tiered_routes: 0,
    tiered_route_ratio_per_mille: 0,
  };
}

function policyTotals(config: Config, scopes: readonly Scope[]): Outcome["body"] {
  const routes = config.vhosts.flatMap((vhost) => vhost.routes);
  const tieredVhosts =
    scopes.filter(({ names, table }) => names.route === null && isTiered(table.config)).length;
  const enabledVhosts = scopes.filter(({ names }) => names.route === null).length;
  return {
    vhosts: config.vhosts.length,
    enabled_vhosts: enabledVhosts,
    enabled_vhost_ratio_per_mille: perMille(enabledVhosts, config.vhosts.length),
    tiered_vhosts: tieredVhosts,
    tiered_vhost_ratio_per_mille: perMille(tieredVhosts, config.vhosts.length),
    ...routeCounts(
      routes.filter(({ cache }) => cache !== undefined).length,
      routes.filter(({ cache }) => cache?.enabled === true).length,
      routes.length,
    ),
    memory_tiers: scopes.filter(({ table }) => table.config.memory.enabled).length,
    disk_tiers: scopes.filter(({ disk }) => disk !== undefined).length,
  };
}

function totalsOf(config: Config, scopes: readonly Scope[]): Outcome["body"] {
  const sum = (count: (scope: Scope) => number) => scopes.reduce((all, one) => all + count(one), 0);
  const entries = sum(({ purge }) => purge.entries);
  const size = sum(({ purge }) => purge.store.taken);
  const max = sum(({ table }) => table.config.memory.max_size_bytes);
  const locked = sum(({ table }) => Number(table.config.lock.enabled));
  const protectedOnes = scopes.filter(({ table }) => table.config.origin_protection.enabled);
  const counts = {} as Record<keyof Counts, number>;
  for (const { purge } of scopes) {
    for (const [key, value] of Object.entries(purge.store.index.activity())) {
      counts[key as keyof Counts] = (counts[key as keyof Counts] ?? 0) + value;
    }
  }
  const none = { hits: 0, misses: 0, stores: 0, storeRefusals: 0, evictions: 0, purges: 0 };
  return {
    ...policyTotals(config, scopes),
    lock_enabled_policies: locked,
    lock_enabled_policy_ratio_per_mille: perMille(locked, scopes.length),
    origin_protection_enabled_policies: protectedOnes.length,
    origin_protection_enabled_policy_ratio_per_mille: perMille(protectedOnes.length, scopes.length),
    origin_protection_max_concurrent_fills: Math.max(
      0,
      ...protectedOnes.map(({ table }) => table.config.origin_protection.max_concurrent_fills),
    ),
    peer_fill_enabled_policies: 0,
    peer_fill_enabled_policy_ratio_per_mille: 0,
    peer_fill_peers: 0,
    peer_fill_max_concurrent_requests: 0,
    memory_entries: entries,
    memory_weighted_size_bytes: size,
    memory_average_weighted_size_bytes: entries === 0 ? 0 : Math.floor(size / entries),
    memory_max_size_bytes: max,
    memory_fill_ratio_per_mille: perMille(size, max),
    memory_purge_index_entries: entries,
    memory_purge_index_max_entries: UNBOUNDED,
    memory_purge_index_fill_ratio_per_mille: 0,
    ...diskTotals(scopes),
    activity: activityBody({ ...none, ...counts }),
  };
}

function diskTotals(scopes: readonly Scope[]): Outcome["body"] {
  const disks = scopes.flatMap(({ disk }) => disk ?? []);
  const sum = (count: (disk: DiskStore) => number) =>
    disks.reduce((all, disk) => all + count(disk), 0);
  const entries = sum(({ size }) => size);
  const bytes = sum((disk) => disk.bytes);
  const max = sum(({ options }) => options.maxBytes);
  const free = Math.max(0, max - bytes);
  return {
    disk_entries: entries,
    disk_size_bytes: bytes,
    disk_average_object_size_bytes: entries === 0 ? 0 : Math.floor(bytes / entries),
    disk_allocated_size_bytes: bytes,
    disk_free_size_bytes: free,
    disk_free_ratio_per_mille: perMille(free, max),
    disk_free_range_count: 0,
    disk_largest_free_range_bytes: 0,
    disk_bin_files: 0,
    disk_max_size_bytes: max,
    disk_fill_ratio_per_mille: perMille(bytes, max),
    disk_purge_index_entries: entries,
    disk_purge_index_max_entries: UNBOUNDED,
    disk_purge_index_fill_ratio_per_mille: 0,
  };
}
