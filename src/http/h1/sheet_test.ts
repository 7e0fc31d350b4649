import assert from "node:assert/strict";
import { LARGE_BYTES } from "../../net/buffers.ts";
import { leaveSheet, shareSheet, type Sheet, takeSheet } from "./sheet.ts";

/** A sheet with a message of `length` bytes on it. */
function written(length: number): Sheet {
  const sheet = takeSheet();
  shareSheet(sheet, sheet.used + length);
  return sheet;
}

Deno.test("messages stand behind each other until a sheet is half full", () => {
  const first = written(100);
  const start = first.used;
  assert.equal(start >= 100, true);
  assert.equal(written(200), first);
  assert.equal(first.used >= start + 200, true);
  written(LARGE_BYTES / 2);
  const next = takeSheet();
  assert.notEqual(next.bytes, first.bytes);
  for (const sheet of [first, first, first, next]) leaveSheet(sheet);
});

Deno.test("a sheet that a message is being written on is not given out", () => {
  const first = takeSheet();
  const second = takeSheet();
  assert.notEqual(first.bytes, second.bytes);
  for (const sheet of [first, second]) leaveSheet(sheet);
});

Deno.test("a sheet is begun anew when all its messages have left, and not before", () => {
  const sheet = written(100);
  assert.equal(written(100), sheet);
  leaveSheet(sheet);
  assert.equal(sheet.used > 100, true);
  leaveSheet(sheet);
  assert.equal(sheet.used, 0);
  assert.equal(takeSheet(), sheet);
  leaveSheet(sheet);
});

Deno.test("what a failed message stands on is not written on again", () => {
  const failed = written(100);
  const end = failed.used;
  for (let i = 0; i < 1000; i++) {
    const sheet = takeSheet();
    assert.equal(sheet !== failed || sheet.used >= end, true);
    shareSheet(sheet, sheet.used + 100);
    leaveSheet(sheet);
  }
});
