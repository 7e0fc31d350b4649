import assert from "node:assert/strict";
import { z } from "zod";
import { byteSizeWhenEnabled, checkWhenEnabled, countWhenEnabled } from "./when_enabled.ts";

const bounds = {
  rate: { min: 1, max: 100 },
  room: { min: 1024, max: 2048, unit: "bytes" },
} as const;

const table = z.strictObject({
  enabled: z.boolean().default(false),
  rate: countWhenEnabled(bounds.rate).optional(),
  room: byteSizeWhenEnabled(bounds.room).default(1024),
}).superRefine(checkWhenEnabled(bounds));

function problems(value: unknown): string[] {
  const result = table.safeParse(value);
  return result.success ? [] : result.error.issues.map((i) => `${i.path.join(".")} ${i.message}`);
}

Deno.test("a number out of bounds is no problem while its table is off", () => {
  assert.deepEqual(problems({ rate: 0, room: "1b" }), []);
});

Deno.test("a number out of bounds is refused once its table is on, with what is allowed", () => {
  assert.deepEqual(problems({ enabled: true, rate: 0, room: "3KiB" }), [
    "rate must be from 1 to 100",
    "room must be from 1 KiB to 2 KiB",
  ]);
});

Deno.test("a number in bounds and an absent one pass", () => {
  assert.deepEqual(problems({ enabled: true, room: 2048 }), []);
});

Deno.test("a value of the wrong kind is refused even while its table is off", () => {
  assert.equal(problems({ rate: "7" }).length, 1);
  assert.equal(problems({ rate: -1 }).length, 1);
  assert.equal(problems({ room: "much" }).length, 1);
});
