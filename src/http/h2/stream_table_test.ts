import assert from "node:assert/strict";
import fc from "fast-check";
import { type Numbered, StreamTable } from "./stream_table.ts";

Deno.test("the table holds what a Map would hold, whatever is added and deleted", () => {
  const step = fc.tuple(
    fc.boolean(),
    fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(33, 65, 97, 129, 0x3fff_ffff)),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const table = new StreamTable<Numbered>();
    const model = new Map<number, Numbered>();
    for (const [adds, at] of steps) {
      const id = 2 * at + 1;
      if (!adds) {
        table.delete(id);
        model.delete(id);
      } else if (!model.has(id)) {
        const stream = { id };
        table.add(stream);
        model.set(id, stream);
      }
      assert.equal(table.size, model.size);
    }
    for (const [id, stream] of model) assert.equal(table.get(id), stream);
    for (let id = 1; id < 210; id += 2) assert.equal(table.get(id), model.get(id));
    assert.deepEqual(new Set(table.list()), new Set(model.values()));
    table.clear();
    assert.equal(table.size, 0);
    assert.deepEqual(table.list(), []);
  }));
});
