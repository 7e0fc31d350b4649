import assert from "node:assert/strict";
import { Keep } from "./keep.ts";

/** Counts how often it is closed. */
class Closable {
  closed = 0;

  close(): void {
    this.closed++;
  }
}

Deno.test("snapshots that ask for one key get one object, and the last of them closes it", async () => {
  const keep = new Keep();
  const [first, second] = [keep.hold(), keep.hold()];
  const made = first.get("web/site a", () => new Closable());
  assert.equal(first.get("web/site a", () => new Closable()), made);
  assert.equal(second.get("web/site a", () => new Closable()), made);
  await first.release();
  assert.equal(made.closed, 0);
  await second.release();
  assert.equal(made.closed, 1);
  assert.equal(keep.size, 0);
});

Deno.test("another key is another object, closed with the only snapshot that asks for it", async () => {
  const keep = new Keep();
  const [first, second] = [keep.hold(), keep.hold()];
  const before = first.get("web/site a", () => new Closable());
  const after = second.get("web/site b", () => new Closable());
  await first.release();
  assert.deepEqual([before.closed, after.closed], [1, 0]);
  assert.equal(keep.size, 1);
});

Deno.test("what is asked for again after its end is made anew", async () => {
  const keep = new Keep();
  const first = keep.hold();
  const before = first.get("a", () => new Closable());
  await first.release();
  const after = keep.hold().get("a", () => new Closable());
  assert.notEqual(after, before);
  assert.deepEqual([before.closed, after.closed], [1, 0]);
});

Deno.test("an object that could not be made is not kept", () => {
  const keep = new Keep();
  const hold = keep.hold();
  const fail = (): Closable => {
    throw new Error("no such database");
  };
  assert.throws(() => hold.get("a", fail), /no such database/);
  assert.equal(keep.size, 0);
  assert.equal(hold.get("a", () => new Closable()).closed, 0);
});

Deno.test("an object without a close needs none", async () => {
  const hold = new Keep().hold();
  const plain = hold.get("a", () => new Map<string, string>());
  await hold.release();
  assert.equal(plain.size, 0);
});
