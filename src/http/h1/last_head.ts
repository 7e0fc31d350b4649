/**
 * The answer's head that was written last. A gateway often says the same many times in a row: a small
 * answer of an upstream, a file in demand, a refusal. Such a head is written once and then copied.
 *
 * @module
 */
import type { HttpExchange, HttpVersion } from "../exchange.ts";

/** Framing of the bytes after the head of an answer. */
export type ResponseFraming = "none" | "length" | "chunked" | "close";

/** Longest head that is kept, in bytes. */
const MAX_BYTES = 1024;

/** After so many answers in a row that differ from the one before, comparing is a waste. */
const MAX_DIFFERENT = 8;
/** So many answers later it is tried again. */
const UNCOMPARED = 128;

/** What the last head was made of, and the head itself when it has come twice. */
export class LastHead {
  /** `undefined` until the head is kept. */
  bytes: Uint8Array | undefined;
  #status = 0;
  #isToHead = false;
  #version: HttpVersion = 11;
  #framing: ResponseFraming = "none";
  #persistent = false;
  #length: number | undefined;
  #date = "";
  #names: readonly string[] = [];
  #values: readonly string[] = [];
  #different = 0;
  #uncompared = 0;

  /**
   * Whether this answer's head is the last one again. If not, it is the last one from now on. Where heads
   * keep differing, most are not compared at all, and count as different.
   */
  isSame(
    exchange: HttpExchange,
    framing: ResponseFraming,
    persistent: boolean,
    date: string,
  ): boolean {
    if (this.#uncompared > 0) {
      this.#uncompared--;
      return false;
    }
    const { status, version, response: { names, values } } = exchange;
    const length = exchange.responseBody?.length;
    const isToHead = exchange.method === "HEAD";
    const isSame = status === this.#status && length === this.#length &&
      framing === this.#framing && persistent === this.#persistent && version === this.#version &&
      isToHead === this.#isToHead && date === this.#date && areEqual(names, this.#names) &&
      areEqual(values, this.#values);
    if (isSame) {
      this.#different = 0;
      return true;
    }
    if (++this.#different === MAX_DIFFERENT) {
      this.#different = 0;
      this.#uncompared = UNCOMPARED;
    }
    this.bytes = undefined;
    this.#status = status;
    this.#isToHead = isToHead;
    this.#version = version;
    this.#framing = framing;
    this.#persistent = persistent;
    this.#length = length;
    this.#date = date;
    this.#names = names;
    this.#values = values;
    return false;
  }

  /** Keeps the head `bytes` of `exchange`, which was the same as the one before. */
  keep({ response }: HttpExchange, bytes: Uint8Array): void {
    if (bytes.length > MAX_BYTES) return;
    this.bytes = bytes.slice();
    // Copies: their owner may change the lists when the answer has left.
    this.#names = response.names.slice();
    this.#values = response.values.slice();
  }
}

function areEqual(some: readonly string[], others: readonly string[]): boolean {
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false;
  return true;
}
