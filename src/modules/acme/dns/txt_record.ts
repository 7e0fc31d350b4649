/** The TXT record that proves a name by DNS-01 (RFC 8555 section 8.4). @module */
import { createHash } from "node:crypto";

/** One value of a name. Other values of the same name are others'. */
export interface TxtRecord {
  /** With the dot at its end. */
  readonly name: string;
  readonly value: string;
}

/** The record for a challenge. */
export function recordOf(domain: string, keyAuthorization: string): TxtRecord {
  return {
    name: `_acme-challenge.${domain.replace(/^\*\./, "")}.`,
    value: createHash("sha256").update(keyAuthorization).digest("base64url"),
  };
}
