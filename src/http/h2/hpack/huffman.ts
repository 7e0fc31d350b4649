/**
 * The Huffman code of RFC 7541 appendix B.
 *
 * The code is canonical: codes of one length count up in symbol order, and each length goes on where the
 * shorter one ended. So the lengths are all there is to write down. Decoding runs a state machine four
 * bits at a time: a state is a place in the code tree, a step is one array look-up.
 *
 * @module
 */
import { HpackError } from "./error.ts";

/** Bits of each symbol's code; the last one is EOS, which must never be sent whole. */
// deno-fmt-ignore: a table of 24 columns is what the eye can check against the RFC.
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
  7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
  23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
  21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const EOS = 256;
const codes = assignCodes();
const codeBits = Uint8Array.from(CODE_BITS.slice(0, EOS));

/** Step of the state machine: next state, and what the step means. */
const NEXT_MASK = 0xff;
const EMITS = 0x100;
const SYMBOL_SHIFT = 16;
/** The step runs into EOS. */
const FAILS = 0x200;
/** Ending in the next state is right: the bits since the last symbol are a proper padding. */
const ACCEPTS = 0x400;
const steps = buildSteps();

/**
 * Decodes `source[start, end)` to `into[0, ...)`.
 *
 * @param into Room for at least `(end - start) * 8 / 5` bytes: the shortest code has five bits.
 * @returns How many bytes were written.
 * @throws {HpackError} when EOS is in the text, or the padding is not the first bits of EOS or
 * longer than seven bits (RFC 7541 section 5.2).
 */
export function huffmanDecode(
  source: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
): number {
  let step = ACCEPTS;
  let size = 0;
  for (let at = start; at < end; at++) {
    const byte = source[at];
    step = steps[((step & NEXT_MASK) << 4) | (byte >> 4)];
    if ((step & (EMITS | FAILS)) !== 0) {
      if ((step & FAILS) !== 0) throw new HpackError("the end symbol stands in a Huffman text");
      into[size++] = step >> SYMBOL_SHIFT;
    }
    step = steps[((step & NEXT_MASK) << 4) | (byte & 15)];
    if ((step & (EMITS | FAILS)) !== 0) {
      if ((step & FAILS) !== 0) throw new HpackError("the end symbol stands in a Huffman text");
      into[size++] = step >> SYMBOL_SHIFT;
    }
  }
  if ((step & ACCEPTS) === 0) throw new HpackError("a Huffman text has a wrong padding");
  return size;
}

/** Bytes that {@linkcode huffmanEncode} needs for `text`, whose characters are all below 256. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += codeBits[text.charCodeAt(i)];
  return (bits + 7) >> 3;
}

/**
 * Encodes `text`, whose characters are all below 256, to `into` from `at` on.
 *
 * @returns The place after the last byte written.
 */
export function huffmanEncode(text: string, into: Uint8Array, at: number): number {
  let pending = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    let length = codeBits[symbol];
    let code = codes[symbol];
    if (length > 16) {
      // In two parts: with the up to seven bits that wait, a whole code could be 37 bits long.
      pending = (pending << (length - 16)) | (code >>> 16);
      bits += length - 16;
      while (bits >= 8) into[at++] = pending >>> (bits -= 8);
      pending &= (1 << bits) - 1;
      code &= 0xffff;
      length = 16;
    }
    pending = (pending << length) | code;
    bits += length;
    while (bits >= 8) into[at++] = pending >>> (bits -= 8);
    pending &= (1 << bits) - 1;
  }
  if (bits > 0) into[at++] = (pending << (8 - bits)) | (0xff >> bits);
  return at;
}

function assignCodes(): Uint32Array {
  const assigned = new Uint32Array(EOS + 1);
  let code = 0;
  for (let length = 1; length <= 30; length++) {
    for (let symbol = 0; symbol <= EOS; symbol++) {
      if (CODE_BITS[symbol] === length) assigned[symbol] = code++;
    }
    code <<= 1;
  }
  return assigned;
}

/** The code tree has 256 inner nodes: they are the states, the root is state 0. */
function buildSteps(): Uint32Array {
  const LEAF = 1 << 16;
  const children: [number, number][] = [[0, 0]];
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    for (let bit = CODE_BITS[symbol] - 1; bit > 0; bit--) {
      const side = (codes[symbol] >>> bit) & 1;
      if (children[node][side] === 0) children[node][side] = children.push([0, 0]) - 1;
      node = children[node][side];
    }
    children[node][codes[symbol] & 1] = LEAF | symbol;
  }
  // Up to seven 1 bits after a symbol are padding, since EOS is all ones.
  const accepting = new Set<number>();
  for (let node = 0, depth = 0; depth <= 7; depth++, node = children[node][1]) accepting.add(node);

  const table = new Uint32Array(children.length << 4);
  for (let state = 0; state < children.length; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = state;
      let step = 0;
      for (let bit = 3; bit >= 0; bit--) {
        node = children[node][(nibble >> bit) & 1];
        if ((node & LEAF) === 0) continue;
        const symbol = node & ~LEAF;
        step |= symbol === EOS ? FAILS : EMITS | (symbol << SYMBOL_SHIFT);
        node = 0;
      }
      table[(state << 4) | nibble] = step | node | (accepting.has(node) ? ACCEPTS : 0);
    }
  }
  return table;
}
