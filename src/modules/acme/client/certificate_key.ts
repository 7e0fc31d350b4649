/** Keys of certificates: made, and kept with an order that is under way. @module */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { Buffer } from "node:buffer";

/** Kinds of keys that a certificate can be for. */
export type KeyType = "p256" | "p384" | "rsa2048" | "rsa3072" | "rsa4096";

/** A new key. */
export function newKey(type: KeyType): KeyObject {
  switch (type) {
    case "p256":
      return generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
    case "p384":
      return generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
    default:
      return generateKeyPairSync("rsa", { modulusLength: Number(type.slice(3)) }).privateKey;
  }
}

/** A key as text: PKCS #8, DER in base64url. */
export function keyText(key: KeyObject): string {
  return key.export({ format: "der", type: "pkcs8" }).toString("base64url");
}

/**
 * The key in what {@linkcode keyText} has written.
 *
 * @throws {Error} For any other text.
 */
export function keyIn(text: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(text, "base64url"), format: "der", type: "pkcs8" });
}
