/** The `cache` table of the root, vhosts and routes, and `[cache_purger]` (spec 04 section 2). @module */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { Frozen } from "../../config/frozen.ts";
import { byteLength, hasControl } from "../../config/read/text.ts";
import {
  alias,
  byteSize,
  count,
  enumWord,
  filePath,
  headerName,
  httpUrl,
  list,
  pathValue,
  secs,
} from "../../config/schema/values.ts";
import { isToken } from "../../http/chars.ts";
import { DEFAULT_EXTENSIONS } from "./defaults.ts";
import { withPreset } from "./presets.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** Largest lifetime: RFC 9111 section 1.2.2 has recipients treat anything larger as this. */
const MAX_TTL_SECS = 2 ** 31 - 1;

/** Names that an answer may never be chosen by: each client would have a copy of its own. */
const SENSITIVE_FIELDS = ["authorization", "cookie", "proxy-authorization"];

function words(allowed: string, accepts: (value: string) => boolean) {
  return z.string().refine(accepts, { error: `must be ${allowed}` });
}

function isPlainText(value: string, maxBytes: number, without: RegExp): boolean {
  return byteLength(value) <= maxBytes && !hasControl(value.replaceAll("\t", "")) &&
    !without.test(value);
}

const headerNames = (max: number) => list(headerName(), { max });

/** A table of names and what they must be equal to. */
function values(name: z.ZodType<string, string>, value: z.ZodType<string, string>, max: number) {
  return z.record(name, value).refine((table) => Object.keys(table).length <= max, {
    error: `must have at most ${max} entries`,
  });
}

const fieldValue = words(
  "a value of 1 to 4096 bytes that is not blank and has no control characters but tab",
  (value) => value.trim() !== "" && isPlainText(value, 4096, /(?!)/),
);
const cookieName = words(
  "1 to 128 token characters",
  (value) => isToken(value) && value.length <= 128,
);
const cookieValue = words(
  'at most 1024 bytes without control characters, ";" and ","',
  (value) => isPlainText(value, 1024, /[;,\t]/),
);
const queryName = words(
  'a name of 1 to 128 bytes without control characters, white space, "&", "=", "#", "?" and ";"',
  (value) => value !== "" && isPlainText(value, 128, /[\s&=#?;]/),
);
const queryValue = words(
  'a value of 1 to 4096 bytes without control characters, white space, "&", "#" and ";"',
  (value) => value.trim() !== "" && isPlainText(value, 4096, /[\s&#;]/),
);
const extension = words(
  'an extension such as "css", without a leading dot, "/", "\\" and white space',
  (value) => value !== "" && byteLength(value) <= 64 && !/^\.|[\s/\\]/.test(value),
);
const contentType = words(
  'a media type such as "text/css" or "image/*", without parameters',
  (value) => {
    const [type, subtype, ...more] = value.split("/");
    return more.length === 0 && isToken(type) && type !== "*" && subtype !== undefined &&
      (subtype === "*" || isToken(subtype));
  },
);
const statusCode = words(
  "a status from 100 to 599",
  (value) => /^[1-5]\d\d$/.test(value),
);

/** Words of `stale_if_error_on`. */
export const ERROR_KINDS = [
  "connect",
  "timeout",
  "read",
  "write",
  "connection-closed",
  "http-status",
  "protocol",
  "tls",
  "other",
] as const;

const CONTENT_TYPES = [
  "image/*",
  "text/css",
  "text/javascript",
  "application/javascript",
  "application/wasm",
  "font/*",
  "application/font-woff",
  "application/vnd.ms-fontobject",
];

const ttl = () => secs({ max: MAX_TTL_SECS });

const sliceSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Store objects in slices of one size."),
  size_bytes: byteSize().default(MIB).describe("Length of a slice."),
  max_slices: count({ min: 1 }).default(128).describe("Most slices that one request may touch."),
  fill_missing: z.boolean().default(true)
    .describe("Fetch slices that are missing; otherwise only stored ones are used."),
});

const rangeSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Store single closed ranges by themselves."),
  max_bytes: byteSize().default(8 * MIB).describe("Longest range that is handled."),
  slice: sliceSchema.prefault({}).describe("Slices of large objects."),
});

const memorySchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Keep objects in memory, once for all workers."),
  max_size_bytes: byteSize().default(GIB)
    .describe("Memory of all objects together, heads and room that is lost to rounding included."),
});

function label() {
  return words(
    'a label of 1 to 128 letters, digits, "-", "_", ".", "/" and ":", not beginning with "."',
    (value) => /^[A-Za-z0-9_/:-][A-Za-z0-9._/:-]{0,127}$/.test(value) && !value.includes(".."),
  );
}

/** A file of the directory that the service manager has told. */
function credential() {
  return words(
    'the name of a credential: 1 to 128 letters, digits, "-" and "_"',
    (value) => /^[A-Za-z0-9_-]{1,128}$/.test(value),
  );
}

const encryptionSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Encrypt objects on disk."),
  provider: enumWord(["local", "openbao-transit"]).default("local")
    .describe("What encrypts: a key of this machine, or OpenBao's transit engine."),
  algorithm: enumWord(["aes-256-gcm", "xchacha20-poly1305"]).default("aes-256-gcm")
    .describe("Cipher of the local provider."),
  key_id: label().optional().describe("Name of the key, as each object records it."),
  key_file: filePath({ trustedParent: true }).optional()
    .describe("File with the key as 64 hexadecimal digits."),
  key_credential: credential().optional().describe("Name of a credential with the key."),
  openbao: z.strictObject({
    address: httpUrl().describe("Base of the API."),
    mount: label().describe("Mount of the transit engine."),
    key_name: label().describe("Name of the key in it."),
    token_file: filePath({ trustedParent: true }).optional().describe("File with the API token."),
    token_credential: credential().optional().describe("Name of a credential with the API token."),
    ca_file: filePath({ trustedParent: true }).optional().describe(
      "PEM file with the roots that the engine's certificate must lead to, in place of the platform's. " +
        "Ours, not in the 1.5 line.",
    ),
  }).optional().describe("OpenBao's transit engine."),
});

const diskSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Keep objects on disk."),
  backend: enumWord(["filesystem", "storage-bin"]).default("filesystem")
    .describe("Layout: a file an object, or large files with many objects."),
  path: filePath({ trustedParent: true }).optional()
    .describe("Directory of the cache. Required when enabled."),
  max_size_bytes: byteSize().default(10 * GIB).describe("Bytes of all objects on disk."),
  storage_bin: z.strictObject({
    bin_size_bytes: byteSize().default(256 * MIB).describe("Size of one file."),
    preallocate: z.boolean().default(false).describe("Reserve the space of a file at once."),
    max_open_bins: count({ min: 1 }).default(16).describe("Most files that are open."),
  }).prefault({}).describe("Settings of the layout `storage-bin`."),
  encryption: encryptionSchema.prefault({}).describe("Encryption of objects on disk."),
});

const peerSchema = z.strictObject({
  name: alias().describe("Name for logs, unique without regard to case."),
  base_url: httpUrl().describe("Scheme, host and port of the peer."),
});

/** `[cache]`, `[vhosts.cache]` and `[vhosts.routes.cache]`. */
export const cacheSchema = z.strictObject({
  preset: enumWord(["none", "wordpress"]).default("none")
    .describe("Adds what an application needs to be left out; see docs/cache.md."),
  enabled: z.boolean().default(false)
    .describe("Answer from a cache where that is allowed. Needs a tier that is enabled."),
  mode: enumWord(["assets", "rfc9111"]).default("assets").describe(
    "`assets`: paths with one of `extensions` and answers with one of `content_types`; `rfc9111`: everything " +
      "that the standard lets a shared cache store. Ours, not in the 1.5 line.",
  ),
  cache_status: z.boolean().default(false).describe(
    "Add `Cache-Status` (RFC 9211) to answers. Ours, not in the 1.5 line.",
  ),
  php: z.boolean().default(false)
    .describe("Cache answers of PHP by the same rules. Ours, not in the 1.5 line."),
  local_static: z.boolean().default(false).describe("Cache local static files, too."),
  status_header: headerName().optional()
    .describe("Header of answers that shows how the cache took part: `x-cache-status`."),
  status_reason_header: headerName().optional()
    .describe("Header of answers that shows why: `x-cache-reason`."),
  hide_response_headers: headerNames(64).default([])
    .describe("Headers of the upstream that are neither stored nor sent."),
  tag_headers: list(headerName(), { max: 64, unique: "nocase" })
    .default(["surrogate-key", "cache-tag", "x-cache-tags"])
    .describe("Headers of the upstream with tags to purge by."),
  methods: list(
    words("a method in upper case", (value) => isToken(value) && value === value.toUpperCase()),
    { min: 1, max: 16 },
  ).default(["GET", "HEAD"])
    .describe("Methods that can have a key. Answers to GET alone are stored."),
  extensions: list(extension, { min: 1, max: 128 }).optional()
    .describe(
      `Extensions of paths that may be cached; ${DEFAULT_EXTENSIONS.join(", ")} unless given.`,
    ),
  image_extensions: list(extension, { min: 1, max: 128 }).optional()
    .describe("Another name of `extensions`."),
  content_types: list(contentType, { min: 1, max: 64 }).default(CONTENT_TYPES)
    .describe("Media types of 200 answers that may be stored."),
  max_object_bytes: byteSize().default(32 * MIB).describe("Largest body that is stored."),

  bypass_path_prefixes: list(pathValue(), { max: 128 }).default([])
    .describe("Paths that begin so are not cached."),
  bypass_path_exact: list(pathValue(), { max: 128 }).default([])
    .describe("These paths are not cached."),
  bypass_request_headers: headerNames(64).default([])
    .describe("Requests with one of these headers are not cached."),
  bypass_request_header_values: values(headerName(), fieldValue, 64).default({})
    .describe("Requests whose header has this value are not cached."),
  bypass_cookie_names: list(cookieName, { max: 128 }).default([])
    .describe("Requests with one of these cookies are not cached."),
  bypass_cookie_name_prefixes: list(cookieName, { max: 128 }).default([])
    .describe("Requests with a cookie whose name begins so are not cached."),
  bypass_cookie_values: values(cookieName, cookieValue, 128).default({})
    .describe("Requests whose cookie has this value are not cached."),
  bypass_query: z.boolean().default(false).describe("Requests with a query are not cached."),
  bypass_query_params: list(queryName, { max: 128 }).default([])
    .describe("Requests with one of these parameters are not cached."),
  bypass_query_values: values(queryName, queryValue, 128).default({})
    .describe("Requests whose parameter has this value are not cached."),
  no_store_response_headers: headerNames(64).default([])
    .describe("Answers with one of these headers are not stored."),
  no_store_response_header_values: values(headerName(), fieldValue, 64).default({})
    .describe("Answers whose header has this value are not stored."),

  allow_client_cache_refresh: z.boolean().default(false)
    .describe("Let clients ask for a fresh copy with `no-cache` or `max-age=0`."),
  ignore_origin_cache_headers: z.boolean().default(false)
    .describe("Remove the upstream's `Cache-Control` and `Expires` before anything else."),
  status_ttls: z.record(statusCode, ttl()).refine((table) => Object.keys(table).length <= 128, {
    error: "must have at most 128 entries",
  }).default({}).describe("Lifetime by status; this also admits a status other than 200."),
  default_status_ttl_secs: ttl().optional()
    .describe("Lifetime of answers below 400 whose status is not in `status_ttls`."),
  stale_while_revalidate_secs: ttl().optional()
    .describe("How long after its end an object is served while it is fetched anew."),
  stale_if_error_secs: ttl().optional()
    .describe("How long after its end an object is served when fetching it fails."),
  stale_if_error_on: list(z.enum(ERROR_KINDS), { max: 9 }).default([...ERROR_KINDS])
    .describe("Failures that `stale_if_error_secs` is for."),
  stale_if_error_statuses: list(count({ min: 500, max: 599 }), { max: 100 }).default([])
    .describe("Statuses that count as `http-status`; every 5xx unless given."),
  min_uses: count({ min: 1 }).default(1)
    .describe("Which answer that may be stored is stored: the first, the second ..."),
  pass_uncacheable_after: count().default(0)
    .describe("After so many answers that may not be stored the cache is passed by; 0: never."),

  key_namespace: words(
    'a name of 1 to 128 letters, digits, "-", "_", "." and ":"',
    (value) => /^[A-Za-z0-9_.:-]{1,128}$/.test(value),
  ).optional().describe("Part of every key: another one leaves all old objects unused."),
  key_parts: list(z.enum(["method", "host", "path", "query"]), { min: 1, max: 4, unique: "exact" })
    .default(["method", "host", "path", "query"])
    .describe("What tells objects apart, beside scheme and port. `path` is required."),
  include_query: z.boolean().default(true)
    .describe("Whether the query tells objects apart."),
  vary_request_headers: list(headerName(), { max: 16 }).default([])
    .describe("Headers of requests that always tell objects apart."),

  range: rangeSchema.prefault({}).describe("Ranges and slices."),
  memory: memorySchema.prefault({}).describe("The memory tier."),
  disk: diskSchema.prefault({}).describe("The disk tier."),
  lock: z.strictObject({
    enabled: z.boolean().default(true).describe("Ask the upstream once for one object."),
    age_timeout_secs: secs().default(30)
      .describe("A fetch without progress for so long is taken for dead."),
    wait_timeout_secs: secs().default(30)
      .describe("How long a request waits for the fetch of another one."),
  }).prefault({}).describe("One fetch for one object, over all workers."),
  predictor: z.strictObject({
    enabled: z.boolean().default(false)
      .describe("Remember what the upstream does not allow to be stored."),
    capacity: count({ min: 1, max: 1_048_576 }).default(65_536).describe("Keys remembered."),
  }).prefault({}).describe("Predictions of what cannot be stored."),
  origin_protection: z.strictObject({
    enabled: z.boolean().default(false)
      .describe("Bound how many fetches for the cache the upstream is asked for at once."),
    max_concurrent_fills: count({ min: 1, max: 1024 }).default(32).describe("That bound."),
  }).prefault({}).describe("Protection of the upstream."),
  peer_fill: z.strictObject({
    enabled: z.boolean().default(false).describe("Ask other gateways before the upstream."),
    connect_timeout_secs: secs({ max: 300 }).default(2).describe("Longest wait for a connection."),
    read_timeout_secs: secs({ max: 3600 }).default(10).describe("Longest wait for an answer."),
    max_object_bytes: byteSize().optional().describe("Largest answer that is accepted."),
    max_concurrent_requests: count({ min: 1, max: 1024 }).default(64)
      .describe("Most questions at once."),
    allow_insecure_http: z.boolean().default(false)
      .describe("Accept `http://` for peers that are not on this machine."),
    fail_open: z.boolean().default(true)
      .describe("Ask the upstream when no peer has the object; otherwise 504."),
    peers: list(peerSchema, { max: 32 }).default([]).describe("Peers, asked in this order."),
  }).prefault({}).describe("Filling from other gateways."),
}).superRefine(checkTable);

type RawCache = Omit<z.output<typeof cacheSchema>, never>;

function checkTable(raw: RawCache, context: z.RefinementCtx): void {
  const table = withPreset(raw);
  const refuse = (key: string, message: string, ...about: string[]) =>
    refuseKey(context, { key, message, about });
  if (table.extensions !== undefined && table.image_extensions !== undefined) {
    refuse(
      "image_extensions",
      "must not stand beside extensions, whose other name it is",
      "extensions",
    );
  }
  for (const [key, most] of LIMITED_LISTS) {
    if (table[key].length > most) {
      refuse("preset", `must leave ${key} at ${most} entries or fewer`, key);
    }
  }
  if (!table.key_parts.includes("path")) refuse("key_parts", 'must have "path"');
  for (const name of table.vary_request_headers) {
    if (SENSITIVE_FIELDS.includes(name)) {
      refuse("vary_request_headers", `must not have ${name}, which belongs to one client`);
    }
  }
  if (table.status_header !== undefined && table.status_header === table.status_reason_header) {
    refuse("status_reason_header", "must be another header than status_header", "status_header");
  }
  if (table.stale_if_error_secs !== undefined && table.stale_if_error_on.length === 0) {
    refuse(
      "stale_if_error_on",
      "must not be empty with stale_if_error_secs",
      "stale_if_error_secs",
    );
  }
  if (table.memory.enabled && table.memory.max_size_bytes < table.max_object_bytes) {
    refuse("memory", "must have a max_size_bytes of at least max_object_bytes", "max_object_bytes");
  }
  if (table.disk.enabled && table.disk.path === undefined) {
    refuse("disk", "must have a path when enabled");
  }
  if (table.disk.enabled && table.disk.max_size_bytes < table.max_object_bytes) {
    refuse("disk", "must have a max_size_bytes of at least max_object_bytes", "max_object_bytes");
  }
  if (table.enabled && !table.memory.enabled && !table.disk.enabled) {
    refuse(
      "enabled",
      "must be false unless memory.enabled or disk.enabled is true",
      "memory",
      "disk",
    );
  }
  if (table.origin_protection.enabled && !table.enabled) {
    refuse("origin_protection", "must be off where enabled is false", "enabled");
  }
  checkRange(table, refuse);
  if (table.peer_fill.enabled) checkPeers(table, refuse);
  if (table.disk.enabled) checkDisk(table, refuse);
}

function checkDisk(
  { disk, max_object_bytes }: RawCache,
  refuse: (key: string, message: string, ...about: string[]) => void,
): void {
  const { bin_size_bytes } = disk.storage_bin;
  if (disk.backend === "storage-bin") {
    if (bin_size_bytes < max_object_bytes) {
      refuse("disk.storage_bin.bin_size_bytes", "must be at least max_object_bytes");
    }
    if (bin_size_bytes > disk.max_size_bytes) {
      refuse("disk.storage_bin.bin_size_bytes", "must be at most disk.max_size_bytes");
    }
  }
  const { enabled, provider, algorithm, key_file, key_credential, openbao } = disk.encryption;
  if (!enabled) return;
  if (algorithm !== "aes-256-gcm") {
    refuse("disk.encryption.algorithm", "must be aes-256-gcm: no other one is supported");
  }
  const sources = [key_file, key_credential].filter((source) => source !== undefined).length;
  if (provider === "local") {
    if (sources !== 1) {
      refuse("disk.encryption", "must have either key_file or key_credential");
    }
    if (openbao !== undefined) {
      refuse("disk.encryption.openbao", 'must not be there with provider = "local"');
    }
    return;
  }
  if (sources > 0) {
    refuse("disk.encryption", 'must have no key of its own with provider = "openbao-transit"');
  }
  if (openbao === undefined) {
    return refuse("disk.encryption", 'must have a table openbao with provider = "openbao-transit"');
  }
  const { address, token_file, token_credential } = openbao;
  if ((token_file === undefined) === (token_credential === undefined)) {
    refuse("disk.encryption.openbao", "must have either token_file or token_credential");
  }
  const isLoopback = /^http:\/\/(?:127\.0\.0\.1|\[::1\])(?::|\/|$)/.test(address);
  if (!address.startsWith("https://") && !isLoopback) {
    refuse(
      "disk.encryption.openbao.address",
      "must be https, or http to 127.0.0.1 or [::1]",
    );
  }
}

function checkPeers(
  { enabled, peer_fill }: RawCache,
  refuse: (key: string, message: string, ...about: string[]) => void,
): void {
  const { peers, allow_insecure_http } = peer_fill;
  if (!enabled) refuse("peer_fill", "must be off where enabled is false", "enabled");
  if (peers.length === 0) refuse("peer_fill.peers", "must have a peer");
  const names = new Set<string>();
  const urls = new Set<string>();
  for (const { name, base_url } of peers) {
    const match = /^(https?):\/\/(\[[^\]]+\]|[^/:]+):[0-9]+\/?$/i.exec(base_url);
    if (match === null) {
      refuse("peer_fill.peers", `must have a base_url of scheme, host and port: ${name}`);
    } else if (match[1].toLowerCase() === "http" && !allow_insecure_http && !isLoopback(match[2])) {
      refuse(
        "peer_fill.peers",
        `must be https, unless allow_insecure_http is true or the peer is on this machine: ${name}`,
      );
    }
    if (names.has(name.toLowerCase())) refuse("peer_fill.peers", `has the name ${name} twice`);
    const url = base_url.toLowerCase().replace(/\/$/, "");
    if (urls.has(url)) refuse("peer_fill.peers", `has the base_url of ${name} twice`);
    names.add(name.toLowerCase());
    urls.add(url);
  }
}

function isLoopback(host: string): boolean {
  return host === "[::1]" || /^127\.[0-9]+\.[0-9]+\.[0-9]+$/.test(host) || host === "localhost";
}

function checkRange(
  { range, max_object_bytes }: RawCache,
  refuse: (key: string, message: string, ...about: string[]) => void,
): void {
  const { slice, max_bytes } = range;
  if (slice.enabled && !range.enabled) {
    refuse("range", "must have enabled = true for slice.enabled");
  }
  if (slice.size_bytes > max_object_bytes && slice.enabled) {
    refuse("range", "must have a slice.size_bytes of at most max_object_bytes", "max_object_bytes");
  }
  if (!range.enabled) return;
  const most = slice.enabled ? slice.size_bytes * slice.max_slices : max_object_bytes;
  if (max_bytes > most) {
    const bound = slice.enabled ? "slice.size_bytes times slice.max_slices" : "max_object_bytes";
    refuse("range", `must have a max_bytes of at most ${bound}`, "max_object_bytes");
  }
}

const LIMITED_LISTS = [
  ["bypass_path_prefixes", 128],
  ["bypass_path_exact", 128],
  ["bypass_request_headers", 64],
  ["bypass_cookie_name_prefixes", 128],
  ["bypass_query_params", 128],
] as const;

/** `[cache_purger]`. */
export const purgerSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Remove expired objects from disk."),
  interval_secs: secs().default(300).describe("Pause between runs."),
  limit: count({ min: 1, max: 100_000 }).default(512).describe("Objects looked at in a batch."),
  batches: count({ min: 1, max: 100 }).default(1).describe("Batches of a policy in a run."),
});

/** A checked `cache` table. */
export type CacheConfig = Frozen<z.output<typeof cacheSchema>>;

declare module "../../config/types.ts" {
  interface RootTables {
    readonly cache?: CacheConfig;
    readonly cache_purger?: Frozen<z.output<typeof purgerSchema>>;
  }
  interface VhostTables {
    readonly cache?: CacheConfig;
  }
  interface RouteTables {
    readonly cache?: CacheConfig;
  }
}
