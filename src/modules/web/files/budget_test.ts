import assert from "node:assert/strict";
import fc from "fast-check";
import { Budget, Kept } from "./budget.ts";

function keep(budget: Budget, home: Map<string, Kept>, key: string, cost: number): Kept {
  const entry = new Kept(home, key, cost);
  if (budget.admit(entry)) home.set(key, entry);
  return entry;
}

Deno.test("budget: the entry used longest ago leaves, whichever map it is in", () => {
  const budget = new Budget(30);
  const [one, two] = [new Map<string, Kept>(), new Map<string, Kept>()];
  const a = keep(budget, one, "a", 10);
  keep(budget, two, "b", 10);
  keep(budget, one, "c", 10);
  budget.touch(a);
  keep(budget, two, "d", 10);
  assert.deepEqual([...one.keys()], ["a", "c"]);
  assert.deepEqual([...two.keys()], ["d"]);
});

Deno.test("budget: an entry larger than the limit is not taken and throws nothing out", () => {
  const budget = new Budget(30);
  const home = new Map<string, Kept>();
  keep(budget, home, "a", 30);
  keep(budget, home, "b", 31);
  assert.deepEqual([...home.keys()], ["a"]);
});

Deno.test("budget: a smaller limit takes effect at once", () => {
  const budget = new Budget(30);
  const home = new Map<string, Kept>();
  for (const key of "abc") keep(budget, home, key, 10);
  budget.limit = 15;
  assert.deepEqual([...home.keys()], ["c"]);
  assert.equal(budget.used, 10);
});

Deno.test("budget: dropping or touching what is no longer kept does nothing", () => {
  const budget = new Budget(30);
  const home = new Map<string, Kept>();
  const a = keep(budget, home, "a", 10);
  budget.drop(a);
  keep(budget, home, "a", 5);
  budget.drop(a);
  budget.touch(a);
  assert.equal(budget.used, 5);
  assert.deepEqual([...home.keys()], ["a"]);
});

Deno.test("budget: whatever is done, it counts what the maps hold and evicts in order of use", () => {
  const step = fc.record({
    does: fc.constantFrom("keep", "touch", "drop", "limit"),
    key: fc.constantFrom(..."abcdefgh"),
    cost: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const budget = new Budget(40);
    const home = new Map<string, Kept>();
    let model: { key: string; cost: number }[] = [];
    let limit = 40;
    const fit = (room: number) => {
      while (model.reduce((sum, { cost }) => sum + cost, 0) > room) model.shift();
    };
    for (const { does, key, cost } of steps) {
      const entry = home.get(key);
      const known = model.find((one) => one.key === key);
      if (does === "keep" && entry === undefined) {
        keep(budget, home, key, cost);
        if (cost <= limit) {
          fit(limit - cost);
          model.push({ key, cost });
        }
      } else if (does === "touch" && entry !== undefined && known !== undefined) {
        budget.touch(entry);
        model = [...model.filter((one) => one !== known), known];
      } else if (does === "drop" && entry !== undefined) {
        budget.drop(entry);
        model = model.filter((one) => one !== known);
      } else if (does === "limit") {
        budget.limit = limit = cost * 4;
        fit(limit);
      }
      assert.deepEqual([...home.keys()].sort(), model.map(({ key }) => key).sort());
      assert.equal(budget.used, model.reduce((sum, { cost }) => sum + cost, 0));
    }
  }));
});
