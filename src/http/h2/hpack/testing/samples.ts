/**
 * What the tests of this folder share.
 *
 * @module
 */
import { Classifier, type Decoder } from "../decoder.ts";
import { Encoder } from "../encoder.ts";

/** A field. */
export type Pair = [name: string, value: string];

/** Tags nothing. */
export const plainClassifier = new Classifier(() => 0);

/** Decodes one block to pairs. */
export function decodeBlock(decoder: Decoder, block: Uint8Array): Pair[] {
  const pairs: Pair[] = [];
  decoder.decode(block, 0, block.length, {
    field: (name, value) => void pairs.push([name, value]),
  });
  return pairs;
}

/** Encodes pairs to one block. */
export function encodeBlock(encoder: Encoder, pairs: readonly Pair[]): Uint8Array {
  const room = Encoder.bound(pairs.map(([name]) => name), pairs.map(([, value]) => value));
  const block = new Uint8Array(room);
  let at = encoder.begin(block, 0);
  for (const [name, value] of pairs) at = encoder.field(name, value, block, at);
  if (at > room) throw new Error(`the bound of ${room} was passed: ${at}`);
  return block.subarray(0, at);
}

/** Octets written in hexadecimal, with white space anywhere. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
