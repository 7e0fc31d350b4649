/**
 * The HTTP cache (spec 04): answers of upstreams, kept once for all workers.
 *
 * In a profile this module stands before the proxy and everything else that has an origin or goes around one: it
 * is the outermost, and what it answers asks none of them.
 *
 * @module
 */
import { CREDENTIALS_VARIABLE } from "../../gateway/threads/credentials.ts";
import type { Config, Problem } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type { FileRequest, Grant, Module, Role, RouteScope } from "../../gateway/module.ts";
import { arena } from "../../zones/arena/arena.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";
import { queue } from "../../zones/queue.ts";
import { adminOf } from "../admin/table.ts";
import { endpointGrant, endpointOf } from "../proxy/module.ts";
import { proxyOf } from "../proxy/table.ts";
import { commands } from "./operate/commands.ts";
import { cacheSchema, purgerSchema } from "./schema.ts";
import { cacheIndex } from "./store/index.ts";
import {
  cachesOf,
  diskOf,
  hasFiles,
  hasPhp,
  MAX_REFRESHES,
  memoryBytes,
  readsFiles,
  REFRESHES_ZONE,
  sealOf,
  type SealPlan,
  USE_ENTRIES,
  USE_TTL_SECS,
  zonesOf,
} from "./table.ts";
import { DISK_CALLS, OPERATIONS } from "./disk/disk_calls.ts";
import { useTable } from "./lookup/uses.ts";
import { METRICS } from "./descriptions.ts";

export type { CacheConfig } from "./schema.ts";

/**
 * Memory that an arena has beyond its budget: pages with blocks of one size that are not full cannot hold
 * others, so without it the budget could not be used up.
 */
function arenaBytes(budget: number): number {
  return budget + Math.max(1024 * 1024, budget / 8);
}

/** What the endpoints have to know: which caches there are, and how hosts lead to vhosts. */
const SHAPE = [
  "vhosts.name",
  "vhosts.hosts",
  "vhosts.routes.name",
  "vhosts.cache.enabled",
  "vhosts.routes.cache.enabled",
  "server.default_vhost",
];

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "cache",
  schema: [
    {
      table: "cache",
      scopes: ["root", "vhost", "route"],
      schema: cacheSchema,
      reload: "live",
      withoutVhosts: true,
    },
    {
      table: "cache_purger",
      scopes: ["root"],
      schema: purgerSchema,
      reload: "cache-purger-service-changed",
    },
  ],
  commands,
  metrics: METRICS,
  manifest: {
    net: true,
    read: true,
    write: ["/var/cache/fluxheim"],
    env: [CREDENTIALS_VARIABLE],
  },

  needs(config) {
    const zones: ZoneRequest<Role>[] = [];
    const read: Grant[] = [];
    const write: Grant[] = [];
    const net: Grant[] = [];
    const env: Grant[] = [];
    const files: FileRequest[] = [];
    for (const table of cachesOf(config)) {
      const names = zonesOf(table);
      const disk = diskOf(table);
      if (disk !== undefined) {
        const grant = { value: disk.root, key: `${table.key}.disk.path` };
        // Workers read objects; the service of the cache alone writes and deletes them.
        if (readsFiles(table)) read.push({ ...grant, for: "edge" });
        read.push({ ...grant, for: "store" });
        write.push({ ...grant, for: "store" });
      }
      const seal = sealOf(table);
      if (seal !== undefined) addSeal(seal, table.key, { files, net, read, env });
      const { predictor, origin_protection, peer_fill } = table.config;
      const bytes = memoryBytes(table);
      const roles = ["edge", "store"] as const;
      zones.push(
        zone(arena, {
          name: names.bodies,
          size: { bytes: arenaBytes(bytes) },
          settings: { budgets: [bytes] },
          roles,
        }),
        zone(cacheIndex, { name: names.index, size: { bytes }, roles }),
      );
      const maxEntries = predictor.enabled
        ? Math.max(USE_ENTRIES, predictor.capacity)
        : USE_ENTRIES;
      zones.push(zone(useTable, {
        name: names.uses,
        size: { maxEntries },
        settings: { maxEntries, ttlSecs: USE_TTL_SECS },
        roles: ["edge"],
      }));
      if (peer_fill.enabled) {
        peer_fill.peers.forEach(({ base_url }, i) => {
          const value = endpointGrant(endpointOf(base_url));
          net.push({ value, key: `${table.key}.peer_fill.peers[${i}].base_url`, for: "edge" });
        });
        zones.push(zone(queue, {
          name: names.peers,
          size: { maxQueue: 1 },
          settings: { maxInFlight: peer_fill.max_concurrent_requests },
          roles: ["edge"],
        }));
      }
      if (!origin_protection.enabled) continue;
      zones.push(zone(queue, {
        name: names.fills,
        size: { maxQueue: 1 },
        settings: { maxInFlight: origin_protection.max_concurrent_fills },
        roles: ["edge"],
      }));
    }
    if (zones.length > 0) {
      const settings = { maxInFlight: MAX_REFRESHES };
      const size = { maxQueue: 1 };
      zones.push(zone(queue, { name: REFRESHES_ZONE, size, settings, roles: ["edge"] }));
    }
    return { zones, files, grants: { read, write, net, env } };
  },

  check: (config) => [
    ...withoutEffect(config),
    ...switchedOff(config),
    ...sharedRoots(config),
  ],

  threads: [{
    role: "store",
    url: new URL("./service.ts", import.meta.url),
    wanted: (config) => !cachesOf(config).next().done,
    tables: ["vhosts", "cache", "cache_purger", "server.default_vhost"],
    // A root that cannot be used keeps the configuration from being served.
    startsBefore: "serving",
    whenLost: "replace",
    asks: [],
    edgeAsks: [...DISK_CALLS],
  }, {
    // The endpoints of the admin API, which pass on what is asked of the service.
    role: "control",
    wanted: (config) => adminOf(config) !== undefined,
    tables: SHAPE,
    whenLost: "replace",
    asks: OPERATIONS.map((name) => `store.${name}`),
  }],

  edge: async () => (await import("./edge.ts")).edge,
};

/** Largest file with a key, and with roots. */
const MAX_KEY_BYTES = 4096;
const MAX_PEM_BYTES = 1024 * 1024;

/** What the service needs to encrypt. */
function addSeal(
  seal: SealPlan,
  key: string,
  { files, net, read, env }: Readonly<Record<"net" | "read" | "env", Grant[]>> & {
    readonly files: FileRequest[];
  },
): void {
  const at = `${key}.disk.encryption`;
  if (seal.provider === "local") {
    const { from, paths } = seal.key;
    for (const path of paths) {
      files.push({
        path,
        key: `${at}.key_${from}`,
        maxBytes: MAX_KEY_BYTES,
        secret: "the key of the cache",
        // It is in one of its places; without it the service does not start.
        isOptional: from === "credential",
        for: "store",
      });
    }
    return from === "credential" ? addVariable(`${at}.key_credential`, env) : undefined;
  }
  const value = endpointGrant(endpointOf(seal.address));
  net.push({ value, key: `${at}.openbao.address`, for: "store" });
  // Read again when it is another one: an agent renews it.
  const { from, paths } = seal.token;
  for (const value of paths) read.push({ value, key: `${at}.openbao.token_${from}`, for: "store" });
  if (from === "credential") addVariable(`${at}.openbao.token_credential`, env);
  if (seal.caFile === undefined) return;
  files.push({
    path: seal.caFile,
    key: `${at}.openbao.ca_file`,
    maxBytes: MAX_PEM_BYTES,
    for: "store",
  });
}

/** Both have to know the same places: the keeper reads the file, the service takes it by its path. */
function addVariable(key: string, env: Grant[]): void {
  for (const role of ["keeper", "store"] as const) {
    env.push({ value: CREDENTIALS_VARIABLE, key, for: role });
  }
}

/** Caches of scopes that forward nothing. */
function withoutEffect(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const { owner, key, config: { local_static, php } } of cachesOf(config)) {
    const { vhost, route } = owner;
    const scopes = [
      owner,
      ...(route === undefined ? vhost.routes.map((other) => ({ ...owner, route: other })) : []),
    ];
    if (local_static && !scopes.some(hasFiles)) {
      problems.push({
        key: `${key}.local_static`,
        message: "has no effect: no files are served here",
        hint: "remove it, or give the scope a web table",
        warning: true,
      });
    }
    if (php && !scopes.some(hasPhp)) {
      problems.push({
        key: `${key}.php`,
        message: "has no effect: nothing here is answered by PHP",
        hint: "remove it, or give the scope a php table",
        warning: true,
      });
    }
    const isUsed = (scope: RouteScope) =>
      proxyOf(scope) !== undefined || local_static && hasFiles(scope) || php && hasPhp(scope);
    if (scopes.some(isUsed)) continue;
    problems.push({
      key: `${key}.enabled`,
      message: "has no effect: nothing here is forwarded to an upstream",
      hint: "remove the table, or give the scope a proxy table",
      warning: true,
    });
  }
  return problems;
}

/** Tables that ask for files to be cached, and are off. */
function switchedOff(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const scope of scopesOf(config)) {
    const own = (scope.route ?? scope.vhost).cache;
    if (own === undefined || own.enabled || !own.local_static) continue;
    const key = own === config.cache ? "cache" : `${scope.key}.cache`;
    problems.push({
      key: `${key}.local_static`,
      message: "has no effect where enabled is false",
      hint: "set enabled = true, or remove it",
      warning: true,
    });
  }
  return problems;
}

/** A root of two caches, or one inside of another: each would delete what the other one has. */
function sharedRoots(config: Config): Problem[] {
  const problems: Problem[] = [];
  const roots: { readonly root: string; readonly key: string }[] = [];
  for (const table of cachesOf(config)) {
    const root = diskOf(table)?.root;
    if (root === undefined) continue;
    const key = `${table.key}.disk.path`;
    const other = roots.find((known) =>
      `${root}/`.startsWith(`${known.root}/`) || `${known.root}/`.startsWith(`${root}/`)
    );
    if (other !== undefined) {
      const message = `must not be, contain or lie in the root of another cache (${other.key})`;
      problems.push({ key, message, about: [other.key] });
    }
    roots.push({ root, key });
  }
  return problems;
}
