/** The name and the password of a request (RFC 7617 section 2). @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { MAX_CREDENTIAL_BYTES } from "./table.ts";

const SCHEME = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

/** The one `Authorization` of a request; `undefined` where there is none, or more than one. */
export function authorizationOf({ request }: Exchange): string | undefined {
  const value = request.get("authorization");
  if (value === undefined || value.length > MAX_CREDENTIAL_BYTES) return undefined;
  // One of two would be checked, and another one believed by who is asked next.
  return request.count("authorization") === 1 ? value : undefined;
}

/** Name and password, split at the first colon, in UTF-8; `undefined` where they cannot be read. */
export function credentialsIn(
  authorization: string,
): { readonly user: string; readonly password: string } | undefined {
  const encoded = SCHEME.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const colon = text.indexOf(":");
    // bcrypt ends a password at a NUL.
    if (colon < 1 || text.includes("\0")) return undefined;
    return { user: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch {
    return undefined;
  }
}
