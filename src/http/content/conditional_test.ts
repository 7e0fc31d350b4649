import assert from "node:assert/strict";
import {
  isConditional,
  isNotModified,
  preconditionHolds,
  rangeStillMeans,
  wantsFresh,
} from "./conditional.ts";
import { Fields } from "../fields.ts";

const MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER = "Sun, 06 Nov 1994 08:49:38 GMT";
const weak = { etag: 'W/"5-a-b"', modifiedMs: Date.parse(MODIFIED) };
const strong = { etag: '"v1"', modifiedMs: Date.parse(MODIFIED) };
const bare = { etag: undefined, modifiedMs: undefined };

function request(...pairs: [string, string][]): Fields {
  return Fields.of(...pairs);
}

Deno.test("conditional: precondition fields and Range make a request conditional, others do not", () => {
  for (
    const name of [
      "if-match",
      "if-none-match",
      "if-modified-since",
      "if-unmodified-since",
      "if-range",
      "range",
    ]
  ) assert.ok(isConditional(request(["accept", "*/*"], [name, "x"])), name);
  assert.ok(!isConditional(request(["referer", "/"], ["id", "1"], ["cache-control", "no-cache"])));
  assert.ok(!isConditional(new Fields()));
});

Deno.test("conditional: If-Match compares strongly", () => {
  assert.ok(preconditionHolds(request(["if-match", '"v1"']), strong));
  assert.ok(preconditionHolds(request(["if-match", '"v0", "v1"']), strong));
  assert.ok(!preconditionHolds(request(["if-match", '"v2"']), strong));
  assert.ok(!preconditionHolds(request(["if-match", 'W/"v1"']), strong));
  assert.ok(!preconditionHolds(request(["if-match", weak.etag]), weak));
});

Deno.test("conditional: If-Match with a star holds for anything that exists", () => {
  assert.ok(preconditionHolds(request(["if-match", "*"]), weak));
  assert.ok(preconditionHolds(request(["if-match", "*"]), bare));
});

Deno.test("conditional: If-Match in several lines is one list", () => {
  assert.ok(preconditionHolds(request(["if-match", '"v0"'], ["if-match", '"v1"']), strong));
});

Deno.test("conditional: If-Unmodified-Since holds up to the second of the last change", () => {
  assert.ok(preconditionHolds(request(["if-unmodified-since", MODIFIED]), weak));
  assert.ok(preconditionHolds(request(["if-unmodified-since", AFTER]), weak));
  assert.ok(!preconditionHolds(request(["if-unmodified-since", BEFORE]), weak));
});

Deno.test("conditional: If-Unmodified-Since is not asked when If-Match is there", () => {
  const fields = request(["if-match", "*"], ["if-unmodified-since", BEFORE]);
  assert.ok(preconditionHolds(fields, weak));
});

Deno.test("conditional: a date that is invalid, or is there twice, is ignored", () => {
  assert.ok(preconditionHolds(request(["if-unmodified-since", "yesterday"]), weak));
  assert.ok(!isNotModified(request(["if-modified-since", "yesterday"]), weak));
  const twice = request(["if-modified-since", AFTER], ["if-modified-since", AFTER]);
  assert.ok(!isNotModified(twice, weak));
});

Deno.test("conditional: If-None-Match compares weakly", () => {
  assert.ok(isNotModified(request(["if-none-match", 'W/"5-a-b"']), weak));
  assert.ok(isNotModified(request(["if-none-match", '"5-a-b"']), weak));
  assert.ok(isNotModified(request(["if-none-match", 'W/"v1"']), strong));
  assert.ok(isNotModified(request(["if-none-match", "*"]), weak));
  assert.ok(!isNotModified(request(["if-none-match", '"5-a-c"']), weak));
});

Deno.test("conditional: commas and stars inside a tag belong to the tag", () => {
  const own = { ...bare, etag: '"a,b"' };
  assert.ok(isNotModified(request(["if-none-match", '"x", "a,b"']), own));
  assert.ok(!isNotModified(request(["if-none-match", '"a", "b", "*"']), own));
});

Deno.test("conditional: empty items of a tag list are skipped", () => {
  assert.ok(isNotModified(request(["if-none-match", ', ,"v0" ,\t, W/"v1",']), strong));
});

Deno.test("conditional: a list ends at the first thing that is no tag", () => {
  for (const list of ['v1, "v1"', '"v1', 'w/"v1"', 'W/ "v1"', "", "**"]) {
    assert.ok(!isNotModified(request(["if-none-match", list]), strong), list);
  }
});

Deno.test("conditional: If-Modified-Since compares with the second of the last change", () => {
  assert.ok(isNotModified(request(["if-modified-since", MODIFIED]), weak));
  assert.ok(isNotModified(request(["if-modified-since", AFTER]), weak));
  assert.ok(!isNotModified(request(["if-modified-since", BEFORE]), weak));
});

Deno.test("conditional: If-Modified-Since is not asked when If-None-Match is there", () => {
  const fields = request(["if-none-match", '"other"'], ["if-modified-since", AFTER]);
  assert.ok(!isNotModified(fields, weak));
});

Deno.test("conditional: without validators nothing is unmodified", () => {
  assert.ok(!isNotModified(request(["if-none-match", '"v1"']), bare));
  assert.ok(!isNotModified(request(["if-modified-since", AFTER]), bare));
});

Deno.test("conditional: cache directives of the request ask for a fresh answer", () => {
  for (const value of ["no-cache", "No-Store", "max-age=0", "foo, MAX-AGE=0", "a=1,no-cache"]) {
    assert.ok(wantsFresh(request(["cache-control", value])), value);
  }
  assert.ok(wantsFresh(request(["pragma", "no-cache"])));
  for (const value of ["max-age=10", "max-age=00", "only-if-cached", "no-cached", ""]) {
    assert.ok(!wantsFresh(request(["cache-control", value])), value);
  }
  assert.ok(!wantsFresh(request(["pragma", "no-store"])));
});

Deno.test("conditional: without If-Range a range is honoured", () => {
  assert.ok(rangeStillMeans(request(["range", "bytes=0-1"]), weak));
});

Deno.test("conditional: If-Range with a tag needs the same strong tag", () => {
  assert.ok(rangeStillMeans(request(["if-range", '"v1"']), strong));
  assert.ok(!rangeStillMeans(request(["if-range", '"v2"']), strong));
  assert.ok(!rangeStillMeans(request(["if-range", 'W/"v1"']), strong));
  assert.ok(!rangeStillMeans(request(["if-range", weak.etag]), weak));
  assert.ok(!rangeStillMeans(request(["if-range", '"v1"']), bare));
});

Deno.test("conditional: If-Range with a date needs the date of the last change", () => {
  assert.ok(rangeStillMeans(request(["if-range", MODIFIED]), weak));
  assert.ok(!rangeStillMeans(request(["if-range", AFTER]), weak));
  assert.ok(!rangeStillMeans(request(["if-range", BEFORE]), weak));
});

Deno.test("conditional: If-Range with anything else asks for the whole", () => {
  assert.ok(!rangeStillMeans(request(["if-range", "soon"]), weak));
  assert.ok(!rangeStillMeans(request(["if-range", MODIFIED]), bare));
});
