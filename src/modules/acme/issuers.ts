/** Issuers that are known without configuration (spec 05 section 6.3). @module */

import type { Terms } from "./terms.ts";

/** Where a secret is. */
export interface SecretSource {
  readonly kind: "env" | "file" | "credential";
  /** Of the variable or credential, or the path. */
  readonly name: string;
}

/** An issuer of certificates. */
export interface Issuer {
  readonly name: string;
  readonly directoryUrl: string;
  /** Path of the authorities to verify it by, unless those of the system. */
  readonly caBundle?: string;
  /** What was said of its terms of service; those of built-in ones are agreed to. */
  readonly terms?: Terms;
  /** Its external account binding, where it needs one. */
  readonly eab?: { readonly keyId: SecretSource; readonly hmacKey: SecretSource };
}

/** In effect unless `[[tls.acme.issuers]]` names any. */
export const BUILT_IN_ISSUERS: readonly Issuer[] = [
  {
    name: "letsencrypt",
    directoryUrl: "https://acme-v02.api.letsencrypt.org/directory",
  },
  {
    name: "letsencrypt-staging",
    directoryUrl: "https://acme-staging-v02.api.letsencrypt.org/directory",
  },
  {
    name: "actalis",
    directoryUrl: "https://acme-api.actalis.com/acme/directory",
    eab: bindingOf("ACTALIS"),
  },
  {
    name: "google-trust-services",
    directoryUrl: "https://dv.acme-v02.api.pki.goog/directory",
    eab: bindingOf("GTS"),
  },
  {
    name: "google-trust-services-staging",
    directoryUrl: "https://dv.acme-v02.test-api.pki.goog/directory",
    eab: bindingOf("GTS_STAGING"),
  },
];

function bindingOf(issuer: string) {
  return {
    keyId: { kind: "env", name: `FLUXHEIM_${issuer}_EAB_KID` },
    hmacKey: { kind: "env", name: `FLUXHEIM_${issuer}_EAB_HMAC_KEY` },
  } as const;
}

/** Largest secret of an external account binding. */
const MAX_SECRET_BYTES = 4096;

/**
 * Decodes an HMAC key: base64url without padding, with it, base64 without, with it.
 *
 * @returns `undefined` for any other text, and for text that is empty or too long.
 */
export function decodeHmacKey(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.length > MAX_SECRET_BYTES) return undefined;
  const bare = trimmed.replace(/={1,2}$/, "");
  if (bare !== trimmed && trimmed.length % 4 !== 0) return undefined;
  const isUrl = /^[A-Za-z0-9_-]+$/.test(bare);
  if (!isUrl && !/^[A-Za-z0-9+/]+$/.test(bare)) return undefined;
  if (bare.length % 4 === 1) return undefined;
  const binary = atob(bare.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
