/**
 * FNV-1a with 64 bits (spec 03 sections 1.3 and 6.1), as two halves of 32 bits: a `bigint` for each byte would
 * be garbage on the request path.
 *
 * @module
 */

/** The prime is 2^40 + 0x1b3. */
const PRIME_LOW = 0x1b3;
const SIXTEEN = 0x10000;

/** Offset basis, for keys that have no seed. */
export const BASIS_HIGH = 0xcbf29ce4;
/** Its low half. */
export const BASIS_LOW = 0x84222325;

/** A hash in the making. Both halves are unsigned. */
export class Fnv64 {
  high = BASIS_HIGH;
  low = BASIS_LOW;

  /** Starts again from a seed. */
  start(high: number, low: number): this {
    this.high = high >>> 0;
    this.low = low >>> 0;
    return this;
  }

  /** One byte more. */
  byte(byte: number): void {
    this.low = (this.low ^ byte) >>> 0;
    this.#multiply();
  }

  /** The bytes of `text`, one a character: request targets and field values are such texts. */
  text(text: string): this {
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i) & 0xff);
    return this;
  }

  /** A number of 64 bits as eight bytes, the lowest first. */
  number(high: number, low: number): this {
    for (let shift = 0; shift < 32; shift += 8) this.byte((low >>> shift) & 0xff);
    for (let shift = 0; shift < 32; shift += 8) this.byte((high >>> shift) & 0xff);
    return this;
  }

  /** The hash modulo `n`, which is at most 2^20. */
  modulo(n: number): number {
    return ((this.high % n) * (2 ** 32 % n) + this.low) % n;
  }

  /** For status and files. */
  toBigInt(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  #multiply(): void {
    const { high, low } = this;
    // Products of 16 and 9 bits are exact.
    const first = (low & 0xffff) * PRIME_LOW;
    const second = (low >>> 16) * PRIME_LOW + (first >>> 16);
    this.low = (((second & 0xffff) * SIXTEEN) | (first & 0xffff)) >>> 0;
    const carry = Math.floor(second / SIXTEEN);
    // The part of 2^40: low shifted by 8 bits into the high half.
    this.high = (Math.imul(high, PRIME_LOW) + carry + (low << 8)) >>> 0;
  }
}

/** The key of a member: the hash of its address (spec 03 section 1.3). */
export function memberKey(address: string): { readonly high: number; readonly low: number } {
  const { high, low } = new Fnv64().text(address);
  return { high, low };
}
