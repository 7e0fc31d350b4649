/**
 * Sets of SHA-256 fingerprints, compared in constant time: how long a look-up takes reveals nothing about
 * how much of a fingerprint was right.
 *
 * @module
 */

const WORDS = 8;
const HEX_DIGITS = 64;

/** The fingerprint being looked up; a look-up never waits, so one is enough. */
const sought = new Int32Array(WORDS);

/** An immutable set of fingerprints. */
export class Fingerprints {
  readonly #words: Int32Array;

  /** @param fingerprints Each 64 hexadecimal digits. */
  constructor(fingerprints: readonly string[]) {
    this.#words = new Int32Array(fingerprints.length * WORDS);
    for (const [i, fingerprint] of fingerprints.entries()) {
      read(fingerprint);
      this.#words.set(sought, i * WORDS);
    }
  }

  /** Whether nothing is in it. */
  get empty(): boolean {
    return this.#words.length === 0;
  }

  /** Whether `fingerprint` is in it; every entry is compared to its end, whatever the ones before said. */
  has(fingerprint: string): boolean {
    if (fingerprint.length !== HEX_DIGITS) return false;
    read(fingerprint);
    const words = this.#words;
    let found = 0;
    for (let at = 0; at < words.length; at += WORDS) {
      let difference = 0;
      for (let i = 0; i < WORDS; i++) difference |= words[at + i] ^ sought[i];
      // 1 for no difference, 0 for any, without a branch.
      found |= 1 - ((difference | -difference) >>> 31);
    }
    return found !== 0;
  }
}

/** Reads 64 hexadecimal digits of either case into {@linkcode sought}. */
function read(fingerprint: string): void {
  for (let word = 0; word < WORDS; word++) {
    let value = 0;
    for (let i = word * WORDS; i < (word + 1) * WORDS; i++) {
      const code = fingerprint.charCodeAt(i);
      // Letters have bit 6 set, and count from 10 where digits count from 0.
      value = (value << 4) | ((code & 15) + (code >> 6) * 9);
    }
    sought[word] = value;
  }
}
