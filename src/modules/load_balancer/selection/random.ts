/** Indices from the runtime's generator for secrets, a buffer at a time. @module */

const RANDOMS = 256;
const buffer = new Uint32Array(RANDOMS);
let next = RANDOMS;

/** A whole number below `n`, which is at most 2^20: the error of the remainder is below one in 4,000. */
export function randomBelow(n: number): number {
  if (next === RANDOMS) {
    crypto.getRandomValues(buffer);
    next = 0;
  }
  return buffer[next++] % n;
}
