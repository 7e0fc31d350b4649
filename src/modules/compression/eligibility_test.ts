import assert from "node:assert/strict";
import { Fields } from "../../http/fields.ts";
import { isAnonymous, isCompressible } from "./eligibility.ts";

function compressible(...fields: (readonly [string, string])[]): boolean {
  return isCompressible(Fields.of(["content-type", "text/html"], ...fields));
}

Deno.test("text is compressed, whatever it is called and however it is written", () => {
  const types = [
    "text/plain",
    "text/html; charset=utf-8",
    "Text/CSS;charset=x",
    "application/javascript",
    "application/json ;charset=utf-8",
    "application/xml",
    "image/svg+xml",
  ];
  for (const type of types) {
    assert.equal(isCompressible(Fields.of(["content-type", type])), true, type);
  }
});

Deno.test("everything else is sent as it is", () => {
  const types = [
    "image/png",
    "application/octet-stream",
    "application/jsonp",
    "xtext/html",
    "text",
    "",
  ];
  for (const type of types) {
    assert.equal(isCompressible(Fields.of(["content-type", type])), false, type);
  }
  assert.equal(isCompressible(new Fields()), false);
});

Deno.test("an answer that is encoded already, or a part, is sent as it is", () => {
  assert.equal(compressible(["content-encoding", "gzip"]), false);
  assert.equal(compressible(["content-encoding", "Identity"]), true);
  assert.equal(compressible(["content-range", "bytes 0-9/100"]), false);
});

Deno.test("an answer that sets a cookie is sent as it is", () => {
  assert.equal(compressible(["set-cookie", "a=b"]), false);
});

Deno.test("Cache-Control may forbid it, with or without arguments", () => {
  for (
    const value of [
      "private",
      "no-store",
      "No-Transform",
      "public, no-transform",
      'private="set-cookie"',
      'max-age=60, PRIVATE = "x"',
    ]
  ) assert.equal(compressible(["cache-control", value]), false, value);
  assert.equal(compressible(["cache-control", "public"], ["cache-control", "private"]), false);
});

Deno.test("directives that only look like those do not forbid it", () => {
  for (
    const value of [
      "public, max-age=60",
      "no-cache",
      "x-private",
      'ext="private, no-store"',
      'ext="a\\"private"',
      "",
    ]
  ) assert.equal(compressible(["cache-control", value]), true, value);
});

Deno.test("a quoted argument that never ends may hide anything", () => {
  for (const value of ['private, ext="', 'ext="a", x="private', 'ext="private\\"', '"no-store']) {
    assert.equal(compressible(["cache-control", value]), false, value);
  }
});

Deno.test("the time for a long Cache-Control grows as its length does", () => {
  // Where each quote is looked at anew this takes hours.
  const value = `"private-${'\\"'.repeat(4_000_000)}`;
  assert.equal(compressible(["cache-control", value]), false);
});

Deno.test("a request with a cookie or credentials is not anonymous", () => {
  assert.equal(isAnonymous(new Fields()), true);
  assert.equal(isAnonymous(Fields.of(["cookie", "a=b"])), false);
  assert.equal(isAnonymous(Fields.of(["authorization", "Basic x"])), false);
});
