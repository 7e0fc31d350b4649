/**
 * Which fields may stand behind a body. RFC 9110 section 6.5.1.
 *
 * @module
 */

/** What frames or routes a message, or speaks of its connection, is too late behind its body. */
const TOO_LATE: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Whether a trailer field is passed on. One that is not is dropped: a recipient that takes trailers for
 * heads must not be told another length, or another host, by them.
 *
 * @param name In lower case.
 */
export function mayTrail(name: string): boolean {
  return !TOO_LATE.has(name);
}
