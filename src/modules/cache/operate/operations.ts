/**
 * Purges and status of all caches, as the service of the cache answers them (spec 04 section 12, spec 06 A3.5).
 * Inputs come from another thread and are checked here.
 *
 * @module
 */
import type { Config } from "../../../config/types.ts";
import { HostTable } from "../../../gateway/route/host_table.ts";
import type { DiskActivity } from "../disk/disk_activity.ts";
import { fullKey, type Identity } from "../key/key.ts";
import { NO_VARIANCE } from "../key/vary.ts";
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
import { extensionOf } from "../policy/paths.ts";
import { policyOf } from "../policy/policy.ts";
import type { ObjectMeta } from "../store/meta.ts";
import type { MemoryStore } from "../store/memory.ts";
import type { DiskStore } from "../store/disk/disk_store.ts";
import { type IndexPurge, Purge, softened, type StalePurge } from "../store/purge.ts";
import { type Outcome, perMille, policyTotals, type Scope, statusOf } from "./status.ts";
import { cachesOf, type CacheTable, userTag } from "../table.ts";

export type { Outcome } from "./status.ts";

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
      readonly diskActivity?: DiskActivity | undefined;
    },
  ) {
    this.#config = config;
    this.#scopes = [...cachesOf(config)].map((table) => ({ table, tiers: open(table) })).map((
      { table, tiers: { memory, disk, diskActivity } },
    ) => ({
      table,
      policy: policyOf(table.config),
      purge: new Purge(memory),
      disk,
      diskActivity,
      names: {
        vhost: table.owner.vhost.name,
        route: table.owner.route?.name ?? null,
        scope: table.owner.route === undefined ? "vhost" : "route",
      },
    }));
  }

  /** Every cache at work. */
  get scopes(): readonly Scope[] {
    return this.#scopes;
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
        return statusOf(this.#config, this.#scopes, nameOf(input, "vhost"));
      case "activity/reset":
        for (const { purge, diskActivity } of this.#scopes) {
          purge.store.index.resetActivity();
          diskActivity?.reset();
        }
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
    scope.diskActivity?.purged(disk.purged);
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
    scope.diskActivity?.purged(disk.purged);
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
  const onDisk = scope.disk === undefined ? 0 : purgeKeys(scope.disk, loose, matches);
  scope.diskActivity?.purged(onDisk);
  const fromDisk = onDisk > 0;
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

/** Removes from the disk what `matches` of one key without scheme and port; how many it were. */
function purgeKeys(
  disk: DiskStore,
  loose: string,
  matches: (meta: ObjectMeta) => boolean,
): number {
  let purged = 0;
  for (const key of disk.keysOf(loose)) {
    const entry = disk.get(key);
    if (entry !== undefined && matches(entry.meta) && disk.remove(key)) purged++;
  }
  return purged;
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

function prefixed(prefix: string, values: Outcome["body"]): Outcome["body"] {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [prefix + key, value]));
}
