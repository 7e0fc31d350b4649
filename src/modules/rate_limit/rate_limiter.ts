/**
 * One rate limit: the policy of a vhost or route over its table of buckets (spec 02 section 11.2).
 *
 * @module
 */
import { parseIp } from "../../net/ip.ts";
import { MAX_SKEW_NS, type SharedTime } from "../../zones/shared_time.ts";
import type { Table } from "../../zones/table.ts";
import { BucketTable } from "./bucket_table.ts";

/** What a limit is made of. */
export interface RateLimit {
  readonly requestsPerSecond: number;
  /** Tokens of a full bucket, at least 1. */
  readonly burst: number;
  /** Longest wait for a token, in milliseconds; 0 refuses instead. */
  readonly maxDelayMs: number;
  readonly maxEntries: number;
  readonly rejectIndeterminate: boolean;
}

/** When to come again for a client that no bucket says anything about. */
const UNKNOWN_RETRY_MS = 1000;

/** The address in question; a decision never waits, so one is enough. */
const words = new Uint32Array(4);

/** Decides over requests, exactly for all workers that share its zone. */
export class RateLimiter {
  readonly #table: BucketTable;
  readonly #time: SharedTime;
  readonly #limit: RateLimit;
  /** Nanoseconds one token takes to come back. */
  readonly #cost: number;
  /**
   * Debt of an empty bucket, and a little more: that the clocks of two workers differ must not cost a
   * client the last token of its burst. Less than a token, so that it never gets one too many.
   */
  readonly #capacity: number;
  /** Most debt a request may leave behind. */
  readonly #mostDebt: number;

  constructor(table: Table, time: SharedTime, limit: RateLimit) {
    this.#table = new BucketTable(table);
    this.#time = time;
    this.#limit = limit;
    this.#cost = Math.round(1e9 / limit.requestsPerSecond);
    const burst = limit.burst * this.#cost;
    this.#capacity = burst + Math.min(MAX_SKEW_NS, Math.floor(this.#cost / 2));
    this.#mostDebt = this.#capacity + Math.min(burst, limit.maxDelayMs * 1e6);
  }

  /**
   * Takes a token for a request of `address`.
   *
   * @param text What the bucket is by in place of the address; `undefined` for the address itself.
   * @returns 0: go on; positive: go on after so many milliseconds; negative: refused, and the negated
   * milliseconds after which a request would pass.
   */
  admit(address: string, text?: string): number {
    const now = this.#time.now();
    let slot: number;
    if (text !== undefined) {
      slot = this.#table.findOrAddText(text, now);
    } else {
      const family = parseIp(address, words);
      if (family === 0 && this.#limit.rejectIndeterminate) return -UNKNOWN_RETRY_MS;
      slot = this.#table.findOrAdd(family, words, now);
    }
    if (slot < 0) return -UNKNOWN_RETRY_MS;
    const debt = this.#table.take(slot, now, this.#cost, this.#mostDebt);
    if (debt < 0) return debt / 1e6;
    return debt <= this.#capacity ? 0 : (debt - this.#capacity) / 1e6;
  }

  /** What {@linkcode RateLimiter.admit} would do, in words, without taking a token. */
  explain(address: string, text?: string, name = ""): string {
    const { requestsPerSecond, burst, rejectIndeterminate, maxEntries } = this.#limit;
    const policy = `${requestsPerSecond} a second, burst ${burst}`;
    const family = parseIp(address, words);
    if (text === undefined && family === 0 && rejectIndeterminate) {
      return `${policy}: refused, address unknown`;
    }
    // The text may be a secret: a key of an API.
    const who = text !== undefined
      ? `this ${name}`
      : family === 0
      ? "all unknown addresses"
      : address;
    const now = this.#time.now();
    const slot = text === undefined ? this.#table.find(family, words) : this.#table.findText(text);
    if (slot < 0) {
      return this.#table.size < maxEntries
        ? `${policy}: ${who} has a full bucket`
        : `${policy}: refused unless an entry has expired, the table is full`;
    }
    const debt = this.#table.debt(slot, now);
    const tokens = burst - debt / this.#cost;
    const left = `${tokens.toFixed(1)} tokens left for ${who}`;
    if (debt + this.#cost > this.#mostDebt) return `${policy}: refused, ${left}`;
    const delayMs = Math.ceil((debt + this.#cost - this.#capacity) / 1e6);
    return delayMs > 0 ? `${policy}: delayed by ${delayMs} ms, ${left}` : `${policy}: ${left}`;
  }
}
