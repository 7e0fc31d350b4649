/**
 * A cache table as the request path works with it: lists as sets, lifetimes as numbers, compiled once.
 *
 * @module
 */
import type { ByStatus } from "./admission.ts";
import { DEFAULT_EXTENSIONS } from "../defaults.ts";
import type { CacheConfig } from "../schema.ts";
import type { FreshnessRules } from "./freshness.ts";
import { KeyMaker } from "../key/key.ts";

/** The kinds of failure that stale content may stand in for. */
export type ErrorKind = CacheConfig["stale_if_error_on"][number];

/** A compiled cache table. */
export interface Policy extends FreshnessRules, ByStatus {
  readonly config: CacheConfig;
  readonly keys: KeyMaker;
  readonly methods: ReadonlySet<string>;
  readonly extensions: ReadonlySet<string>;
  readonly vary: readonly string[];
  readonly hidden: ReadonlySet<string>;
  readonly tagHeaders: ReadonlySet<string>;
  readonly staleOn: ReadonlySet<ErrorKind>;
  readonly staleStatuses: ReadonlySet<number>;
  readonly maxObjectBytes: number;
}

/** Compiles `config`, which has the entries of its preset. */
export function policyOf(config: CacheConfig): Policy {
  const statusTtls = new Map<number, number>();
  for (const [status, secs] of Object.entries(config.status_ttls)) {
    statusTtls.set(Number(status), secs);
  }
  const extensions = config.extensions ?? config.image_extensions ?? DEFAULT_EXTENSIONS;
  const types = config.content_types.map((type) => type.toLowerCase());
  return {
    isStandard: config.mode === "rfc9111",
    config,
    keys: new KeyMaker({
      namespace: config.key_namespace,
      parts: config.key_parts,
      includeQuery: config.include_query,
    }),
    methods: new Set(config.methods),
    extensions: new Set(extensions.map((extension) => extension.toLowerCase())),
    vary: [...config.vary_request_headers],
    hidden: new Set(config.hide_response_headers),
    tagHeaders: new Set(config.tag_headers),
    staleOn: new Set(config.stale_if_error_on),
    staleStatuses: new Set(config.stale_if_error_statuses),
    maxObjectBytes: config.max_object_bytes,
    statusTtls,
    defaultTtlSecs: config.default_status_ttl_secs,
    staleWhileRevalidateSecs: config.stale_while_revalidate_secs,
    staleIfErrorSecs: config.stale_if_error_secs,
    types: new Set(types.filter((type) => !type.endsWith("/*"))),
    typePrefixes: types.filter((type) => type.endsWith("/*")).map((type) => type.slice(0, -1)),
    noStoreHeaders: new Set(config.no_store_response_headers),
    noStoreValues: new Map(Object.entries(config.no_store_response_header_values)),
  };
}
