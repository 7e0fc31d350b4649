/**
 * Field names and methods met often, as shared strings: a name that is found here costs no new string,
 * and comparing it later is comparing a pointer.
 *
 * @module
 */

const COMMON = [
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "accept-ranges",
  "access-control-allow-origin",
  "access-control-request-headers",
  "access-control-request-method",
  "age",
  "allow",
  "alt-svc",
  "authorization",
  "cache-control",
  "connection",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-range",
  "content-security-policy",
  "content-type",
  "cookie",
  "date",
  "dnt",
  "etag",
  "expect",
  "expires",
  "forwarded",
  "from",
  "grpc-encoding",
  "grpc-message",
  "grpc-status",
  "grpc-timeout",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "keep-alive",
  "last-modified",
  "link",
  "location",
  "max-forwards",
  "origin",
  "pragma",
  "priority",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "referer",
  "referrer-policy",
  "refresh",
  "retry-after",
  "sec-ch-ua",
  "sec-ch-ua-mobile",
  "sec-ch-ua-platform",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "sec-fetch-user",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "server",
  "server-timing",
  "set-cookie",
  "strict-transport-security",
  "te",
  "trailer",
  "traceparent",
  "tracestate",
  "transfer-encoding",
  "upgrade",
  "upgrade-insecure-requests",
  "user-agent",
  "vary",
  "via",
  "warning",
  "www-authenticate",
  "x-content-type-options",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-frame-options",
  "x-powered-by",
  "x-real-ip",
  "x-request-id",
  "x-requested-with",
  "x-xss-protection",
] as const;

const KNOWN = new Map<string, string>();
for (const name of COMMON) {
  KNOWN.set(name, name);
  KNOWN.set(name.replace(/(^|-)[a-z]/g, (c) => c.toUpperCase()), name);
}
for (const [spelling, name] of [["ETag", "etag"], ["TE", "te"], ["DNT", "dnt"]]) {
  KNOWN.set(spelling, name);
}

const METHODS = new Map(
  ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"]
    .map((method) => [method, method]),
);

/** A field name in lower case; the shared string where the name is a common one. */
export function lowerName(name: string): string {
  return KNOWN.get(name) ?? name.toLowerCase();
}

/** A method; the shared string where it is a common one. Methods are case-sensitive. */
export function sharedMethod(method: string): string {
  return METHODS.get(method) ?? method;
}
