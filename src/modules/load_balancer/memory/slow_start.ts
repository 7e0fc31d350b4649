/** Slow start: a member that is new or back gets few requests at first (spec 03 section 10). @module */
import { Fnv64 } from "./fnv.ts";
import type { Member } from "../member.ts";
import type { SharedPool } from "./pool_memory.ts";

/** Where sums and sessions begin to count with a member that starts slowly. */
const HALF = 500;

/** The slow starts of a pool. */
export class SlowStart {
  readonly #hash = new Fnv64();

  /** @param durationTicks How long one takes. */
  constructor(readonly shared: SharedPool, readonly durationTicks: number) {}

  /** Whether `member` gets this request; begins its slow start where it has not begun. */
  admits(member: Member, now: number): boolean {
    const progress = this.#progress(this.shared.beginRamp(member.slot, now), now);
    if (progress >= 1000) return true;
    const draw = this.#hash.start(member.keyHigh, member.keyLow).number(0, this.shared.nextDraw());
    return draw.modulo(1000) < progress;
  }

  /** The same for sums, sessions and the status: without drawing, and the same for every request. */
  counts(member: Member, now: number): boolean {
    const start = this.shared.rampStart(member.slot);
    return start === 0 || this.#progress(start, now) >= HALF;
  }

  /** From 1 to 1000. */
  #progress(start: number, now: number): number {
    const elapsed = Math.max(0, (now - start) | 0);
    return Math.min(1000, Math.max(1, Math.floor(elapsed * 1000 / this.durationTicks)));
  }
}
