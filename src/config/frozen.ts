/**
 * Immutable plain data.
 *
 * @module
 */

/** `T` with every property and element read-only, at every depth. */
export type Frozen<T> = T extends Date ? T
  : T extends readonly (infer Item)[] ? readonly Frozen<Item>[]
  : T extends object ? { readonly [Key in keyof T]: Frozen<T[Key]> }
  : T;

/**
 * Freezes `value` and everything in it, and returns it. A copy posted to a worker is not frozen; the
 * worker calls this once more.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
