/**
 * Copies octets between buffers.
 *
 * @module
 */

/** Up to here a loop is cheaper than the view that `set` needs. */
const LOOP_BYTES = 64;

/** Copies `from[start, start + count)` to `into` at `at`; the two must not overlap. */
export function copyBytes(
  from: Uint8Array,
  start: number,
  count: number,
  into: Uint8Array,
  at: number,
): void {
  if (count <= LOOP_BYTES) {
    for (let i = 0; i < count; i++) into[at + i] = from[start + i];
  } else if (count === from.length) {
    into.set(from, at);
  } else {
    into.set(from.subarray(start, start + count), at);
  }
}
