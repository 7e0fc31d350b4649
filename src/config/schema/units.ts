/**
 * Byte sizes as an operator writes them (spec 01 section 1.7).
 *
 * @module
 */

const UNIT_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 2 ** 10,
  kb: 2 ** 10,
  kib: 2 ** 10,
  m: 2 ** 20,
  mb: 2 ** 20,
  mib: 2 ** 20,
  g: 2 ** 30,
  gb: 2 ** 30,
  gib: 2 ** 30,
};

/** What {@linkcode parseByteSize} accepts, for messages. */
export const BYTE_SIZE_FORM =
  'a whole number of bytes, or digits and a unit of b, k, kb, kib, m, mb, mib, g, gb, gib such as "16MiB"';

/**
 * Bytes of a size: a number as it is, or digits and a unit. Every unit is a power of 1024, so `"1KB"`
 * is 1024; no fractions, signs or underscores.
 *
 * @returns `undefined` for any other text and for sizes that a double cannot hold exactly (2^53 and up).
 */
export function parseByteSize(value: number | string): number | undefined {
  if (typeof value === "number") {
    return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  }
  const match = /^([0-9]{1,16}) *([a-z]*)$/i.exec(value.trim());
  if (match === null) return undefined;
  const unit = match[2].toLowerCase();
  if (!Object.hasOwn(UNIT_BYTES, unit)) return undefined;
  const bytes = Number(match[1]) * UNIT_BYTES[unit];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size in the largest unit that divides it: `16 MiB`, `1500 bytes`. */
export function formatByteSize(bytes: number): string {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`;
  }
  return bytes === 1 ? "1 byte" : `${bytes} bytes`;
}
