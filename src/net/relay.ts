/**
 * Copies bytes both ways between two streams until both directions have ended: an upgraded connection
 * or a raw tunnel.
 *
 * Each direction has one buffer and reads again when all of it has been written, so that a peer that does not
 * read makes the other one wait, and nothing is kept beside the buffers of the system.
 *
 * @module
 */
import { type BufferPool, LARGE, SMALL, SMALL_BYTES } from "./buffers.ts";
import type { Clock, Expiring } from "./clock.ts";
import { closeQuietly, type Duplex } from "./duplex.ts";
import { fairRead } from "./fairness.ts";

/** How long what a peer still sends is read and dropped after the other one has gone: see {@linkcode Relay}. */
const LINGER_MS = 10_000;
/** How often a peer that has ended its direction is looked at: see {@linkcode Relay}. */
const LOOK_MS = 2_000;

/** Age at which a relay asks for signs of life: most are over before, and need not ask the system for it. */
const KEEP_ALIVE_AFTER_MS = 15_000;

const NOTHING = new Uint8Array(0);

/** Bounds of a relay. */
export interface RelayLimits {
  /** Longest time without progress in both directions; 0 for no limit. */
  readonly idleMs: number;
  /** Longest time in all; 0 for no limit. */
  readonly totalMs: number;
  /** Most bytes in each direction; `Infinity` for no limit. A piece that goes beyond it is not passed on. */
  readonly maxBytes: number;
  /**
   * Whether a TLS peer may end its direction by leaving, without `close_notify`. Many do; where what is relayed
   * does not say itself when it is complete, that is a broken stream (RFC 8446 section 6.1).
   */
  readonly acceptsTruncation: boolean;
}

/** Why a relay ended. `total` and `bytes` are its limits, `aborted` is {@linkcode Relay.abort}. */
export type RelayEnd = "complete" | "idle" | "total" | "bytes" | "error" | "aborted";

/** How a relay went. */
export interface RelayResult {
  /** Bytes from the first stream to the second. */
  readonly forward: number;
  /** Bytes from the second stream to the first. */
  readonly backward: number;
  /** Why it ended. */
  readonly end: RelayEnd;
  /** What went wrong, with `end` `error`. */
  readonly error: Error | undefined;
  /** Which stream it went wrong with. */
  readonly broken: "first" | "second" | undefined;
}

/**
 * Relays until both sides have ended. An end on one side is passed on as a half-close; the other
 * direction continues. An error or the idle limit closes both.
 *
 * @param idleMs Longest silence in both directions; 0 for no limit.
 */
export function relay(
  first: Duplex,
  second: Duplex,
  clock: Clock,
  idleMs: number,
): Promise<RelayResult> {
  const limits = { idleMs, totalMs: 0, maxBytes: Infinity, acceptsTruncation: true };
  return new Relay(first, second, clock, limits).run();
}

/** One of the two directions. */
interface Direction {
  readonly from: Duplex;
  readonly to: Duplex;
  bytes: number;
  /** `from` has ended, and `to` has got its end. */
  isOver: boolean;
  /** `to` takes nothing any more; what `from` sends is dropped. */
  isCut: boolean;
}

/**
 * A relay of two streams, which it closes.
 *
 * A peer that has gone for good while the other one still sends has often said all it had to say: the end of
 * its answer may be on the way still. So its direction goes on to its end, and what the other one sends is
 * dropped, for a time also after that: to close a socket with unread input makes the system throw away what
 * it was to send.
 *
 * A reset after an end reaches no reader: there is nothing left to read. While the other peer is silent no write
 * meets it either, so a peer that has ended its direction is looked at now and then, by a write of no bytes. The
 * runtime's own TLS connections give no answer to that: with them the idle limit has to notice.
 */
export class Relay implements Expiring {
  deadline = 0;
  readonly #clock: Clock;
  readonly #limits: RelayLimits;
  readonly #there: Direction;
  readonly #back: Direction;
  #end: RelayEnd = "complete";
  #error: Error | undefined;
  #broken: Duplex | undefined;
  #isClosed = false;
  /** {@linkcode Clock.now} at which it ends in any case. */
  #endsAt = Infinity;
  #isLingering = false;
  /** {@linkcode Clock.now} at which a limit ends it; `deadline` may be sooner, for a look. */
  #limitAt = Infinity;
  /** The direction that is left when the other one is over. */
  #left: Direction | undefined;
  #isLooking = false;
  /** {@linkcode Clock.now} at which keepalive is turned on; `Infinity` once it is. */
  #keepAliveAt = Infinity;

  constructor(first: Duplex, second: Duplex, clock: Clock, limits: RelayLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#there = { from: first, to: second, bytes: 0, isOver: false, isCut: false };
    this.#back = { from: second, to: first, bytes: 0, isOver: false, isCut: false };
  }

  /** Bytes so far, from the first stream to the second. */
  get forward(): number {
    return this.#there.bytes;
  }

  /** Bytes so far, from the second stream to the first. */
  get backward(): number {
    return this.#back.bytes;
  }

  /** Copies to the end; both streams are closed then. Never rejects. */
  async run(): Promise<RelayResult> {
    const { totalMs } = this.#limits;
    if (totalMs > 0) this.#endsAt = this.#clock.now + totalMs;
    this.#keepAliveAt = this.#clock.now + KEEP_ALIVE_AFTER_MS;
    this.#touch();
    this.#clock.watch(this);
    await Promise.all([
      this.#copy(this.#there, this.#back),
      this.#copy(this.#back, this.#there),
    ]);
    this.#clock.unwatch(this);
    this.#close();
    const { forward, backward } = this;
    const broken = this.#broken &&
      (this.#broken === this.#there.from ? "first" as const : "second" as const);
    return { forward, backward, end: this.#end, error: this.#error, broken };
  }

  /** Ends it now. */
  abort(): void {
    this.#fail("aborted");
  }

  expire(): void {
    const { now } = this.#clock;
    if (now >= this.#keepAliveAt) {
      this.#keepAliveAt = Infinity;
      keepAlive(this.#there.from);
      keepAlive(this.#back.from);
    }
    if (now < this.#limitAt) this.#look();
    else if (this.#isLingering) this.#close();
    else this.#fail(now >= this.#endsAt ? "total" : "idle");
  }

  /** Copies one direction to its end. Never rejects. */
  async #copy(one: Direction, other: Direction): Promise<void> {
    const { from, to } = one;
    const { maxBytes } = this.#limits;
    // A tunnel may be silent for hours: it waits with a small buffer, and has a large one while much comes.
    let pool: BufferPool = SMALL;
    let buffer = pool.take();
    let used = 0;
    for (;;) {
      const read = await this.#read(from, buffer);
      if (read === undefined) return;
      if (read === null) break;
      if (read > used) used = read;
      if (one.isCut) continue;
      if (one.bytes + read > maxBytes) {
        this.#fail("bytes");
        return;
      }
      try {
        await this.#write(to, buffer, read);
      } catch (error) {
        if (this.#isClosed) return;
        this.#cut(one, other, error);
        // The failed write may still hold the buffer.
        [buffer, used] = [pool.take(), 0];
        continue;
      }
      one.bytes += read;
      if (read === SMALL_BYTES && pool === SMALL) {
        giveBack(pool, buffer, used);
        [pool, used] = [LARGE, 0];
        buffer = pool.take();
      } else if (read < SMALL_BYTES && pool === LARGE) {
        giveBack(pool, buffer, used);
        [pool, used] = [SMALL, 0];
        buffer = pool.take();
      }
    }
    // Only after a clean end: a failed read may still hold the buffer.
    giveBack(pool, buffer, used);
    one.isOver = true;
    if (other.isCut) this.#linger();
    // A peer that has closed both ways cannot be informed; what it sent before has been passed on.
    await to.closeWrite().catch(() => {});
    if (other.isOver) return;
    this.#left = other;
    this.#plan();
  }

  /** Whether the peer that has ended its direction still is there to be written to. */
  #look(): void {
    this.#plan();
    const left = this.#left;
    if (left === undefined || left.isOver || left.isCut || this.#isLooking) return;
    this.#isLooking = true;
    left.to.write(NOTHING).then(
      () => {
        this.#isLooking = false;
      },
      (error) => {
        if (this.#isClosed || left.isOver || left.isCut) return;
        this.#cut(left, left === this.#there ? this.#back : this.#there, error);
      },
    );
  }

  /** As `Duplex.read`; `undefined` where the relay is over by now. */
  async #read(from: Duplex, buffer: Uint8Array): Promise<number | null | undefined> {
    try {
      return await fairRead(from, buffer);
    } catch (error) {
      if (this.#isClosed) return undefined;
      if (error instanceof Deno.errors.UnexpectedEof && this.#limits.acceptsTruncation) return null;
      this.#broken ??= from;
      this.#fail("error", asError(error));
      return undefined;
    }
  }

  /** Writes all of it; every piece that is taken is progress. */
  async #write(to: Duplex, buffer: Uint8Array, length: number): Promise<void> {
    for (let written = 0; written < length;) {
      written += await to.write(
        written === 0 && length === buffer.length ? buffer : buffer.subarray(written, length),
      );
      this.#touch();
    }
  }

  #cut(one: Direction, other: Direction, error: unknown): void {
    one.isCut = true;
    this.#broken ??= one.to;
    this.#end = "error";
    this.#error ??= asError(error);
    if (other.isOver) this.#linger();
  }

  #linger(): void {
    this.#isLingering = true;
    this.#endsAt = Math.min(this.#endsAt, this.#clock.now + LINGER_MS);
    this.#touch();
  }

  #fail(end: RelayEnd, error?: Error): void {
    if (this.#isClosed) return;
    this.#end = end;
    this.#error ??= error;
    // No peer is to take this for the end of what the other one had to say, where the system can show it.
    this.#close((stream) => stream.reset === undefined ? closeQuietly(stream) : stream.reset());
  }

  #close(how: (stream: Duplex) => void = closeQuietly): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    how(this.#there.from);
    how(this.#back.from);
  }

  #touch(): void {
    const { idleMs } = this.#limits;
    const idle = idleMs > 0 ? this.#clock.now + idleMs : Infinity;
    this.#limitAt = Math.min(idle, this.#endsAt);
    this.#plan();
  }

  /** Sets the time of the next limit, look or keepalive, whichever comes first. */
  #plan(): void {
    const look = this.#left === undefined ? Infinity : this.#clock.now + LOOK_MS;
    const next = Math.min(this.#limitAt, this.#keepAliveAt, look);
    this.deadline = next === Infinity ? 0 : next;
  }
}

/** Wiped, so that no other connection can read what passed through: buffers are shared by all connections of the worker. */
function giveBack(pool: BufferPool, buffer: Uint8Array, used: number): void {
  buffer.fill(0, 0, used);
  pool.give(buffer);
}

function keepAlive(stream: Duplex): void {
  try {
    stream.setKeepAlive?.(true);
  } catch {
    // Reset since it was opened: its first read will tell.
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
