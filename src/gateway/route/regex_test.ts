import assert from "node:assert/strict";
import { PathPattern, PatternSet } from "./regex.ts";

function pattern(text: string): PathPattern {
  const parsed = PathPattern.parse(text);
  assert(parsed instanceof PathPattern, text);
  return parsed;
}

function problem(text: string): string {
  const parsed = PathPattern.parse(text);
  assert("problem" in parsed, text);
  return parsed.problem;
}

Deno.test("a pattern is searched for anywhere in the path", () => {
  assert(pattern("/b").test("/a/b/c"));
  assert(!pattern("^/b").test("/a/b/c"));
});

Deno.test("captures come by index and by name, in both spellings", () => {
  const { byIndex, byName } = pattern("^/(?P<kind>[a-z]+)/(?<id>[0-9]+)").captures("/item/42/x");
  assert.deepEqual(byIndex, ["/item/42", "item", "42"]);
  assert.deepEqual(byName, new Map([["kind", "item"], ["id", "42"]]));
});

Deno.test("a group that took no part is empty", () => {
  const { byIndex, byName } = pattern("^/(?P<x>a)?(b)").captures("/b");
  assert.deepEqual(byIndex, ["/b", "", "b"]);
  assert.equal(byName.get("x"), "");
});

Deno.test("only the first sixteen captures are kept", () => {
  const { byIndex } = pattern("(a)".repeat(20)).captures("a".repeat(20));
  assert.equal(byIndex.length, 16);
});

Deno.test("a capture longer than 256 bytes is empty", () => {
  const { byIndex } = pattern("^/(a+)/(b+)/(é+)$").captures(
    `/${"a".repeat(257)}/${"b".repeat(256)}/${"é".repeat(129)}`,
  );
  assert.equal(byIndex[1], "");
  assert.equal(byIndex[2].length, 256);
  assert.equal(byIndex[3], "");
});

Deno.test("a set tells which of its patterns match", () => {
  const set = new PatternSet([pattern("a"), pattern("^b"), pattern("c$")]);
  assert.deepEqual([...set.match("/a/c")].sort(), [0, 2]);
  assert.deepEqual(set.match("/x"), []);
});

for (
  const text of ["(?=a)", "(?!a)", "(?<=a)b", String.raw`(a)\1`, "(", "a{1001}", "(?P<n>a)(?P<n>b)"]
) {
  Deno.test(`the dialect does not have ${text}`, () => assert(problem(text) !== ""));
}

for (
  const text of [
    "[a-z&&[^b]]",
    "[a&&b]",
    "[a--b]",
    "[a~~b]",
    "[a[b]]",
    "[a[:b]",
    "[^]&&]",
    "[]&&]",
    "[[:alpha:]&&b]",
    String.raw`\b{start}`,
    "a{,3}",
    String.raw`\Q.\E`,
  ]
) {
  Deno.test(`${text} is refused rather than misread`, () => {
    assert.match(problem(text), /support|nested|bracket/);
  });
}

for (
  const text of ["[]a]", "[^]a]", "[[:alpha:]&]", String.raw`[\[&]`, String.raw`\[[a]`, "&&--~~"]
) {
  Deno.test(`${text} means the same in every dialect`, () => void pattern(text));
}

Deno.test("a pattern is bounded in length, in size and to printable text", () => {
  assert.match(problem(""), /0 bytes/);
  assert.match(problem("é".repeat(2049)), /4098 bytes/);
  void pattern("a".repeat(4096));
  assert.match(problem("a{1000}".repeat(6)), /5000 instructions/);
  assert.match(problem("a\nb"), /control/);
  assert.match(problem(`(?P<${"n".repeat(65)}>a)`), /64 bytes/);
});

Deno.test("a pattern that explodes elsewhere answers at once", () => {
  const evil = pattern("^/(a+)+$");
  assert(!evil.test("/" + "a".repeat(8000) + "!"));
  void evil.captures("/" + "a".repeat(8000) + "!").byIndex;
});
