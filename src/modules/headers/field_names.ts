/**
 * Names with a meaning of their own in the header policy (spec 02 section 6.1, spec 01 section 3.4).
 *
 * @module
 */

/** What gateways write down about a client, and clients make up. */
export const CLIENT_ADDRESS_FIELDS: readonly string[] = [
  "x-forwarded-for",
  "x-real-ip",
  "forwarded",
  "cf-connecting-ip",
  "true-client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "fastly-client-ip",
];

/** Fields of one connection; the codecs write their own. */
export const HOP_BY_HOP_FIELDS: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/**
 * Request fields that are lists: several lines mean the same as one with commas, and are sent as one.
 * At most 29, because each has a bit of a mask.
 */
export const LIST_FIELDS: readonly string[] = [
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "access-control-request-headers",
  "cache-control",
  "forwarded",
  "if-match",
  "if-none-match",
  "pragma",
  "prefer",
  "sec-websocket-extensions",
  "sec-websocket-protocol",
  "tracestate",
  "warning",
  "x-forwarded-for",
];

/**
 * `name` as it is usually spelled: with `-` for `_` and `.`. Applications that get fields as variables (CGI,
 * FastCGI, WSGI) read these spellings alike, `X_User` and `X.User` as `HTTP_X_USER`, so the owner of one owns
 * the others.
 */
export function dashed(name: string): string {
  return name.replaceAll("_", "-").replaceAll(".", "-");
}

/** Whether a name may be another one in disguise, for {@linkcode dashed} to show. */
export function mayBeDisguised(name: string): boolean {
  return name.includes("_") || name.includes(".");
}

/** What this gateway writes into `Via` and `Server`. */
export const VIA = "1.1 fluxheim";
export const SERVER = "fluxheim";
