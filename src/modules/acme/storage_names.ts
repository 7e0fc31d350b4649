/**
 * Names of files below `tls.acme.storage` (spec 05 section 6.5), the same byte for byte as those of 1.5, so
 * that its stores keep working.
 *
 * @module
 */
import { createHash } from "node:crypto";

const MAX_SEGMENT_CHARS = 48;
const DIGEST_HEX_DIGITS = 16;
const MAX_TOKEN_BYTES = 256;

/** Directory name for a vhost, an issuer or a domain. */
export function segmentOf(name: string): string {
  const readable = name.trim().toLowerCase()
    .replace(/[^a-z0-9._-]/gu, "-")
    .replace(/-+/g, "-")
    .slice(0, MAX_SEGMENT_CHARS)
    .replace(/^[._-]+|[._-]+$/g, "");
  const digest = createHash("sha256").update(name).digest("hex").slice(0, DIGEST_HEX_DIGITS);
  return `${readable === "" ? "vhost" : readable}-${digest}`;
}

/** Whether `token` may be the name of a challenge file: 1 to 256 of `A-Z a-z 0-9 _ -`. */
export function isToken(token: string): boolean {
  return token.length <= MAX_TOKEN_BYTES && /^[A-Za-z0-9_-]+$/.test(token);
}
