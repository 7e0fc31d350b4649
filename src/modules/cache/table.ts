/** Where cache tables stand, and the shared memory that they need. @module */
import { credentialPaths } from "../../gateway/threads/credentials.ts";
import type { Config } from "../../config/types.ts";
import { scopesOf, zoneName } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import { withPreset } from "./presets.ts";
import type { CacheConfig } from "./schema.ts";

/** A cache table at work, and whose storage it has. */
export interface CacheTable {
  /** With the entries of its preset. */
  readonly config: CacheConfig;
  /** Where it stands: the scope whose objects it stores. */
  readonly owner: RouteScope;
  /** `vhosts[0].cache`. */
  readonly key: string;
}

/**
 * The cache of a scope: its route's own table, else that of the vhost (spec 04 section 1). A table that is
 * switched off ends the search.
 */
export function cacheOf(scope: RouteScope): CacheTable | undefined {
  const { route } = scope;
  const own = route?.cache ?? scope.vhost.cache;
  if (own === undefined || !own.enabled) return undefined;
  const isRoutes = route?.cache !== undefined;
  const owner = isRoutes ? scope : vhostOf(scope);
  const key = own === scope.config.cache ? "cache" : `${owner.key}.cache`;
  return { config: withPreset(own), owner, key };
}

/** Whether the scope itself serves files. */
export function hasFiles({ vhost, route }: RouteScope): boolean {
  const web: unknown = Reflect.get(route ?? vhost, "web");
  return typeof web === "object" && web !== null && Reflect.get(web, "root") !== undefined;
}

/** Whether the scope itself answers with PHP. */
export function hasPhp({ vhost, route }: RouteScope): boolean {
  const php: unknown = Reflect.get(route ?? vhost, "php");
  return typeof php === "object" && php !== null && Reflect.get(php, "enabled") === true;
}

function vhostOf({ config, vhost, key }: RouteScope): RouteScope {
  const end = key.indexOf(".routes[");
  return { config, vhost, route: undefined, key: end < 0 ? key : key.slice(0, end) };
}

/** Every cache at work, once. */
export function* cachesOf(config: Config): Generator<CacheTable> {
  for (const scope of scopesOf(config)) {
    const own = (scope.route ?? scope.vhost).cache;
    if (own === undefined) continue;
    const table = cacheOf(scope);
    if (table !== undefined) yield table;
  }
}

/** Whether a configuration has a cache at work; of its tables no more than `enabled` is looked at. */
export function hasCaches(config: Config): boolean {
  return [...scopesOf(config)].some(({ route, vhost }) => (route ?? vhost).cache?.enabled === true);
}

/** `<vhost>` or `<vhost>:route:<route>` (spec 04 section 4.1). */
export function userTag({ owner: { vhost, route } }: CacheTable): string {
  return route === undefined ? vhost.name : `${vhost.name}:route:${route.name}`;
}

/**
 * The part of a storage's name that says what it was made for: the storage plan of spec 04 section 1. With
 * another plan the objects are left behind.
 */
function planOf({ config }: CacheTable): string {
  const { memory, disk, max_object_bytes, tag_headers } = config;
  return JSON.stringify([memory, disk, max_object_bytes, tag_headers]);
}

/** Memory for what is on its way to and from the disk, where there is no memory tier. */
const PASSING_BYTES = 64 * 1024 * 1024;

/** Memory of the objects of a cache. */
export function memoryBytes({ config: { memory, max_object_bytes } }: CacheTable): number {
  return memory.enabled ? memory.max_size_bytes : Math.max(PASSING_BYTES, 2 * max_object_bytes);
}

/** The disk tier of a cache, where it has one. */
export function diskOf(
  { config: { disk } }: CacheTable,
): { readonly root: string; readonly maxBytes: number } | undefined {
  if (!disk.enabled || disk.path === undefined) return undefined;
  return { root: disk.path, maxBytes: disk.max_size_bytes };
}

/** Whether workers can read what lies on disk themselves. */
export function readsFiles({ config: { disk } }: CacheTable): boolean {
  return disk.backend === "filesystem" && !disk.encryption.enabled;
}

/** A file of the operator's, or a credential of the service manager. */
export interface Secret {
  /** Which of its two keys names it. */
  readonly from: "file" | "credential";
  /** Where it may be; the first that is there counts. */
  readonly paths: readonly string[];
}

function secretOf(file: string | undefined, credential: string | undefined): Secret | undefined {
  if (file !== undefined) return { from: "file", paths: [file] };
  if (credential === undefined) return undefined;
  return { from: "credential", paths: credentialPaths(credential) };
}

/** How objects on disk are encrypted. */
export type SealPlan =
  | {
    readonly provider: "local";
    readonly keyId: string;
    /** Where the key may be. */
    readonly key: Secret;
  }
  | {
    readonly provider: "openbao-transit";
    readonly keyId: string;
    readonly address: string;
    readonly mount: string;
    readonly keyName: string;
    readonly token: Secret;
    readonly caFile: string | undefined;
  };

/** The encryption of a cache's disk tier; `undefined` where there is none. */
export function sealOf({ config: { disk } }: CacheTable): SealPlan | undefined {
  const { enabled, provider, key_id, key_file, key_credential, openbao } = disk.encryption;
  if (!disk.enabled || !enabled) return undefined;
  const keyId = key_id ?? provider;
  if (provider === "local") {
    const key = secretOf(key_file, key_credential);
    return key === undefined ? undefined : { provider, keyId, key };
  }
  if (openbao === undefined) return undefined;
  const { address, mount, key_name, token_file, token_credential, ca_file } = openbao;
  const token = secretOf(token_file, token_credential);
  if (token === undefined) return undefined;
  return {
    provider,
    keyId,
    address,
    mount,
    keyName: key_name,
    token,
    caFile: ca_file,
  };
}

/** Names of the zones of one cache. */
export interface CacheZones {
  readonly bodies: string;
  readonly index: string;
  readonly uses: string;
  readonly fills: string;
  readonly peers: string;
}

/** The zones of a cache; those with objects are new for another plan. */
export function zonesOf(table: CacheTable): CacheZones {
  const name = zoneName("cache", table.owner);
  const plan = planOf(table);
  return {
    bodies: `${name} bodies ${plan}`,
    index: `${name} index ${plan}`,
    uses: `${name} uses`,
    fills: `${name} fills`,
    peers: `${name} peers`,
  };
}

/** Refreshes in the background that there may be in the process (spec 04 section 6.3). */
export const MAX_REFRESHES = 256;
/** Zone that counts them. */
export const REFRESHES_ZONE = "cache refreshes";
/** Entries of the tables of `min_uses` and `pass_uncacheable_after`, and for how long one counts. */
export const USE_ENTRIES = 65_536;
export const USE_TTL_SECS = 600;
