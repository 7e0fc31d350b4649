import assert from "node:assert/strict";
import { z } from "zod";
import { findings, numberRange } from "./issues.ts";
import { byteSize, count, headerName, headerValue, secs } from "../schema/values.ts";

const schema = z.strictObject({
  size: byteSize({ max: 1024 }).optional(),
  secs: secs().optional(),
  word: z.enum(["one", "two"]).optional(),
  only: z.literal("x").optional(),
  list: z.array(z.string()).min(1).max(2).optional(),
  text: z.string().min(2).optional(),
  set: z.record(headerName(), headerValue()).optional(),
  choice: z.union([z.literal("off"), z.strictObject({ a: z.int() })]).optional(),
  need: z.strictObject({ a: z.boolean() }).optional(),
});

function said(input: unknown): string[] {
  const { error } = schema.safeParse(input, { reportInput: true });
  return findings(error?.issues ?? [], schema).map(({ path, message }) =>
    `${path.join(".")} ${message}`
  );
}

Deno.test("a number out of range gets its whole range, not just the bound it missed", () => {
  assert.deepEqual(said({ secs: 0 }), ["secs must be from 1 to 86400; found 0"]);
  assert.deepEqual(said({ secs: 86_401 }), ["secs must be from 1 to 86400; found 86401"]);
});

Deno.test("a byte size gets its bounds in the largest unit", () => {
  assert.deepEqual(said({ size: "2k" }), ['size must be from 1 byte to 1 KiB; found "2k"']);
});

Deno.test("an unknown word gets the known ones", () => {
  assert.deepEqual(said({ word: "tow" }), ['word must be one of "one", "two"; found "tow"']);
  assert.deepEqual(said({ only: "y" }), ['only must be "x"; found "y"']);
});

Deno.test("a list gets how long it may be and is", () => {
  assert.deepEqual(said({ list: [] }), ["list must have at least 1 entry; found 0"]);
  assert.deepEqual(said({ list: ["", "", ""] }), ["list must have at most 2 entries; found 3"]);
});

Deno.test("a text in place of a list is not told how long it may be", () => {
  assert.deepEqual(said({ list: "abc" }), ['list must be a list; found "abc"']);
});

Deno.test("a text gets how long it may be", () => {
  assert.deepEqual(said({ text: "a" }), ['text must have at least 2 characters; found "a"']);
});

Deno.test("names and values of a map are distinguished", () => {
  assert.deepEqual(said({ set: { "a b": "x", c: "\t" } }).length, 2);
});

Deno.test("of a choice, the option that came furthest speaks", () => {
  assert.deepEqual(said({ choice: { a: "x" } }), ['choice.a must be an integer; found "x"']);
  assert.deepEqual(said({ choice: "on" }), ['choice must be "off" or a table; found "on"']);
});

Deno.test("a missing key gets what it would be", () => {
  assert.deepEqual(said({ need: {} }), ["need.a is required: true or false"]);
});

Deno.test("a long value is shown in part", () => {
  assert.match(said({ secs: "x".repeat(500) })[0], /found "x{60}…"$/);
});

Deno.test("a range is only told where there is a lower bound", () => {
  assert.equal(numberRange(z.int()), undefined);
  assert.equal(numberRange(z.int().min(3).optional()), "at least 3");
  assert.equal(numberRange(count({ min: 1 })), "at least 1");
});
