/**
 * Numbers that only have to be in bounds while their table is enabled: an operator may keep a table
 * that is switched off as it was, with a zero or a missing rate in it (spec 02 sections 11 and 12).
 *
 * @module
 */
import { z } from "zod";
import { formatByteSize } from "./units.ts";
import { byteSize, valueKinds } from "./values.ts";

/** Inclusive bounds of a number. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  /** How the value is written and shown; a plain integer unless it is `bytes`. */
  readonly unit?: "bytes";
}

/** A whole number, not negative; {@linkcode checkWhenEnabled} holds it to `bounds`. */
export function countWhenEnabled(bounds: Bounds) {
  return z.int().min(0)
    .register(valueKinds, { type: "integer", allowed: `${inWords(bounds)} when enabled` });
}

/** A byte size; {@linkcode checkWhenEnabled} holds it to `bounds`. */
export function byteSizeWhenEnabled(bounds: Bounds) {
  return byteSize({ min: 0 })
    .register(valueKinds, {
      type: "byte size",
      isNumber: true,
      allowed: `${inWords(bounds)} when enabled`,
    });
}

/** Checks the numbers of a table that is enabled; for `superRefine`. Absent values are not its business. */
export function checkWhenEnabled(
  bounds: Readonly<Record<string, Bounds>>,
): (table: { readonly enabled: boolean }, context: z.RefinementCtx) => void {
  return (table, context) => {
    if (!table.enabled) return;
    for (const [key, value] of Object.entries(table)) {
      const allowed = bounds[key];
      if (allowed === undefined || typeof value !== "number") continue;
      if (value >= allowed.min && value <= allowed.max) continue;
      context.addIssue({
        code: "custom",
        input: value,
        path: [key],
        message: `must be ${inWords(allowed)}`,
      });
    }
  };
}

function inWords({ min, max, unit }: Bounds): string {
  return unit === "bytes"
    ? `from ${formatByteSize(min)} to ${formatByteSize(max)}`
    : `from ${min} to ${max}`;
}
