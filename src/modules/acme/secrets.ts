/** Secrets of external account bindings (spec 05 section 6.3): read when an account is made, and never before. @module */
import { credentialPaths } from "../../gateway/threads/credentials.ts";
import { decodeHmacKey, type Issuer, type SecretSource } from "./issuers.ts";
import { readIfThere } from "./store/files.ts";

const MAX_SECRET_BYTES = 4096;

/** Paths at which a secret may be. */
export function secretPaths({ kind, name }: SecretSource): readonly string[] {
  if (kind === "env") return [];
  return kind === "file" ? [name] : credentialPaths(name);
}

/**
 * The binding of an issuer.
 *
 * @throws {Error} When it cannot be had, without a word of it.
 */
export function readBinding({ keyId, hmacKey }: NonNullable<Issuer["eab"]>) {
  const id = readSecret(keyId, "the key identifier");
  const key = decodeHmacKey(readSecret(hmacKey, "the HMAC key"));
  if (key === undefined) throw new Error(`the HMAC key ${placeOf(hmacKey)} is not base64`);
  return { keyId: id, hmacKey: key };
}

function readSecret(source: SecretSource, what: string): string {
  const text = textOf(source)?.trim() ?? "";
  if (text === "" || text.length > MAX_SECRET_BYTES) {
    throw new Error(`${what} of its external account binding is not ${placeOf(source)}`);
  }
  return text;
}

function textOf(source: SecretSource): string | undefined {
  if (source.kind === "env") return Deno.env.get(source.name);
  for (const path of secretPaths(source)) {
    const content = readIfThere(path, MAX_SECRET_BYTES + 2);
    if (content !== undefined) return new TextDecoder().decode(content);
  }
  return undefined;
}

function placeOf(source: SecretSource): string {
  return source.kind === "env"
    ? `in the environment variable ${source.name}`
    : `in ${secretPaths(source).join(" or ")}`;
}
