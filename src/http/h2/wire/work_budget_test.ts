import assert from "node:assert/strict";
import { ConnectionError } from "./errors.ts";
import { BURST, UNITS_PER_SECOND, WorkBudget } from "./work_budget.ts";

const isCalming = (error: unknown) =>
  error instanceof ConnectionError && error.message === "too much that brings nothing";

Deno.test("a budget ends the connection when it is used up", () => {
  const budget = new WorkBudget(1000);
  budget.spend(1000, BURST);
  assert.throws(() => budget.spend(1000, 1), isCalming);
});

Deno.test("a budget grows back with time, up to its size", () => {
  const budget = new WorkBudget(1000);
  budget.spend(1000, BURST);
  budget.spend(1500, UNITS_PER_SECOND / 2);
  assert.throws(() => budget.spend(1500, 1), isCalming);
  const rested = new WorkBudget(1000);
  rested.spend(1_000_000, BURST);
  assert.throws(() => rested.spend(1_000_000, 1), isCalming);
});

Deno.test("progress fills a budget, and never beyond its size", () => {
  const budget = new WorkBudget(1000);
  budget.onAnswer();
  budget.spend(1000, BURST);
  budget.onAnswer();
  budget.spend(1000, 4);
  budget.onBodyRead(8192);
  budget.spend(1000, 2);
  budget.onDataSent(10, false);
  budget.spend(1000, 3);
  assert.throws(() => budget.spend(1000, 1), isCalming);
});

Deno.test("DATA that the peer's window cut short counts by its octets", () => {
  const budget = new WorkBudget(1000);
  budget.spend(1000, BURST);
  for (let i = 0; i < 63; i++) budget.onDataSent(1, true);
  assert.throws(() => budget.spend(1000, 1), isCalming);
});
