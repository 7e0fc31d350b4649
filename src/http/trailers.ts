/**
 * Fields that may follow a body. RFC 9110 section 6.5.1.
 *
 * @module
 */

/**
 * Names of fields that frame or route a message, speak of its connection, say who asks, change what is asked
 * for, or say how to read the content: too late after its body.
 */
const TOO_LATE: ReadonlySet<string> = new Set([
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "host",
  "http2-settings",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "keep-alive",
  "location",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "retry-after",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "www-authenticate",
]);

/**
 * Whether a trailer field is passed on. One that is not is dropped: a recipient that takes trailers for
 * heads must not take another length, or another host, from them.
 *
 * @param name In lower case.
 */
export function mayTrail(name: string): boolean {
  // Applications that get fields as variables read `content_length` and `content-length` alike.
  return !TOO_LATE.has(name.includes("_") ? name.replaceAll("_", "-") : name);
}
