import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeBlock,
  encodeBlock,
  fromHex,
  type Pair,
  plainClassifier,
} from "./testing/samples.ts";
import { Decoder } from "./decoder.ts";
import { Encoder } from "./encoder.ts";

Deno.test("a pair of the static table is one octet", () => {
  assert.deepEqual(encodeBlock(new Encoder(), [[":status", "200"]]), fromHex("88"));
});

Deno.test("a pair that comes again becomes one octet", () => {
  const encoder = new Encoder();
  const pair: Pair[] = [["cache-control", "max-age=60"]];
  assert.equal(encodeBlock(encoder, pair)[0] & 0xf0, 0x00, "first as it is");
  assert.equal(encodeBlock(encoder, pair)[0] & 0xc0, 0x40, "then into the table");
  assert.deepEqual(encodeBlock(encoder, pair), fromHex("be"));
});

Deno.test("values that never repeat stay out of the table", () => {
  const encoder = new Encoder();
  const decoder = new Decoder(plainClassifier);
  for (let i = 0; i < 50; i++) {
    decodeBlock(decoder, encodeBlock(encoder, [["x-request-id", `id-${i}`]]));
  }
  assert.equal(decoder.tableBytes, 0);
});

for (const name of ["authorization", "proxy-authorization", "cookie", "set-cookie"]) {
  Deno.test(`${name} is never indexed, however often it comes`, () => {
    const encoder = new Encoder();
    for (let i = 0; i < 4; i++) {
      assert.equal(encodeBlock(encoder, [[name, "secret"]])[0] & 0xf0, 0x10);
    }
  });
}

Deno.test("a secret stays never-indexed when the memory of names is full", () => {
  const encoder = new Encoder();
  for (let i = 0; i < 200; i++) encodeBlock(encoder, [[`x-${i}`, "1"]]);
  const block = encodeBlock(encoder, [["cookie", "a=b"]]);
  assert.equal(block[0] & 0xf0, 0x10);
  assert.deepEqual(decodeBlock(new Decoder(plainClassifier), block), [["cookie", "a=b"]]);
});

Deno.test("a smaller table of the peer is announced before the next field, and kept", () => {
  const encoder = new Encoder();
  const decoder = new Decoder(plainClassifier);
  const pairs: Pair[] = [["a-name", "a-value"], ["b-name", "b-value"]];
  for (let i = 0; i < 3; i++) decodeBlock(decoder, encodeBlock(encoder, pairs));
  assert.equal(decoder.tableBytes, 2 * (6 + 7 + 32));
  encoder.tableLimit = 50;
  const block = encodeBlock(encoder, pairs);
  assert.equal(block[0] & 0xe0, 0x20);
  assert.deepEqual(decodeBlock(decoder, block), pairs);
  assert.ok(decoder.tableBytes <= 50);
});

Deno.test("a table that shrank and grew between blocks is announced with both sizes", () => {
  const encoder = new Encoder();
  encoder.tableLimit = 0;
  encoder.tableLimit = 8192;
  assert.deepEqual(encodeBlock(encoder, []), fromHex("20 3f e1 1f"));
  assert.deepEqual(encodeBlock(encoder, []), fromHex(""));
});

Deno.test("with a table of no size every field is a literal", () => {
  const encoder = new Encoder();
  encoder.tableLimit = 0;
  encodeBlock(encoder, []);
  for (let i = 0; i < 3; i++) {
    assert.equal(encodeBlock(encoder, [["x-a", "1"]])[0] & 0xf0, 0x00);
  }
});

Deno.test("a value beyond Latin-1 goes as UTF-8, never cut to octets", () => {
  const encoder = new Encoder();
  const utf8 = String.fromCharCode(...new TextEncoder().encode("caf\u00e9 \u010a"));
  for (let i = 0; i < 3; i++) {
    const block = encodeBlock(encoder, [["x-text", "caf\u00e9 \u010a"]]);
    assert.deepEqual(decodeBlock(new Decoder(plainClassifier), block), [["x-text", utf8]]);
  }
});

Deno.test("what is encoded decodes to the same, whatever the order and the table size", () => {
  const name = fc.constantFrom(
    ":status",
    ":path",
    "content-type",
    "set-cookie",
    "x-one",
    "x-two",
    "date",
    "cookie",
    "accept-encoding",
  );
  const value = fc.oneof(
    fc.constantFrom("", "200", "a", "gzip, deflate", "text/html", "b".repeat(600)),
    fc.string({ unit: "binary-ascii", maxLength: 40 }),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => String.fromCharCode(...bytes)),
  );
  const step = fc.record({
    limit: fc.option(fc.integer({ min: 0, max: 5000 }), { freq: 5, nil: undefined }),
    pairs: fc.array(fc.tuple(name, value), { maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const encoder = new Encoder();
      const decoder = new Decoder(plainClassifier);
      for (const { limit, pairs } of steps) {
        if (limit !== undefined) encoder.tableLimit = limit;
        assert.deepEqual(decodeBlock(decoder, encodeBlock(encoder, pairs)), pairs);
      }
    }),
    { numRuns: 500 },
  );
});
