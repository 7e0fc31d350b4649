/**
 * Field names that arrive as literals, kept by their encoded bytes. Peers repeat a few dozen names on
 * every connection; knowing one by its bytes saves decoding it and making the string again, and gives
 * every exchange the very same string, which later comparisons are fastest on.
 *
 * Only names are kept, never values: they are no secret, and one worker shares the table.
 *
 * @module
 */

/** Slots; a name whose slot is taken simply replaces it. A power of two. */
const SLOTS = 512;

/** Longer encoded names are decoded each time. Bounds the table to 512 slots of a small string each. */
export const MAX_KEPT_NAME_BYTES = 48;

interface Slot {
  readonly huffman: boolean;
  readonly encoded: Uint8Array;
  readonly name: string;
}

const slots: (Slot | undefined)[] = new Array<Slot | undefined>(SLOTS).fill(undefined);

/** The name encoded by `block[start, end)`, or `undefined` when it is not kept. */
export function keptName(
  block: Uint8Array,
  start: number,
  end: number,
  huffman: boolean,
): string | undefined {
  const slot = slots[slotOf(block, start, end)];
  if (slot === undefined || slot.huffman !== huffman) return undefined;
  const { encoded } = slot;
  if (encoded.length !== end - start) return undefined;
  for (let i = 0; i < encoded.length; i++) {
    if (encoded[i] !== block[start + i]) return undefined;
  }
  return slot.name;
}

/**
 * Keeps `name` as what `block[start, end)` encodes.
 *
 * @returns The same text as an internalized string: property keys are, and equal ones are one object.
 */
export function keepName(
  block: Uint8Array,
  start: number,
  end: number,
  huffman: boolean,
  name: string,
): string {
  const interned = Object.keys({ [name]: 0 })[0];
  slots[slotOf(block, start, end)] = {
    huffman,
    encoded: block.slice(start, end),
    name: interned,
  };
  return interned;
}

/** FNV-1a. */
function slotOf(block: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ block[at], 0x01000193);
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
