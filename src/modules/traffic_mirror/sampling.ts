/**
 * Which requests are copied: decided by what they ask for, so that one process treats equal requests
 * alike, and by a salt, so that nobody outside can tell which (spec 02 section 9.9).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";

const SALT_BYTES = 16;

/** Chooses requests. */
export class Sampling {
  /** Bytes of the zone with the salt. */
  static readonly bytes = SALT_BYTES;
  readonly #salt: Uint8Array;

  /** @param zone All zero when new; the first worker to come fills it. */
  constructor(zone: SharedArrayBuffer) {
    const words = new Int32Array(zone);
    const random = crypto.getRandomValues(new Int32Array(words.length));
    for (let i = 0; i < words.length; i++) {
      // Never 0, which means that nobody has been there.
      Atomics.compareExchange(words, i, 0, random[i] | 1);
    }
    this.#salt = Uint8Array.from(Buffer.from(zone));
  }

  /** Whether a request belongs to the `perMille` of a thousand that are copied. */
  has(perMille: number, method: string, target: string, host: string): boolean {
    if (perMille >= 1000) return true;
    const digest = createHash("sha256").update(this.#salt).update(`${method}\0${target}\0${host}`)
      .digest();
    return digest.readUInt16BE(0) % 1000 < perMille;
  }
}
