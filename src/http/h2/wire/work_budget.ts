/**
 * Budget for what a peer may do that costs work and brings nothing. Each connection has one: time fills it
 * slowly, real progress (body octets that were read, answers that were written) fills it as fast as the
 * progress is made, so that no peer which gets something done ever runs out of it.
 *
 * @module
 */
import { ConnectionError, ErrorCode } from "./errors.ts";

/** Most units there can be, and how many there are at first. */
export const BURST = 1024;
/** Units that grow back each second. */
export const UNITS_PER_SECOND = 256;

/** Costs, in units. One unit is a frame that brings nothing: PING, SETTINGS, empty DATA and the like. */
export const Cost = {
  FRAME: 1,
  /**
   * A stream that the peer resets, or breaks so that we must. Browsers reset all streams of a page at a time
   * when it is left; the budget bears 128 at once, and 32 a second.
   */
  RESET: 8,
  /** A head that is refused before routing. */
  REFUSED_HEAD: 8,
  /** The window of one open stream, changed by SETTINGS, which may make it send. */
  WINDOW_CHANGE: 1 / 8,
  /** A frame of a stream that we reset: a window full of small messages may be on its way. */
  LATE: 1 / 8,
} as const;

/**
 * Octets of a field block of no use for each unit it costs. A compressed block of so many octets may name
 * as many fields.
 */
const BLOCK_BYTES = 256;

/**
 * DATA with fewer octets than this is a sliver, unless it ends its stream. The shortest message of gRPC
 * has as many, and streams of those are no flood.
 */
export const SLIVER_BYTES = 5;

/** Units given back for each answer: browsers send priorities and windows with a request. */
const UNITS_PER_ANSWER = 4;

/**
 * Units given back for DATA that was sent: receivers answer each with a WINDOW_UPDATE for the stream and one
 * for the connection, and those that measure the way also with a PING.
 */
const UNITS_PER_DATA = 3;
/** Octets for each of those units where the peer's window cut the frame short. */
const CUT_BYTES = 64;

/** Octets of a body that was read, for one unit. */
const READ_BYTES = 4096;

/** A token bucket on the worker's coarse clock. */
export class WorkBudget {
  #units = BURST;
  #filledAt: number;

  /** @param now `Clock.now`, in milliseconds. */
  constructor(now: number) {
    this.#filledAt = now;
  }

  /**
   * Takes units.
   *
   * @throws {ConnectionError} ENHANCE_YOUR_CALM when there are too few.
   */
  spend(now: number, units: number): void {
    if (now > this.#filledAt) {
      this.#grant((now - this.#filledAt) * UNITS_PER_SECOND / 1000);
      this.#filledAt = now;
    }
    this.#units -= units;
    if (this.#units < 0) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "too much that brings nothing");
    }
  }

  /** Takes units for a field block of that many octets as sent, which is decoded in vain. */
  spendBlock(now: number, units: number, bytes: number): void {
    this.spend(now, units + bytes / BLOCK_BYTES);
  }

  /** An answer was sent or received, all of it. */
  onAnswer(): void {
    this.#grant(UNITS_PER_ANSWER);
  }

  /**
   * DATA was sent.
   *
   * @param isCut There was more to send, and no window for it: a peer that opens its window by single
   * octets earns nothing by them.
   */
  onDataSent(bytes: number, isCut: boolean): void {
    this.#grant(isCut ? Math.min(UNITS_PER_DATA, bytes / CUT_BYTES) : UNITS_PER_DATA);
  }

  /** Octets of a body were read by the one it is for. */
  onBodyRead(bytes: number): void {
    this.#grant(bytes / READ_BYTES);
  }

  #grant(units: number): void {
    const sum = this.#units + units;
    this.#units = sum < BURST ? sum : BURST;
  }
}
