/**
 * HalfSipHash-2-4 with 64 bits of output: a keyed hash for tables that strangers choose the keys of.
 * Without the key no client can make entries collide, neither to slow the table down nor to share the
 * bucket of another client. All arithmetic is on 32-bit words, which is what JavaScript is fast at.
 *
 * Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF", and its 32-bit variant.
 *
 * @module
 */

/** Hashes whole words under one 64-bit key. */
export class HalfSipHash {
  /** First 32 bits of the last hash. */
  low = 0;
  /** Last 32 bits of the last hash. */
  high = 0;
  /**
   * 64 bits more, of the other half of the state: for keys of 128 bits that are compared and never shown. They
   * are no part of HalfSipHash, and what is shown must not have them.
   */
  moreLow = 0;
  moreHigh = 0;

  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;

  /** @param k0,k1 The key, as two 32-bit words. */
  constructor(private readonly k0: number, private readonly k1: number) {}

  /** Hashes the first `count` words of `words` into {@linkcode low} and {@linkcode high}. */
  hash(words: Uint32Array, count: number): void {
    this.#v0 = this.k0;
    this.#v1 = this.k1 ^ 0xee;
    this.#v2 = this.k0 ^ 0x6c796765;
    this.#v3 = this.k1 ^ 0x74656462;
    for (let i = 0; i < count; i++) this.#absorb(words[i] | 0);
    this.#absorb((count * 4) << 24);
    this.#v2 ^= 0xee;
    this.#rounds(4);
    this.low = this.#v1 ^ this.#v3;
    this.moreLow = this.#v0 ^ this.#v2;
    this.#v1 ^= 0xdd;
    this.#rounds(4);
    this.high = this.#v1 ^ this.#v3;
    this.moreHigh = this.#v0 ^ this.#v2;
  }

  #absorb(word: number): void {
    this.#v3 ^= word;
    this.#rounds(2);
    this.#v0 ^= word;
  }

  #rounds(count: number): void {
    let v0 = this.#v0, v1 = this.#v1, v2 = this.#v2, v3 = this.#v3;
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}
