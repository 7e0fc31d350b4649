/**
 * The static table of RFC 7541 appendix A.
 *
 * @module
 */

/** Name and value of each entry; index 1 of the RFC is at 0. */
export const STATIC_TABLE: readonly (readonly [name: string, value: string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** How many entries there are: dynamic indices begin one after it. */
export const STATIC_SIZE = STATIC_TABLE.length;

/** The static entries that share one name. */
export interface StaticName {
  /** The first index with this name, from 1. */
  readonly index: number;
  /** The values that have an index of their own, and those indices; most names have none. */
  readonly values: readonly string[];
  readonly indices: readonly number[];
}

/** Static entries by name, for the encoder. */
export const STATIC_NAMES: ReadonlyMap<string, StaticName> = collectNames();

function collectNames(): Map<string, StaticName> {
  const names = new Map<string, { index: number; values: string[]; indices: number[] }>();
  STATIC_TABLE.forEach(([name, value], at) => {
    let known = names.get(name);
    if (known === undefined) {
      known = { index: at + 1, values: [], indices: [] };
      names.set(name, known);
    }
    if (value === "") return;
    known.values.push(value);
    known.indices.push(at + 1);
  });
  return names;
}
