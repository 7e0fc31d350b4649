import assert from "node:assert/strict";
import { parseReport } from "./worker_report.ts";

const REPORTS = [
  { kind: "prepared" },
  { kind: "committed" },
  { kind: "closed" },
  { kind: "drained" },
  { kind: "log" },
  { kind: "failed", reason: "why" },
  { kind: "listening", listeners: [{ name: "127.0.0.1:80", description: "tcp" }] },
];

for (const report of REPORTS) {
  Deno.test(`a report of the kind ${report.kind} is read as it was sent`, () => {
    assert.deepEqual(parseReport(structuredClone({ id: 3, report })), { id: 3, report });
  });
}

function cyclic(): unknown {
  const value: Record<string, unknown> = { id: 1 };
  value.report = value;
  return value;
}

const OTHERS: readonly unknown[] = [
  null,
  undefined,
  {},
  [],
  "log",
  0,
  1n,
  true,
  cyclic(),
  new Map([["id", 0]]),
  new Date(NaN),
  new Error("not a report"),
  /regexp/,
  new Uint8Array(8),
  new SharedArrayBuffer(8),
  [0, { kind: "log" }],
  { id: -1, report: { kind: "log" } },
  { id: 0.5, report: { kind: "log" } },
  { id: NaN, report: { kind: "log" } },
  { id: 2 ** 53, report: { kind: "log" } },
  { id: "1", report: { kind: "log" } },
  { id: 1n, report: { kind: "log" } },
  { id: 0 },
  { id: 0, report: null },
  { id: 0, report: "log" },
  { id: 0, report: {} },
  { id: 0, report: { kind: "toString" } },
  { id: 0, report: { kind: ["log"] } },
  { id: 0, report: { kind: "failed" } },
  { id: 0, report: { kind: "failed", reason: 5 } },
  { id: 0, report: { kind: "listening" } },
  { id: 0, report: { kind: "listening", listeners: null } },
  { id: 0, report: { kind: "listening", listeners: { length: 1 } } },
  { id: 0, report: { kind: "listening", listeners: [null] } },
  { id: 0, report: { kind: "listening", listeners: [{ name: 1, description: {} }] } },
  {
    id: 0,
    report: { kind: "listening", listeners: [{ name: "x".repeat(10_000), description: "tcp" }] },
  },
  { id: 0, report: { kind: "listening", listeners: new Array(2 ** 32 - 1) } },
];

Deno.test("whatever else can be cloned is no report", () => {
  for (const message of OTHERS) {
    assert.equal(parseReport(message), undefined, Deno.inspect(message));
  }
});

Deno.test("a reason is cut, and nothing that came with a report is kept", () => {
  const reason = "x".repeat(100_000);
  const parsed = parseReport({ id: 0, report: { kind: "failed", reason, more: 1 }, more: 1 });
  assert.deepEqual(Object.keys(parsed ?? {}), ["id", "report"]);
  assert.ok(parsed?.report.kind === "failed" && parsed.report.reason.length < 10_000);
});
