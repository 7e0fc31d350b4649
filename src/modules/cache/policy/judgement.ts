/** An answer as it is judged, and what comes of it (spec 04 section 5.2). @module */
import type { Fields } from "../../../http/fields.ts";
import type { ByteRange } from "../../../http/content/ranges.ts";
import type { VaryRefusal } from "../key/vary.ts";
import type { Freshness, FreshnessRules } from "./freshness.ts";

/** What a cache table says about statuses, types and fields. */
export interface ByStatus {
  /** Whole media types, and beginnings that end with `/`. */
  readonly types: ReadonlySet<string>;
  readonly typePrefixes: readonly string[];
  readonly noStoreHeaders: ReadonlySet<string>;
  readonly noStoreValues: ReadonlyMap<string, string>;
}

/** The rules of admission. */
export interface AdmissionRules extends FreshnessRules, ByStatus {
  readonly hidden: ReadonlySet<string>;
  readonly vary: readonly string[];
  readonly maxObjectBytes: number;
  readonly config: { readonly ignore_origin_cache_headers: boolean };
}

/** An answer, and what is known of its request. */
export interface Arrived {
  readonly status: number;
  /** Changed in place: see `admit`. */
  readonly fields: Fields;
  /** Bytes of the body, where the framing says so. */
  readonly length: number | undefined;
  readonly hasBody: boolean;
  readonly delaySecs: number;
  /** Extension of the path, lower case. */
  readonly extension: string;
  /** Fields that the gateway makes for each request. */
  readonly perRequest: ReadonlySet<string>;
  /** The part that was asked for by its positions, both inclusive; `undefined` for the whole. */
  readonly part?: ByteRange | undefined;
}

/** Why an answer is not stored. */
export type Rejection =
  | VaryRefusal
  | "range-cache-non-partial"
  | "range-cache-content-range"
  | "range-cache-content-length"
  | "range-response"
  | "status-not-cacheable"
  | "content-type-missing"
  | "content-type-not-cacheable"
  | "set-cookie"
  | "configured-no-store-response-header"
  | "configured-no-store-response-header-value"
  | "cache-control-invalid"
  | "cache-control-no-store"
  | "cache-control-private"
  | "cache-control-no-cache"
  | "cache-control-zero-freshness"
  | "OriginNotCache"
  | "zero-freshness"
  | "empty-body"
  | "ResponseTooLarge";

/** An answer that may be stored. */
export interface Admitted extends Freshness {
  readonly lifetimeSecs: number;
  readonly vary: readonly string[];
  /** Fields that are sent on and not stored. */
  readonly withheld?: readonly string[];
}
