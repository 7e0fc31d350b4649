import assert from "node:assert/strict";
import fc from "fast-check";
import { idKey, longHeaderOf, mayBeFirst, MIN_FIRST_BYTES, shortIdOf } from "./quic.ts";

/** A first packet of version 1 with these ids. */
function initial(destination: number[], source: number[], bytes = MIN_FIRST_BYTES): Uint8Array {
  const packet = new Uint8Array(bytes);
  packet.set([0xc0, 0, 0, 0, 1, destination.length, ...destination, source.length, ...source]);
  return packet;
}

Deno.test("a long header has both ids", () => {
  const header = longHeaderOf(initial([1, 2, 3, 4], [5, 6]));
  assert.equal(header?.version, 1);
  assert.deepEqual([...header!.destination], [1, 2, 3, 4]);
  assert.deepEqual([...header!.source], [5, 6]);
  assert.deepEqual([...longHeaderOf(initial([], []))!.destination], []);
});

Deno.test("a first datagram is large, and of some version", () => {
  assert.ok(mayBeFirst(initial([1], [2])));
  assert.ok(!mayBeFirst(initial([1], [2], MIN_FIRST_BYTES - 1)));
  const negotiation = initial([1], [2]);
  negotiation[4] = 0;
  assert.ok(!mayBeFirst(negotiation));
  assert.ok(!mayBeFirst(new Uint8Array(MIN_FIRST_BYTES).fill(0x40)));
});

Deno.test("a short header has an id as long as it is known to be", () => {
  const packet = Uint8Array.of(0x40, 9, 8, 7, 6, 5);
  assert.equal(idKey(shortIdOf(packet, 4)!), "\x09\x08\x07\x06");
  assert.equal(shortIdOf(packet, 5), undefined);
  assert.equal(shortIdOf(initial([1], [2]), 4), undefined);
  assert.equal(shortIdOf(Uint8Array.of(0, 1, 2, 3), 1), undefined);
});

Deno.test("ids longer than they may be, and what is cut, have no header; no bytes make it fail", () => {
  assert.equal(longHeaderOf(initial(Array(21).fill(1), [])), undefined);
  assert.equal(longHeaderOf(initial([], Array(21).fill(1))), undefined);
  assert.equal(longHeaderOf(Uint8Array.of(0xc0, 0, 0, 0, 1, 4, 1)), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const header = longHeaderOf(bytes);
    assert.ok((header?.destination.length ?? 0) <= 20);
    mayBeFirst(bytes);
    shortIdOf(bytes, 8);
  }));
});
