import assert from "node:assert/strict";
import { parseCapture, parseRewriteTemplate, rewriteTemplateProblem } from "./rewrite_template.ts";

Deno.test("a template is taken apart into text and captures", () => {
  assert.deepEqual(parseRewriteTemplate("/item/{route.regex.1}/{route.regex.lang}"), [
    { kind: "text", text: "/item/" },
    { kind: "index", index: 1 },
    { kind: "text", text: "/" },
    { kind: "name", name: "lang" },
  ]);
});

Deno.test("captures go from 0 to 15, or by a name of up to 64 letters, digits and underscores", () => {
  for (
    const variable of [
      "route.regex.0",
      "route.regex.15",
      "route.regex._a1",
      `route.regex.${"n".repeat(64)}`,
    ]
  ) {
    assert.notEqual(parseCapture(variable), undefined, variable);
  }
  for (
    const variable of [
      "route.regex.16",
      "route.regex.01",
      "route.regex.",
      "route.regex.1a",
      "route.regex.a-b",
      `route.regex.${"n".repeat(65)}`,
      "path",
    ]
  ) assert.equal(parseCapture(variable), undefined, variable);
});

Deno.test("a template is a path without query, escapes or white space", () => {
  assert.equal(rewriteTemplateProblem("/"), undefined);
  for (
    const text of [
      "",
      "x",
      "/a?b",
      "/a#b",
      "/a%20",
      "/a b",
      "/a\\b",
      "/a\u0007",
      "/{host}",
      "/{route.regex.1",
    ]
  ) {
    assert.match(rewriteTemplateProblem(text) ?? "", /^must/, text);
  }
});

Deno.test("taking apart a template that was not checked throws", () => {
  assert.throws(() => parseRewriteTemplate("nonsense"), TypeError);
});
