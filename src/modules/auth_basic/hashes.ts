/**
 * Hashes of passwords: which kinds there are, what they may cost, and whether a password has one.
 *
 * @module
 */
import { timingSafeEqual } from "node:crypto";
import { argon2Verify, bcryptVerify } from "hash-wasm";
import { sha512Crypt } from "./sha512_crypt.ts";

/** Most rounds of bcrypt, as its logarithm: about a second. */
const MAX_BCRYPT_COST = 13;
/** Most memory of argon2id in KiB, and most passes over it. */
const MAX_ARGON2_KIB = 64 * 1024;
const MAX_ARGON2_PASSES = 16;
const MAX_ARGON2_LANES = 4;
/** Most rounds of SHA-512 crypt. */
const MAX_SHA512_ROUNDS = 500_000;

const BCRYPT = /^\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const ARGON2ID =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,4}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}$/;
const SHA512 = /^\$6\$(?:rounds=(\d{4,9})\$)?([^$:]{1,16})\$[./A-Za-z0-9]{86}$/;

/** What is wrong with a hash, as the rest of a sentence that begins with its line; `undefined` if nothing is. */
export function hashFault(hash: string): string | undefined {
  const bcrypt = BCRYPT.exec(hash);
  if (bcrypt !== null) {
    return Number(bcrypt[1]) > MAX_BCRYPT_COST
      ? `has a bcrypt cost above ${MAX_BCRYPT_COST}`
      : undefined;
  }
  const argon2 = ARGON2ID.exec(hash);
  if (argon2 !== null) {
    const [, memory, passes, lanes] = argon2.map(Number);
    return memory > MAX_ARGON2_KIB || passes > MAX_ARGON2_PASSES || lanes > MAX_ARGON2_LANES
      ? `asks argon2id for more than ${
        MAX_ARGON2_KIB / 1024
      } MiB, ${MAX_ARGON2_PASSES} passes or ` +
        `${MAX_ARGON2_LANES} lanes`
      : undefined;
  }
  const sha512 = SHA512.exec(hash);
  if (sha512 !== null) {
    return Number(sha512[1] ?? 0) > MAX_SHA512_ROUNDS
      ? `has more than ${MAX_SHA512_ROUNDS} rounds of SHA-512 crypt`
      : undefined;
  }
  return "has no hash of bcrypt ($2y$), argon2id or SHA-512 crypt ($6$)";
}

/** Whether `password` has this hash, in which {@linkcode hashFault} finds no fault. */
export async function hasHash(password: string, hash: string): Promise<boolean> {
  try {
    if (hash.startsWith("$2")) return await bcryptVerify({ password, hash });
    if (hash.startsWith("$argon2id$")) return await argon2Verify({ password, hash });
    return isSame(sha512Crypt(password, hash), hash);
  } catch {
    // An empty password, say, which the library does not take.
    return false;
  }
}

function isSame(one: string, other: string): boolean {
  const encoder = new TextEncoder();
  const [a, b] = [encoder.encode(one), encoder.encode(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
