import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeBlock, fromHex, plainClassifier } from "./testing/samples.ts";
import { Classifier, Decoder } from "./decoder.ts";
import { HpackError } from "./error.ts";
import { TextCache } from "./text_cache.ts";

function refused(wire: string, decoder = new Decoder(plainClassifier)): void {
  assert.throws(() => decodeBlock(decoder, fromHex(wire)), HpackError);
}

Deno.test("index 0 is refused", () => refused("80"));

Deno.test("an index beyond both tables is refused", () => refused("be"));

Deno.test("a literal whose name index is beyond both tables is refused", () => refused("7e 01 61"));

Deno.test("an integer of more octets than any index needs is refused", () => {
  refused("ff 80 80 80 80 00");
  refused("ff ff ff ff ff ff ff ff ff 7f");
});

Deno.test("an integer that ends with the block is refused", () => refused("ff 80"));

Deno.test("a text longer than its block is refused", () => refused("40 05 61 62"));

Deno.test("a block that ends after a name is refused", () => refused("40 01 61"));

Deno.test("a table size update after a field is refused", () => refused("82 20"));

Deno.test("a table size above the announced one is refused", () => {
  refused("3f e2 1f"); // 4097
  assert.deepEqual(decodeBlock(new Decoder(plainClassifier), fromHex("3f e1 1f 82")), [
    [":method", "GET"],
  ]);
});

Deno.test("two table size updates may be before the first field", () => {
  const decoder = new Decoder(plainClassifier);
  decodeBlock(decoder, fromHex("40 01 61 01 62"));
  assert.equal(decoder.tableBytes, 34);
  assert.deepEqual(decodeBlock(decoder, fromHex("20 3f e1 1f")), []);
  assert.equal(decoder.tableBytes, 0);
  refused("be", decoder);
});

Deno.test("an entry larger than the table empties it and is not kept", () => {
  const decoder = new Decoder(plainClassifier, 64);
  decodeBlock(decoder, fromHex("40 01 61 01 62"));
  const large = `40 01 61 28 ${"62".repeat(40)}`;
  assert.deepEqual(decodeBlock(decoder, fromHex(large)), [["a", "b".repeat(40)]]);
  assert.equal(decoder.tableBytes, 0);
});

Deno.test("a field that refers to the name it pushes out is still right", () => {
  const decoder = new Decoder(plainClassifier, 40);
  decodeBlock(decoder, fromHex("40 03 61 61 61 03 62 62 62"));
  assert.deepEqual(decodeBlock(decoder, fromHex("7e 03 63 63 63")), [["aaa", "ccc"]]);
  assert.deepEqual(decodeBlock(decoder, fromHex("be")), [["aaa", "ccc"]]);
});

Deno.test("a name comes out the same whether it was kept or decoded", () => {
  const decoder = new Decoder(plainClassifier);
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(decodeBlock(decoder, fromHex("00 03 25 a8 4f 01 31")), [["%\u00a8O", "1"]]);
    assert.deepEqual(decodeBlock(decoder, fromHex("00 83 25 a8 4f 01 31")), [["cust", "1"]]);
  }
});

Deno.test("a kept value comes out the same, with the tag of the name it is beside", () => {
  const names: string[] = [];
  const classifier = new Classifier((name) => {
    names.push(name);
    return name === "a" ? 1 : 2;
  });
  names.length = 0;
  const decoder = new Decoder(classifier, 4096, new TextCache(16));
  const seen: [string, string, number][] = [];
  const sink = {
    field: (name: string, value: string, tag: number) => void seen.push([name, value, tag]),
  };
  const block = fromHex("00 01 61 02 76 31  00 01 61 02 76 31  00 01 62 02 76 31");
  decoder.decode(block, 0, block.length, sink);
  assert.deepEqual(seen, [["a", "v1", 1], ["a", "v1", 1], ["b", "v1", 2]]);
  assert.deepEqual(names, ["a", "b"]);
});

Deno.test("a kept value of an empty name is judged like any other", () => {
  const classifier = new Classifier((name) => name === "" ? 7 : 0);
  const decoder = new Decoder(classifier, 4096, new TextCache(16));
  const tags: number[] = [];
  const sink = { field: (_name: string, _value: string, tag: number) => void tags.push(tag) };
  const block = fromHex("40 00 02 76 31  be  00 00 02 76 31");
  decoder.decode(block, 0, block.length, sink);
  assert.deepEqual(tags, [7, 7, 7]);
});

Deno.test("a never-indexed value is not kept", () => {
  let calls = 0;
  const classifier = new Classifier(() => ++calls);
  const decoder = new Decoder(classifier, 4096, new TextCache(16));
  calls = 0;
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(decodeBlock(decoder, fromHex("10 01 61 02 76 31")), [["a", "v1"]]);
  }
  assert.equal(calls, 3);
});

Deno.test("a field's tag is worked out once and stays with its table entry", () => {
  let calls = 0;
  const decoder = new Decoder(
    new Classifier((name) => {
      calls++;
      return name === "a" ? 7 : 0;
    }),
  );
  calls = 0;
  const tags: number[] = [];
  const sink = { field: (_: string, __: string, tag: number) => void tags.push(tag) };
  const block = fromHex("40 01 61 01 62 be be");
  decoder.decode(block, 0, block.length, sink);
  assert.deepEqual(tags, [7, 7, 7]);
  assert.equal(calls, 1);
});

Deno.test("a block of references to one large entry costs no copies", () => {
  const decoder = new Decoder(plainClassifier);
  decodeBlock(decoder, fromHex(`40 01 61 7f d1 1e ${"62".repeat(4048)}`));
  assert.equal(decoder.tableBytes, 4048 + 1 + 32);
  let total = 0;
  const seen = new Set<string>();
  const bomb = new Uint8Array(65_536).fill(0xbe);
  decoder.decode(bomb, 0, bomb.length, {
    field(_name, value) {
      total += value.length;
      seen.add(value);
    },
  });
  assert.equal(total, 65_536 * 4048);
  assert.equal(seen.size, 1);
});

Deno.test("any bytes decode or are refused with an HpackError, and the table keeps its bound", () => {
  const field = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.integer({ min: 0x80, max: 0xff }).map((octet) => Uint8Array.of(octet)),
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map((text) =>
      Uint8Array.of(0x40, 1, 97, text.length, ...text)
    ),
    fc.integer({ min: 0x20, max: 0x3f }).map((octet) => Uint8Array.of(octet, 1)),
  );
  fc.assert(
    fc.property(fc.array(fc.array(field, { maxLength: 12 }), { maxLength: 6 }), (blocks) => {
      const decoder = new Decoder(plainClassifier, 128);
      for (const parts of blocks) {
        try {
          decodeBlock(decoder, Uint8Array.from(parts.flatMap((part) => [...part])));
        } catch (error) {
          assert.ok(error instanceof HpackError, String(error));
          return;
        } finally {
          assert.ok(decoder.tableBytes <= 128);
        }
      }
    }),
    { numRuns: 2000 },
  );
});
