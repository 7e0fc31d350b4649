import assert from "node:assert/strict";
import fc from "fast-check";
import { HpackError } from "./error.ts";
import { huffmanDecode, huffmanEncode, huffmanLength } from "./huffman.ts";

const latin1 = fc.uint8Array({ maxLength: 300 }).map((bytes) => String.fromCharCode(...bytes));

function decode(bytes: readonly number[] | Uint8Array): string {
  const source = Uint8Array.from(bytes);
  const into = new Uint8Array(Math.ceil(source.length * 8 / 5));
  return String.fromCharCode(...into.subarray(0, huffmanDecode(source, 0, source.length, into)));
}

Deno.test("every text comes back from its Huffman code, in the length foretold", () => {
  fc.assert(fc.property(latin1, (text) => {
    const into = new Uint8Array(text.length * 4 + 1);
    const end = huffmanEncode(text, into, 0);
    assert.equal(end, huffmanLength(text));
    assert.equal(decode(into.subarray(0, end)), text);
  }));
});

Deno.test("each single octet comes back from its Huffman code", () => {
  for (let code = 0; code < 256; code++) {
    const into = new Uint8Array(8);
    const end = huffmanEncode(String.fromCharCode(code), into, 0);
    assert.equal(decode(into.subarray(0, end)).charCodeAt(0), code);
  }
});

Deno.test("any bytes decode or are refused, and what decodes fits its room", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      decode(bytes);
    } catch (error) {
      assert.ok(error instanceof HpackError);
    }
  }));
});

Deno.test("a padding of eight bits or more is refused", () => {
  // "0" is 00000; then eleven ones.
  assert.throws(() => decode([0b00000_111, 0xff]), HpackError);
  assert.equal(decode([0b00000_111]), "0");
});

Deno.test("a padding that is not all ones is refused", () => {
  assert.throws(() => decode([0b00000_110]), HpackError);
});

Deno.test("the end symbol in a text is refused", () => {
  assert.throws(() => decode([0xff, 0xff, 0xff, 0xfc | 0b11]), HpackError);
  assert.throws(() => decode([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), HpackError);
});
