/**
 * JSON Web Signatures as ACME uses them (RFC 8555 section 6.2, RFC 7515): keys of accounts, and requests that they
 * sign.
 *
 * @module
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { Buffer } from "node:buffer";

/** A message and its signature. */
export interface Jws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

/** Fields of a protected header beside the algorithm. */
export type JwsHeader = Readonly<Record<string, unknown>>;

/** The key of an account: ECDSA on P-256, or RSA in a store that another program has made. */
export class AccountKey {
  readonly #key: KeyObject;
  readonly #isRsa: boolean;
  /** The public key. */
  readonly jwk: Readonly<Record<string, string>>;

  /** @throws {Error} For a key of another kind. */
  constructor(key: KeyObject) {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
    this.#isRsa = type === "rsa";
    if (!this.#isRsa && !(type === "ec" && details?.namedCurve === "prime256v1")) {
      throw new Error("the key of the account is neither ECDSA on P-256 nor RSA");
    }
    this.#key = key;
    const { kty = "", crv = "", x = "", y = "", e = "", n = "" } = createPublicKey(key).export({
      format: "jwk",
    });
    // In the order of RFC 7638, which the thumbprint is taken of.
    this.jwk = this.#isRsa ? { e, kty, n } : { crv, kty, x, y };
  }

  /** A new one. */
  static generate(): AccountKey {
    return new AccountKey(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
  }

  /** @param pkcs8 DER, in base64url. */
  static of(pkcs8: string): AccountKey {
    const der = Buffer.from(pkcs8, "base64url");
    return new AccountKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  }

  /** PKCS #8, DER in base64url. */
  get pkcs8(): string {
    return this.#key.export({ format: "der", type: "pkcs8" }).toString("base64url");
  }

  /** RFC 7638. */
  get thumbprint(): string {
    return createHash("sha256").update(JSON.stringify(this.jwk)).digest("base64url");
  }

  /** @param payload Of the message; `""` asks for a resource without changing it. */
  sign(header: JwsHeader, payload: unknown): Jws {
    const head = encoded({ alg: this.#isRsa ? "RS256" : "ES256", ...header });
    const body = payload === "" ? "" : encoded(payload);
    const data = Buffer.from(`${head}.${body}`);
    const signature = this.#isRsa
      ? sign("sha256", data, this.#key)
      : sign("sha256", data, { key: this.#key, dsaEncoding: "ieee-p1363" });
    return { protected: head, payload: body, signature: signature.toString("base64url") };
  }
}

/** Binds an account to one that the issuer knows already (RFC 8555 section 7.3.4). */
export function bindingOf(
  key: AccountKey,
  { keyId, hmacKey }: { readonly keyId: string; readonly hmacKey: Uint8Array },
  url: string,
): Jws {
  const head = encoded({ alg: "HS256", kid: keyId, url });
  const payload = encoded(key.jwk);
  const signature = createHmac("sha256", hmacKey).update(`${head}.${payload}`).digest("base64url");
  return { protected: head, payload, signature };
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
