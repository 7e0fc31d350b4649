/**
 * Public keys of a file: a JSON Web Key Set (RFC 7517), or one key in PEM. The algorithm belongs to the key and
 * never to the token (RFC 8725 section 3.1).
 *
 * @module
 */
import { createPublicKey } from "node:crypto";
import { Buffer } from "node:buffer";

const MAX_KEYS = 64;
const MIN_RSA_BITS = 2048;

/** Algorithms of signatures that are verified. */
export type SignatureAlgorithm = "RS256" | "ES256" | "EdDSA";

/** A key, with the one algorithm that it verifies. */
export interface VerifyingKey {
  readonly jwk: Readonly<Record<string, string>>;
  readonly algorithm: SignatureAlgorithm;
  readonly id: string | undefined;
}

/** The keys of a file, or what is wrong with it as the rest of a sentence. Nothing of the file is in it. */
export function readKeys(bytes: Uint8Array): readonly VerifyingKey[] | string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
  } catch {
    return "is not text";
  }
  if (text.startsWith("-----BEGIN")) {
    const key = ofPem(text);
    return typeof key === "string" ? key : [key];
  }
  return ofSet(text);
}

function ofPem(text: string): VerifyingKey | string {
  if (!text.startsWith("-----BEGIN PUBLIC KEY-----")) {
    return "must be a public key in PEM, or a JSON Web Key Set";
  }
  try {
    return verifying(createPublicKey(text).export({ format: "jwk" }));
  } catch {
    return "has a PEM block that is not a public key";
  }
}

function ofSet(text: string): readonly VerifyingKey[] | string {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return "is neither JSON nor PEM";
  }
  const keys: unknown = typeof set === "object" && set !== null
    ? Reflect.get(set, "keys")
    : undefined;
  if (!Array.isArray(keys)) return 'must be a JSON Web Key Set: { "keys": [...] }';
  if (keys.length > MAX_KEYS) return `must have at most ${MAX_KEYS} keys; it has ${keys.length}`;
  const found: VerifyingKey[] = [];
  for (const [index, key] of keys.entries()) {
    // Sets of issuers also have keys for encryption, which sign nothing.
    if (typeof key === "object" && key !== null && Reflect.get(key, "use") === "enc") continue;
    const read = verifying(key);
    if (typeof read === "string") return `has a key, number ${index + 1}, that ${read}`;
    found.push(read);
  }
  return found.length === 0 ? "must have a key that verifies signatures" : found;
}

/** @returns What is wrong with it, as the rest of a sentence, where it cannot be used. */
function verifying(key: unknown): VerifyingKey | string {
  if (typeof key !== "object" || key === null) return "must be a table";
  const get = (name: string): string | undefined => {
    const value: unknown = Reflect.get(key, name);
    return typeof value === "string" ? value : undefined;
  };
  if (get("d") !== undefined) return "must be public, and has its private part in it";
  const algorithm = algorithmOf(get("kty"), get("crv"));
  if (algorithm === undefined) return "must be RSA, EC with P-256, or OKP with Ed25519";
  const named = get("alg");
  if (named !== undefined && named !== algorithm) return `must have no alg but ${algorithm}`;
  const jwk: Record<string, string> = { alg: algorithm };
  for (const name of ["kty", "crv", "n", "e", "x", "y"]) {
    const value = get(name);
    if (value !== undefined) jwk[name] = value;
  }
  try {
    const { alg: _alg, ...material } = jwk;
    createPublicKey({ key: material, format: "jwk" });
  } catch {
    return "cannot be read";
  }
  const bits = Buffer.from(jwk.n ?? "", "base64url").length * 8;
  if (algorithm === "RS256" && bits < MIN_RSA_BITS) return `must have ${MIN_RSA_BITS} bits or more`;
  return { jwk, algorithm, id: get("kid") };
}

function algorithmOf(
  type: string | undefined,
  curve: string | undefined,
): SignatureAlgorithm | undefined {
  if (type === "RSA") return "RS256";
  if (type === "EC" && curve === "P-256") return "ES256";
  return type === "OKP" && curve === "Ed25519" ? "EdDSA" : undefined;
}
