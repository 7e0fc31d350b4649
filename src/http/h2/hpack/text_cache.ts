/**
 * Texts that arrive as literals again and again, kept by their encoded bytes: knowing one by its bytes
 * saves decoding it and making the string once more.
 *
 * @module
 */

/** Longer encoded texts are decoded each time: they are rarely the same. */
export const MAX_KEPT_BYTES = 64;

/** A text that is kept. */
export interface KeptText {
  readonly huffman: boolean;
  readonly encoded: Uint8Array;
  readonly text: string;
  /** For a value: the name it came with last, if any, and the tag that was worked out for the two. */
  name: string | undefined;
  tag: number;
}

/** A table of bounded size; a text whose slot is taken replaces what was there. */
export class TextCache {
  readonly #slots: (KeptText | undefined)[];
  readonly #mask: number;

  /** @param slots A power of two. With texts of {@linkcode MAX_KEPT_BYTES} each costs some 300 bytes. */
  constructor(slots: number) {
    this.#slots = new Array<KeptText | undefined>(slots).fill(undefined);
    this.#mask = slots - 1;
  }

  /** What `block[start, end)` encodes, or `undefined` when that is not kept. */
  find(block: Uint8Array, start: number, end: number, huffman: boolean): KeptText | undefined {
    const kept = this.#slots[this.#slotOf(block, start, end)];
    if (kept === undefined || kept.huffman !== huffman) return undefined;
    const { encoded } = kept;
    if (encoded.length !== end - start) return undefined;
    for (let i = 0; i < encoded.length; i++) {
      if (encoded[i] !== block[start + i]) return undefined;
    }
    return kept;
  }

  /**
   * Keeps `text` as what `block[start, end)` encodes.
   *
   * @returns The entry; its text is internalized, as property keys are, and equal ones are one object.
   */
  keep(
    block: Uint8Array,
    start: number,
    end: number,
    huffman: boolean,
    text: string,
  ): KeptText {
    const kept: KeptText = {
      huffman,
      encoded: block.slice(start, end),
      text: Object.keys({ [text]: 0 })[0],
      name: undefined,
      tag: 0,
    };
    this.#slots[this.#slotOf(block, start, end)] = kept;
    return kept;
  }

  /** FNV-1a. */
  #slotOf(block: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ block[at], 0x01000193);
    return (hash ^ (hash >>> 15)) & this.#mask;
  }
}
