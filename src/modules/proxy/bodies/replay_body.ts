/**
 * A request body that can be sent once more, when the connection that it went to turns out to have been
 * dead (spec 02 section 9.5). What was read is kept, as long as it is little; behind it the rest is read
 * from the client as before, so that a body which was under way goes on where it was.
 *
 * @module
 */
import type { Body } from "../../../http/body.ts";
import type { Fields } from "../../../http/fields.ts";

/** Most bytes that are kept; once more than that has been read, a body cannot be sent again. */
export const MAX_REPLAY_BYTES = 64 * 1024;
/** What is kept room for at first. */
const FIRST_BYTES = 4096;

/** A body, and what has been read of it. */
export class ReplayBody {
  #kept: Uint8Array | undefined = NOTHING;
  #size = 0;
  #ended = false;
  #isCancelled = false;
  #isReleased = false;
  #current: Attempt | undefined;
  #pending: Promise<number | null> | undefined;
  readonly #source: Body;

  private constructor(source: Body) {
    this.#source = source;
  }

  /** `undefined` for a body that is surely too long. */
  static of(source: Body): ReplayBody | undefined {
    return (source.length ?? 0) > MAX_REPLAY_BYTES ? undefined : new ReplayBody(source);
  }

  /** Whether everything that was read is still there, so that another attempt may be made. */
  get isWhole(): boolean {
    return this.#kept !== undefined;
  }

  /** The body from its beginning, for another attempt; the one before it is cut off. */
  attempt(): Body {
    this.#isCancelled = false;
    this.#current = new Attempt(this);
    return this.#current;
  }

  /** There will be no other attempt: nothing more is kept. */
  release(): void {
    this.#isReleased = true;
    if (this.#isCancelled) this.#source.cancel();
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  get trailers(): Fields | undefined {
    return this.#source.trailers;
  }

  /** Reads for `attempt`, which has had the first `at` bytes. */
  read(attempt: Attempt, at: number, into: Uint8Array): number | null | Promise<number | null> {
    if (attempt !== this.#current) return null;
    if (at < this.#size && this.#kept !== undefined) {
      const part = this.#kept.subarray(at, Math.min(this.#size, at + into.length));
      into.set(part);
      return part.length;
    }
    // The attempt before this one was waiting for the client: what comes is kept, and read from there.
    if (this.#pending !== undefined) return this.#readBehind(this.#pending, attempt, at, into);
    if (this.#ended) return null;
    const count = this.#source.read(into);
    return typeof count === "object" && count !== null
      ? this.#wait(count, attempt, into)
      : this.#keep(attempt, into, count);
  }

  /** A connection that fails gives its request's body up, which another attempt may still want. */
  cancel(attempt: Attempt): void {
    if (attempt !== this.#current) return;
    if (this.#isReleased || this.#kept === undefined) this.#source.cancel();
    else this.#isCancelled = true;
  }

  async #wait(
    count: Promise<number | null>,
    attempt: Attempt,
    into: Uint8Array,
  ): Promise<number | null> {
    this.#pending = count;
    try {
      return this.#keep(attempt, into, await count);
    } finally {
      this.#pending = undefined;
    }
  }

  async #readBehind(
    pending: Promise<number | null>,
    attempt: Attempt,
    at: number,
    into: Uint8Array,
  ): Promise<number | null> {
    await pending;
    return await this.read(attempt, at, into);
  }

  #keep(reader: Attempt, from: Uint8Array, count: number | null): number | null {
    if (count === null) this.#ended = true;
    if (count === null || this.#kept === undefined) return count;
    const size = this.#size + count;
    // What an attempt that is over has still read is for the one behind it, however much it is.
    if (reader === this.#current && (this.#isReleased || size > MAX_REPLAY_BYTES)) {
      this.#kept = undefined;
      return count;
    }
    if (size > this.#kept.length) {
      const room = Math.max(FIRST_BYTES, this.#kept.length * 4);
      const most = Math.min(MAX_REPLAY_BYTES, this.length ?? Infinity);
      const grown = new Uint8Array(Math.max(size, Math.min(room, most)));
      grown.set(this.#kept.subarray(0, this.#size));
      this.#kept = grown;
    }
    this.#kept.set(from.subarray(0, count), this.#size);
    this.#size = size;
    return count;
  }
}

/** The body of one attempt. Once another one has begun, it says nothing and touches nothing. */
class Attempt implements Body {
  #at = 0;

  constructor(readonly replay: ReplayBody) {}

  get length(): number | undefined {
    return this.replay.length;
  }

  get trailers(): Fields | undefined {
    return this.replay.trailers;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    const count = this.replay.read(this, this.#at, into);
    if (typeof count === "object" && count !== null) return this.#wait(count);
    if (count !== null) this.#at += count;
    return count;
  }

  cancel(): void {
    this.replay.cancel(this);
  }

  async #wait(pending: Promise<number | null>): Promise<number | null> {
    const count = await pending;
    if (count !== null) this.#at += count;
    return count;
  }
}

const NOTHING = new Uint8Array(0);
