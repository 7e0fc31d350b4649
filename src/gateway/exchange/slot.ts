/**
 * What a module remembers of one exchange, out of sight of the gateway and of other modules.
 *
 * @module
 */

/** What has slots: an exchange. */
export interface SlotHolder {
  /** By the number of the slot; `undefined` until something is written, which for most exchanges is never. */
  slots: unknown[] | undefined;
}

/** How many slots this program has: each is a place of its own. */
let count = 0;

/**
 * A place on every exchange for one value, declared once at the top of a file of the module that owns it:
 *
 * ```ts
 * const ALLOWED_BY = new Slot("");
 * ALLOWED_BY.set(exchange, service);
 * if (ALLOWED_BY.of(exchange) === service) return;
 * ```
 *
 * An exchange whose slots nothing is written to pays nothing for them, and no exchange finds in them what
 * another one has left.
 */
export class Slot<T> {
  readonly #at = count++;

  /**
   * A place of its own.
   *
   * @param initial The value on an exchange where none was written.
   */
  constructor(readonly initial: T) {}

  /** The value on `holder`. */
  of({ slots }: Readonly<SlotHolder>): T {
    if (slots === undefined) return this.initial;
    const value = slots[this.#at];
    // Nothing but `set` writes to this place, and never `undefined`.
    return value === undefined ? this.initial : value as T;
  }

  /** Writes the value on `holder`; `undefined` makes it the initial one again. */
  set(holder: SlotHolder, value: T): void {
    (holder.slots ??= [])[this.#at] = value;
  }
}
