/**
 * Whether a token is signed by one of the keys of a file and holds now, by the library `jose`. What holds is
 * remembered for a while, by a keyed digest and never by the token.
 *
 * @module
 */
import { createHmac, randomBytes } from "node:crypto";
import { createLocalJWKSet, type JWTPayload, jwtVerify } from "jose";
import type { ReadonlyFields } from "../../http/fields.ts";
import type { VerifyingKey } from "./keys.ts";
import type { TokenRules } from "./table.ts";

/** Tokens that are remembered; the oldest makes room. */
const MAX_KNOWN = 4096;
/** How long, in milliseconds, and never longer than a token holds. */
const HOLD_MS = 60_000;

/** A token that holds. */
export interface Known {
  readonly claims: JWTPayload;
  /** By the clock of the worker. */
  readonly until: number;
}

/** The verifier of one table. */
export class Verifier {
  readonly #keys: ReturnType<typeof createLocalJWKSet>;
  readonly #options: Parameters<typeof jwtVerify>[2];
  readonly #leewaySecs: number;
  readonly #digestKey = randomBytes(32);
  readonly #known = new Map<string, Known>();
  /** By the fields of a head that repeats on its connection. */
  readonly #repeated = new WeakMap<ReadonlyFields, Known>();

  constructor(rules: TokenRules, keys: readonly VerifyingKey[]) {
    this.#keys = createLocalJWKSet({
      keys: keys.map(({ jwk, id }) => ({
        ...jwk,
        kty: jwk.kty,
        ...(id === undefined ? {} : { kid: id }),
      })),
    });
    this.#leewaySecs = rules.leeway_secs;
    this.#options = {
      // Of the keys, so that no token chooses another: a public key is never a secret of HMAC.
      algorithms: [...new Set(keys.map(({ algorithm }) => algorithm))],
      clockTolerance: rules.leeway_secs,
      requiredClaims: ["exp"],
      ...(rules.issuers.length === 0 ? {} : { issuer: [...rules.issuers] }),
      ...(rules.audiences.length === 0 ? {} : { audience: [...rules.audiences] }),
    };
  }

  /** A head that was seen before. */
  ofRepeated(fields: ReadonlyFields, now: number): Known | undefined {
    return current(this.#repeated.get(fields), now);
  }

  /** A token that was verified before, or what verifies it; `undefined` comes of one that does not hold. */
  of(
    token: string,
    fields: ReadonlyFields,
    clock: { readonly now: number },
  ): Known | Promise<Known | undefined> {
    const digest = createHmac("sha256", this.#digestKey).update(token).digest("base64");
    const known = current(this.#known.get(digest), clock.now);
    if (known === undefined) return this.#verify(token, digest, clock);
    this.#repeated.set(fields, known);
    return known;
  }

  async #verify(
    token: string,
    digest: string,
    clock: { readonly now: number },
  ): Promise<Known | undefined> {
    let claims: JWTPayload;
    try {
      claims = (await jwtVerify(token, this.#keys, this.#options)).payload;
    } catch {
      // Whatever is wrong with it: a client that guesses learns nothing of why.
      return undefined;
    }
    const leftMs = (Number(claims.exp) + this.#leewaySecs) * 1000 - Date.now();
    const known = { claims, until: clock.now + Math.min(HOLD_MS, leftMs) };
    this.#known.delete(digest);
    this.#known.set(digest, known);
    if (this.#known.size > MAX_KNOWN) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest);
    }
    return known;
  }
}

function current(known: Known | undefined, now: number): Known | undefined {
  return known !== undefined && now < known.until ? known : undefined;
}
