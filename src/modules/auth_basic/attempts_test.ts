import assert from "node:assert/strict";
import { Attempts } from "./attempts.ts";

Deno.test("an address that fails too often waits, others do not, and time forgets", () => {
  let now = 0;
  const attempts = new Attempts(() => now);
  for (let i = 0; i < 19; i++) attempts.fail("192.0.2.1");
  assert.equal(attempts.waitSecs("192.0.2.1"), 0);
  attempts.fail("192.0.2.1");
  assert.equal(attempts.waitSecs("192.0.2.1"), 3);
  assert.equal(attempts.waitSecs("192.0.2.2"), 0);
  now += 3_001;
  assert.equal(attempts.waitSecs("192.0.2.1"), 0);
  for (let i = 0; i < 2; i++) attempts.fail("192.0.2.1");
  assert.ok(attempts.waitSecs("192.0.2.1") > 0);
});

Deno.test("the table of addresses has a bound", () => {
  const attempts = new Attempts(() => 0);
  for (let i = 0; i < 25; i++) attempts.fail("192.0.2.1");
  for (let i = 0; i < 16_384; i++) attempts.fail(`2001:db8::${i.toString(16)}`);
  assert.equal(attempts.waitSecs("192.0.2.1"), 0);
});
