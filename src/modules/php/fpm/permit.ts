/**
 * A place among the requests that php-fpm works on. It is given back when the work is over, which may be
 * later than the request: a script whose client has gone goes on (spec 07 section 18).
 *
 * @module
 */
import type { SharedCount } from "../../../net/fastcgi/mod.ts";

/** One place, with several users: the request, and attempts that are still at work. */
export class Permit {
  readonly #count: SharedCount;
  #users = 1;

  private constructor(count: SharedCount) {
    this.#count = count;
  }

  /** Takes a place, unless there are `max`. */
  static take(count: SharedCount, max: number): Permit | undefined {
    return count.tryTake(max) ? new Permit(count) : undefined;
  }

  /** One user more. */
  share(): void {
    this.#users++;
  }

  /** One user less; the last one gives the place back. */
  release(): void {
    if (--this.#users === 0) this.#count.giveBack();
  }
}
