import assert from "node:assert/strict";
import { ConnectionBudget } from "./connection_budget.ts";

Deno.test("a budget gives as many as it has", () => {
  const budget = new ConnectionBudget(2);
  assert.deepEqual([budget.take(), budget.take(), budget.take()], [true, true, false]);
  budget.release();
  assert.equal(budget.take(), true);
  assert.equal(budget.open, 2);
});

Deno.test("workers share one budget", () => {
  const shared = new SharedArrayBuffer(ConnectionBudget.bytes(2));
  const first = new ConnectionBudget(2, shared, 0);
  const second = new ConnectionBudget(2, shared, 1);
  assert.deepEqual([first.take(), second.take(), first.take()], [true, true, false]);
});

Deno.test("what a dead worker held is given back", () => {
  const shared = new SharedArrayBuffer(ConnectionBudget.bytes(2));
  const dead = new ConnectionBudget(3, shared, 0);
  const alive = new ConnectionBudget(3, shared, 1);
  dead.take();
  dead.take();
  alive.take();
  ConnectionBudget.forget(shared, 0);
  ConnectionBudget.forget(shared, 0);
  assert.equal(alive.open, 1, "it is given back once");
});
