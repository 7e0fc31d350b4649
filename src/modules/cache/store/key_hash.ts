/** Hashes of keys and variances, as the index of a memory tier has them. @module */
import type { HalfSipHash } from "../../../zones/half_siphash.ts";

/** The hashed key of a request. */
export interface KeyHash {
  readonly looseLow: number;
  readonly looseHigh: number;
  readonly exactLow: number;
  readonly exactHigh: number;
}

/** A variance as slots have it. */
export interface VarianceHash {
  readonly low: number;
  readonly high: number;
}

/** Of an object that does not vary. */
export const UNVARIED: VarianceHash = { low: 0, high: 0 };

/** The first 64 bits of a variance. */
export function varianceHash(variance: Uint8Array): VarianceHash {
  if (variance.length < 8) return UNVARIED;
  const view = new DataView(variance.buffer, variance.byteOffset);
  // Never that of an object that does not vary.
  return { low: view.getInt32(0), high: view.getInt32(4) | 1 };
}

/** Longest key that is hashed: a request head is shorter. */
const MAX_KEY_BYTES = 256 * 1024;
const scratch = new Uint32Array(MAX_KEY_BYTES / 4);

/** Puts the bytes of `key` into the scratch words; returns how many words that are. */
function putWords(key: string): number {
  const length = Math.min(key.length, MAX_KEY_BYTES - 8);
  let word = 0;
  let count = 0;
  for (let i = 0; i < length; i++) {
    word |= (key.charCodeAt(i) & 255) << (8 * (i & 3));
    if ((i & 3) === 3) {
      scratch[count++] = word;
      word = 0;
    }
  }
  scratch[count++] = word;
  scratch[count++] = key.length;
  return count;
}

/** Hashes a key, and the part of it that is meant; `""` for all of it. */
export function hashKey(
  hash: HalfSipHash,
  key: string,
  scheme: string,
  port: string,
  part: string,
): KeyHash {
  let partLow = 0;
  let partHigh = 0;
  if (part !== "") {
    hash.hash(scratch, putWords(part));
    partLow = hash.low;
    partHigh = hash.high;
  }
  const count = putWords(key);
  hash.hash(scratch, count);
  const { low: looseLow, high: looseHigh, moreLow, moreHigh } = hash;
  scratch[0] = looseLow;
  scratch[1] = looseHigh;
  scratch[2] = moreLow;
  scratch[3] = moreHigh;
  scratch[4] = scheme === "https" ? 1 : 0;
  scratch[5] = Number(port);
  scratch[6] = partLow;
  scratch[7] = partHigh;
  hash.hash(scratch, part === "" ? 6 : 8);
  return { looseLow, looseHigh, exactLow: hash.low, exactHigh: hash.high };
}
