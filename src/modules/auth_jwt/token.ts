/** The one token of a request. @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";

/** Longest token that is looked at. */
const MAX_TOKEN_BYTES = 4096;

const BEARER = /^bearer +([A-Za-z0-9_.-]+)$/i;
/** Three parts in base64url (RFC 7515 section 3.1). */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * The token of `Authorization`, or of a cookie where there is no such field.
 *
 * @returns `undefined` where there is none; `"broken"` for what cannot be a token, and for more than one.
 */
export function tokenOf({ request }: Exchange, cookie: string | undefined): string | undefined {
  const count = request.count("authorization");
  // One of two would be checked, and another one believed by the application.
  if (count > 1) return BROKEN;
  if (count === 1) return checked(BEARER.exec(request.get("authorization") ?? "")?.[1]);
  if (cookie === undefined) return undefined;
  const values = (request.joined("cookie", "; ") ?? "").split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${cookie}=`));
  if (values.length === 0) return undefined;
  return values.length > 1 ? BROKEN : checked(values[0].slice(cookie.length + 1));
}

/** What is there and cannot be a token. */
export const BROKEN = "broken";

function checked(token: string | undefined): string {
  return token !== undefined && token.length <= MAX_TOKEN_BYTES && COMPACT.test(token)
    ? token
    : BROKEN;
}
