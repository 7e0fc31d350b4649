/**
 * Bytes that arrived on a connection and are not used yet, in front of the stream they come from.
 *
 * @module
 */
import { LARGE, LARGE_BYTES, SMALL, SMALL_BYTES } from "./buffers.ts";
import { type Duplex, resetOf } from "./duplex.ts";
import { fairRead } from "./fairness.ts";

/** A receive buffer that is small while a connection waits and grows with what arrives. */
export class Inbox {
  /** The unused bytes are `bytes[start, end)`. */
  bytes: Uint8Array = SMALL.take();
  start = 0;
  end = 0;
  #pending: Promise<number | null> | undefined;
  /** The pending read was started ahead, and its bytes are waited for now. */
  #isAwaited = false;
  /** The last read into a caller's buffer, over or not. */
  #direct: Promise<number | null> = ENDED;
  #released = false;

  constructor(readonly stream: Duplex) {}

  get isEmpty(): boolean {
    return this.start === this.end;
  }

  /**
   * Whether a read has been started whose bytes are not in the inbox yet. What is unused already may be
   * taken meanwhile, and stays where it is.
   */
  get isReading(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Starts reading before the bytes are needed, to learn at once when the peer goes away. Call it only
   * on an empty inbox.
   */
  ahead(): Promise<number | null> {
    if (this.#pending === undefined) {
      this.start = this.end = 0;
      this.#pending = fairRead(this.stream, this.bytes);
    }
    return this.#pending;
  }

  /**
   * The same after bytes that are unused. The result goes to {@linkcode Inbox.cameAhead}.
   *
   * @param capacity Bytes the buffer may grow to.
   * @returns `undefined` when there is no room.
   */
  lookAhead(capacity: number): Promise<number | null> | undefined {
    const reading = this.receive(capacity);
    this.#isAwaited = false;
    return reading;
  }

  /**
   * Takes note of what a read of {@linkcode Inbox.lookAhead} brought, unless a caller waits for its bytes,
   * which does so itself.
   *
   * @returns Whether it did.
   */
  cameAhead(count: number): boolean {
    if (this.#isAwaited) return false;
    this.arrived(count);
    return true;
  }

  /**
   * Starts a read for more bytes after those that are there, or gives the one that was started ahead. Its
   * result goes through {@linkcode Inbox.arrived}. In two halves, so that a codec's loop waits for the
   * stream's own promise and no other.
   *
   * @param capacity Bytes the buffer may grow to.
   * @returns `undefined` when there is no room.
   */
  receive(capacity: number): Promise<number | null> | undefined {
    if (this.#pending !== undefined) {
      this.#isAwaited = true;
      return this.#pending;
    }
    // Without a buffer every read would return at once, empty-handed.
    if (this.#released) return ENDED;
    if (this.start === this.end) this.start = this.end = 0;
    if (this.end === this.bytes.length && !this.#makeRoom(capacity)) return undefined;
    const room = this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
    this.#pending = fairRead(this.stream, room);
    return this.#pending;
  }

  /** Takes note of what a started read brought; `null` at the end of the stream. */
  arrived(count: number | null): number | null {
    this.#pending = undefined;
    this.#isAwaited = false;
    // Bytes that arrived as the connection was given up have no buffer to be in any more.
    if (this.#released) return null;
    if (count !== null) this.end += count;
    return count;
  }

  /** Waits for more bytes: as {@linkcode Inbox.receive} and `arrived`, with -1 when there is no room. */
  async more(capacity: number): Promise<number | null> {
    const reading = this.receive(capacity);
    return reading === undefined ? -1 : this.arrived(await reading);
  }

  /**
   * Reads past the buffer, straight into the caller's. Only on an empty inbox with no read pending.
   */
  direct(into: Uint8Array): Promise<number | null> {
    return this.#direct = fairRead(this.stream, into);
  }

  /** Waits until no read is under way, whichever caller began it. Bytes that were read ahead are in the inbox then. */
  async quiet(): Promise<void> {
    if (this.#pending !== undefined) {
      this.#isAwaited = true;
      this.arrived(await this.#pending);
    }
    await this.#direct;
  }

  /** Takes at most `most` unused bytes into `into`; returns how many. */
  take(into: Uint8Array, most = into.length): number {
    const { bytes, start } = this;
    const count = Math.min(this.end - start, into.length, most);
    if (count <= COPY_BYTES) {
      for (let i = 0; i < count; i++) into[i] = bytes[start + i];
    } else {
      into.set(bytes.subarray(start, start + count));
    }
    this.start += count;
    return count;
  }

  /** Goes back to a small buffer, if nothing is unused. */
  shrink(): void {
    if (this.start !== this.end || this.#pending !== undefined) return;
    this.start = this.end = 0;
    if (this.bytes.length === SMALL_BYTES) return;
    this.#giveBack();
    this.bytes = SMALL.take();
  }

  /** Gives the buffer back when the connection is over. A buffer that a read still holds is let go. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#pending === undefined) this.#giveBack();
    this.bytes = NOTHING;
    this.start = this.end = 0;
  }

  #makeRoom(capacity: number): boolean {
    const unused = this.end - this.start;
    if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
    } else {
      if (unused >= capacity) return false;
      const old = this.bytes;
      const larger = unused < LARGE_BYTES ? LARGE.take() : new Uint8Array(unused * 2);
      larger.set(old);
      this.#giveBack();
      this.bytes = larger;
    }
    this.start = 0;
    this.end = unused;
    return true;
  }

  #giveBack(): void {
    if (this.bytes.length === SMALL_BYTES) SMALL.give(this.bytes);
    else if (this.bytes.length === LARGE_BYTES) LARGE.give(this.bytes);
  }
}

/** An inbox and its stream as one stream: what was read ahead comes first. */
export class InboxStream implements Duplex {
  constructor(readonly inbox: Inbox) {}

  read(into: Uint8Array): Promise<number | null> {
    const { inbox } = this;
    if (!inbox.isEmpty) return Promise.resolve(inbox.take(into));
    if (inbox.isReading) return this.#readOn(into);
    // What was read ahead is used up: from now on the stream speaks for itself.
    inbox.release();
    return inbox.direct(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.inbox.stream.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.inbox.stream.closeWrite();
  }

  setKeepAlive(on: boolean): void {
    this.inbox.stream.setKeepAlive?.(on);
  }

  close(): void {
    this.inbox.stream.close();
  }

  get reset(): (() => void) | undefined {
    return resetOf(this.inbox.stream);
  }

  /** Takes what a read that was started ahead brings. */
  async #readOn(into: Uint8Array): Promise<number | null> {
    return await this.inbox.more(into.length) === null ? null : await this.read(into);
  }
}

/** Up to this many bytes a loop is faster than a view to copy through. */
const COPY_BYTES = 128;

const NOTHING = new Uint8Array(0);
const ENDED: Promise<null> = Promise.resolve(null);
