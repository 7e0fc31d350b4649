import assert from "node:assert/strict";
import { Slot } from "./slot.ts";
import { exchangeFixture } from "../testing/exchange_fixture.ts";

Deno.test("a slot has its initial value on every exchange until it is written there", () => {
  const slot = new Slot<string | undefined>(undefined);
  const other = new Slot(7);
  const [written, untouched] = [exchangeFixture(), exchangeFixture()];
  slot.set(written, "here");
  assert.deepEqual([slot.of(written), other.of(written)], ["here", 7]);
  assert.deepEqual([slot.of(untouched), other.of(untouched)], [undefined, 7]);
  other.set(written, 0);
  assert.deepEqual([slot.of(written), other.of(written)], ["here", 0]);
});

Deno.test("an exchange that no slot was written on has no memory for them", () => {
  const exchange = exchangeFixture();
  new Slot("").of(exchange);
  assert.equal(exchange.slots, undefined);
});
