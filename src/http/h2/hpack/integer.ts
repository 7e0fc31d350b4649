/**
 * Integers with a prefix, RFC 7541 section 5.1. The decoder has its own reading loop; this is the writing
 * half, and the bound both keep.
 *
 * @module
 */

/**
 * Most octets after the prefix. Four carry 28 bits: 268,435,455 and the prefix, more than any length or
 * index that could be right here, and no sum of it leaves the range of small integers.
 */
export const MAX_CONTINUATION_OCTETS = 4;

/** Most octets that {@linkcode writeInteger} writes. */
export const MAX_INTEGER_OCTETS = 1 + MAX_CONTINUATION_OCTETS;

/**
 * Writes `value` with a prefix of `prefixBits` bits whose upper bits are `pattern`.
 *
 * @returns The place after the last octet.
 */
export function writeInteger(
  value: number,
  prefixBits: number,
  pattern: number,
  into: Uint8Array,
  at: number,
): number {
  const most = (1 << prefixBits) - 1;
  if (value < most) {
    into[at] = pattern | value;
    return at + 1;
  }
  into[at++] = pattern | most;
  let rest = value - most;
  while (rest >= 0x80) {
    into[at++] = 0x80 | (rest & 0x7f);
    rest >>>= 7;
  }
  into[at] = rest;
  return at + 1;
}
