import assert from "node:assert/strict";
import { isWithin, RandomIds, readTraceparent, tracestateOf } from "./trace_fields.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

Deno.test("a traceparent of version 00 is read in either case, blanks around it trimmed", () => {
  const expected = { traceId: TRACE, parentId: PARENT, isSampled: true };
  assert.deepEqual(readTraceparent(` 00-${TRACE.toUpperCase()}-${PARENT}-01 `), expected);
  const unset = { ...expected, isSampled: false };
  assert.deepEqual(readTraceparent(`00-${TRACE}-${PARENT}-fe`), unset);
});

Deno.test("everything else is not a traceparent", () => {
  for (
    const text of [
      "",
      `01-${TRACE}-${PARENT}-01`,
      `ff-${TRACE}-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-1`,
      `00-${TRACE}-${PARENT}-01-`,
      `00-${"0".repeat(32)}-${PARENT}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00_${TRACE}-${PARENT}-01`,
      `00-${TRACE.slice(2)}zz-${PARENT}-01`,
    ]
  ) assert.equal(readTraceparent(text), undefined, text);
});

Deno.test("a tracestate is passed on as it came, its lines as one list", () => {
  assert.equal(tracestateOf(["a=1, b@c=x y ,", "d=2"]), "a=1,b@c=x y,d=2");
  assert.equal(tracestateOf([""]), "");
});

Deno.test("a tracestate that is not valid is left out", () => {
  for (const wrong of ["a", "A=1", "a=", "a=1=2", "a=1,a=2", "=1", "a=\u00e9", "@a=1"]) {
    assert.equal(tracestateOf([wrong]), "", wrong);
  }
  const many = Array.from({ length: 33 }, (_, i) => `k${i}=1`);
  assert.equal(tracestateOf([many.join(",")]), "");
});

Deno.test("a tracestate that is too long loses long members first, then the last ones", () => {
  const long = `long=${"x".repeat(200)}`;
  const short = Array.from({ length: 20 }, (_, i) => `k${i}=${"y".repeat(20)}`);
  const kept = tracestateOf([[...short.slice(0, 2), long, ...short.slice(2)].join(",")]);
  assert.ok(kept.length <= 512 && kept.startsWith("k0=") && !kept.includes("long"));
  assert.equal(kept, short.slice(0, kept.split(",").length).join(","));
});

Deno.test("ids are hexadecimal, of their length, and differ", () => {
  const ids = new RandomIds();
  const made = new Set(Array.from({ length: 1000 }, () => ids.next(8)));
  assert.equal(made.size, 1000);
  assert.ok([...made].every((id) => /^[0-9a-f]{16}$/.test(id)));
  assert.match(ids.next(16), /^[0-9a-f]{32}$/);
});

Deno.test("a ratio chooses about its part, and each trace alike everywhere", () => {
  const ids = new RandomIds();
  const traces = Array.from({ length: 10_000 }, () => ids.next(16));
  const chosen = traces.filter((trace) => isWithin(0.1, trace));
  assert.ok(chosen.length > 700 && chosen.length < 1300, `${chosen.length}`);
  assert.ok(chosen.every((trace) => isWithin(0.2, trace)), "a larger part has the smaller one");
  assert.ok(traces.every((trace) => isWithin(1, trace) && !isWithin(0, trace)));
});
