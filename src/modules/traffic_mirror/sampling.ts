/**
 * Which requests are copied: decided by what they ask for, so that one process treats equal requests
 * alike, and by a salt, so that no client can predict which (spec 02 section 9.9).
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Chooses requests. */
export class Sampling {
  readonly #salt: Uint8Array;

  /** @param salt The same in every worker. */
  constructor(salt: Uint8Array) {
    this.#salt = salt;
  }

  /** Whether a request belongs to the `perMille` of a thousand that are copied. */
  has(perMille: number, method: string, target: string, host: string): boolean {
    if (perMille >= 1000) return true;
    const digest = createHash("sha256").update(this.#salt).update(`${method}\0${target}\0${host}`)
      .digest();
    return digest.readUInt16BE(0) % 1000 < perMille;
  }
}
