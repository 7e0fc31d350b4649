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

/** One common name as bytes. */
interface Known {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Common names by length and first letter, at `slot`; hardly any slot has more than two. */
const KNOWN: (readonly Known[] | undefined)[] = [];
for (const name of COMMON) {
  const bytes = new TextEncoder().encode(name);
  const at = slot(bytes.length, bytes[0]);
  KNOWN[at] = [...KNOWN[at] ?? [], { name, bytes }];
}

function slot(length: number, first: number): number {
  return length * 32 + (first & 31);
}

const METHODS: readonly Known[] = [
  "GET",
  "POST",
  "HEAD",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "CONNECT",
  "TRACE",
].map((name) => ({ name, bytes: new TextEncoder().encode(name) }));

/**
 * The field name in `bytes[start, end)`, which is a token, in lower case; the shared string where the name
 * is a common one. `text` is the same bytes from `textStart` on, as characters.
 */
export function fieldName(
  bytes: Uint8Array,
  start: number,
  end: number,
  text: string,
  textStart: number,
): string {
  const candidates = KNOWN[slot(end - start, bytes[start])];
  if (candidates !== undefined) {
    for (let i = 0; i < candidates.length; i++) {
      if (isSame(bytes, start, candidates[i].bytes)) return candidates[i].name;
    }
  }
  return text.substring(start - textStart, end - textStart).toLowerCase();
}

/**
 * Whether the token at `start` is `name`, which is as long, but for case. Setting bit 5 lowers a letter,
 * leaves digits and `-` alone, and turns no other token character into one of those.
 */
function isSame(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    if ((bytes[start + i] | 32) !== name[i]) return false;
  }
  return true;
}

/**
 * The method in `bytes[start, end)`, which is a token; the shared string where it is a common one. Methods
 * are case-sensitive. `text` is the same bytes, as characters.
 */
export function methodName(bytes: Uint8Array, start: number, end: number, text: string): string {
  for (let i = 0; i < METHODS.length; i++) {
    const known = METHODS[i];
    if (known.bytes.length === end - start && isExactly(bytes, start, known.bytes)) {
      return known.name;
    }
  }
  return text.substring(0, end - start);
}

function isExactly(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    if (bytes[start + i] !== name[i]) return false;
  }
  return true;
}

/** The shared string of a common method; any other one as it is. */
export function sharedMethod(method: string): string {
  for (let i = 0; i < METHODS.length; i++) {
    if (METHODS[i].name === method) return METHODS[i].name;
  }
  return method;
}
