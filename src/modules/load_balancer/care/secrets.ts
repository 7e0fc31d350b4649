/**
 * Random numbers that all threads of the process share: the seeds of hashes, and the keys that sign managed
 * cookies (spec 03 sections 6.1 and 9.4). None of them is ever written down, so they change with each start.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Layout, ThreadSlot } from "../../../zones/layout.ts";
import { freeLockOf, lock, unlock } from "../../../zones/lock.ts";
import type { Seed, Seeds } from "../selection/selection.ts";

const LOCK = 0;
/** When the current key was made, in seconds on the shared clock. */
const MADE_AT = 1;
const HAS_PREVIOUS = 2;
const SEEDS = 4;
const CURRENT = 10;
const PREVIOUS = 18;
const WORDS = 26;
const KEY_WORDS = 8;

const ROTATE_SECS = 86_400;
const LOCK_WAIT_MS = 1000;
const TAG_BYTES = 32;
/** Bytes of a session's key in a cookie. */
export const TOKEN_KEY_BYTES = 16;

/** The shared secrets as one thread works with them. */
export class Secrets {
  readonly #words: Int32Array;
  readonly seeds: Seeds;

  readonly #thread: number;

  constructor(memory: SharedArrayBuffer, { index }: ThreadSlot) {
    this.#thread = index;
    const words = this.#words = new Int32Array(memory);
    const seed = (at: number): Seed => ({
      high: words[SEEDS + at] >>> 0,
      low: words[SEEDS + at + 1] >>> 0,
    });
    this.seeds = { hash: seed(0), consistent: seed(2), maglev: seed(4) };
  }

  /** The value of a cookie called `name` for the session `key`. */
  token(name: string, key: Uint8Array, now: number): string {
    this.#rotate(now);
    return tokenOf(this.#key(CURRENT), name, key);
  }

  /** The key in the value of a cookie; `undefined` for one that no key of ours has signed. */
  verified(name: string, token: string, now: number): Uint8Array | undefined {
    if (token.length !== 64 || !/^[A-Za-z0-9_-]{64}$/.test(token)) return undefined;
    const bytes = Uint8Array.from(
      atob(token.replaceAll("-", "+").replaceAll("_", "/")),
      (char) => char.charCodeAt(0),
    );
    this.#rotate(now);
    const key = bytes.subarray(0, TOKEN_KEY_BYTES);
    const tag = bytes.subarray(TOKEN_KEY_BYTES);
    // Both are compared in any case: the time tells nothing about which one it was.
    const isCurrent = timingSafeEqual(tagOf(this.#key(CURRENT), name, key), tag);
    const isPrevious = timingSafeEqual(tagOf(this.#key(PREVIOUS), name, key), tag);
    const isSigned = isCurrent || (isPrevious && Atomics.load(this.#words, HAS_PREVIOUS) === 1);
    return isSigned ? key : undefined;
  }

  #key(at: number): Uint8Array {
    const words = this.#words;
    return new Uint8Array(words.slice(at, at + KEY_WORDS).buffer);
  }

  /** Every day there is another key, and the one before it still holds. */
  #rotate(now: number): void {
    const words = this.#words;
    const madeAt = Atomics.load(words, MADE_AT);
    if (madeAt !== 0 && ((now - madeAt) | 0) < ROTATE_SECS) return;
    if (!lock(words, LOCK, this.#thread, () => performance.now() + LOCK_WAIT_MS)) return;
    try {
      const seen = Atomics.load(words, MADE_AT);
      if (seen !== 0 && ((now - seen) | 0) < ROTATE_SECS) return;
      if (seen !== 0) {
        words.copyWithin(PREVIOUS, CURRENT, CURRENT + KEY_WORDS);
        Atomics.store(words, HAS_PREVIOUS, 1);
        words.set(crypto.getRandomValues(new Int32Array(KEY_WORDS)), CURRENT);
      }
      Atomics.store(words, MADE_AT, now || 1);
    } finally {
      unlock(words, LOCK, this.#thread);
    }
  }
}

/** The tag of a session's key in a cookie called `name`. */
function tagOf(signingKey: Uint8Array, name: string, key: Uint8Array): Uint8Array {
  const length = new Uint8Array([name.length & 0xff, name.length >>> 8]);
  return createHmac("sha256", signingKey).update(length).update(name, "latin1").update(key)
    .digest().subarray(0, TAG_BYTES);
}

/** Key and tag in base64url; 48 bytes need no padding. */
export function tokenOf(signingKey: Uint8Array, name: string, key: Uint8Array): string {
  const text = String.fromCharCode(...key, ...tagOf(signingKey, name, key));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_");
}

/** The kind of memory that the secrets have. */
export const secretMemory: Layout<Secrets> = {
  kind: "secrets",
  parts: "shared",
  bytes: () => 4 * WORDS,
  init(memory) {
    const words = new Int32Array(memory);
    words.set(crypto.getRandomValues(new Int32Array(6)), SEEDS);
    words.set(crypto.getRandomValues(new Int32Array(KEY_WORDS)), CURRENT);
  },
  open: (memory, own) => new Secrets(memory, own),
  reclaim(memory, { index }) {
    freeLockOf(new Int32Array(memory), LOCK, index);
  },
};
