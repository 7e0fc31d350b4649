/**
 * Request fields that have one value and so may come once (RFC 9110 section 5.3). Applications disagree on
 * which of two counts: an auth service that reads the first and an application that reads the last see two
 * different clients in one request.
 *
 * @module
 */
import type { HeadFault } from "./exchange.ts";
import type { ReadonlyFields } from "./fields.ts";

const CONTENT_TYPE = 1;

/**
 * The bit of a field that may come once, 0 for others. By length first: this is asked of every field of every
 * head. Fields that clients in use repeat, such as `Range` or `User-Agent`, and that decide nothing about who
 * asks or what a body is, are not among them; `Host` and `Content-Length` are the codecs' own.
 */
function bitOf(name: string): number {
  switch (name.length) {
    case 6:
      return name === "origin" ? 2 : 0;
    case 8:
      return name === "if-range" ? 4 : 0;
    case 12:
      return name === "content-type" ? CONTENT_TYPE : 0;
    case 13:
      return name === "authorization" ? 8 : name === "content-range" ? 16 : 0;
    case 17:
      return name === "if-modified-since" ? 32 : 0;
    case 19:
      return name === "if-unmodified-since" ? 64 : 0;
    default:
      return 0;
  }
}

/**
 * 400 for a request in which a field of one value comes twice. `Content-Type` is known to be sent twice by
 * mistake (RFC 9110 section 8.3): as long as both say the same there is nothing to disagree on.
 */
export function repeatedSingleton(fields: ReadonlyFields): HeadFault | undefined {
  const { names, values } = fields;
  let seen = 0;
  for (let i = 0; i < names.length; i++) {
    const bit = bitOf(names[i]);
    if (bit === 0) continue;
    if ((seen & bit) === 0) seen |= bit;
    else if (bit !== CONTENT_TYPE || values[i] !== fields.get("content-type")) {
      return { status: 400, reason: `there are two of ${names[i]}` };
    }
  }
  return undefined;
}
