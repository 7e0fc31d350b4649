/** The token of a request, and the fingerprint that a TLS terminator names (spec 06 part A2). @module */
import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { HttpExchange } from "../../../http/exchange.ts";
import type { AdminConfig } from "../schema.ts";
import { MAX_TOKEN_BYTES } from "../table.ts";

const SCHEME = "Bearer ";
const FINGERPRINT = /^[0-9a-f]{64}$/;

/** The token that is asked for; kept as a keyed digest alone. */
export class Token {
  readonly #key = randomBytes(32);
  #digest: Uint8Array;
  #length: number;

  constructor(token: string) {
    const octets = Buffer.from(token);
    this.#digest = this.#digestOf(octets);
    this.#length = octets.length;
  }

  /** Asks for another one from now on. */
  replace(token: string): void {
    const octets = Buffer.from(token);
    this.#digest = this.#digestOf(octets);
    this.#length = octets.length;
  }

  /** Whether a request has it; takes the same time whatever is wrong with it. */
  isIn({ request }: HttpExchange): boolean {
    const fields = request.all("authorization");
    const value = fields.length === 1 ? fields[0] : "";
    const sent = value.startsWith(SCHEME) && value.length <= SCHEME.length + MAX_TOKEN_BYTES
      ? value.slice(SCHEME.length)
      : "";
    // A field has octets; those of the token are UTF-8, and a blank of Latin-1 may be part of one.
    const octets = Buffer.from(sent.replace(/^[ \t]+|[ \t]+$/g, ""), "latin1");
    const same = timingSafeEqual(this.#digestOf(octets), this.#digest);
    return same && octets.length === this.#length;
  }

  #digestOf(octets: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#key).update(octets).digest();
  }
}

/** Why a request is refused by its client certificate; `undefined` when it is not. */
export function certificateRefusal(
  { request }: HttpExchange,
  { required, sha256_header, allow_sha256, deny_sha256 }: AdminConfig["client_certificate"],
): "admin_client_certificate_required" | "admin_client_certificate_denied" | undefined {
  if (!required && allow_sha256.length === 0 && deny_sha256.length === 0) return undefined;
  const values = request.all(sha256_header);
  if (values.length === 0) {
    return required || allow_sha256.length > 0 ? "admin_client_certificate_required" : undefined;
  }
  const fingerprint = values[0].trim().toLowerCase();
  const isWell = values.length === 1 && FINGERPRINT.test(fingerprint);
  if (!isWell || deny_sha256.includes(fingerprint)) return "admin_client_certificate_denied";
  return allow_sha256.length === 0 || allow_sha256.includes(fingerprint)
    ? undefined
    : "admin_client_certificate_denied";
}
