import assert from "node:assert/strict";
import { parseTemplate, redirectTemplateProblem } from "./redirect_template.ts";

Deno.test("a target is taken apart into text and variables", () => {
  assert.deepEqual(parseTemplate("https://example.com{path}?from={query}"), [
    { kind: "text", text: "https://example.com" },
    { kind: "path" },
    { kind: "text", text: "?from=" },
    { kind: "query" },
  ]);
});

Deno.test("absolute URLs with their variables in the right place are fine", () => {
  for (
    const target of [
      "https://example.com",
      "http://example.com:8080/a/b",
      "https://example.com{uri}",
      "https://[::1]:8443{path}",
      "https://example.com/old{path}",
      "https://example.com/x?to=/{path}",
      "https://example.com/#{path}",
      "https://example.com/a/",
      "https://{host}{uri}",
      "https://www.{host}:8443{path}",
      "https://example.com/item/{route.regex.1}?from={host}",
      "/new{path}",
      "{path}/?{query}",
      "/item/{route.regex.name}",
    ]
  ) assert.equal(redirectTemplateProblem(target), undefined, target);
});

const WRONG: readonly (readonly [target: string, problem: RegExp])[] = [
  ["relative", /http:\/\//],
  ["//other.example/", /http:\/\//],
  ["{query}", /http:\/\//],
  ["{host}/", /http:\/\//],
  ["/a//b", /"\/\/"/],
  ["/{path}", /"\/" before/],
  ["https://{route.regex.1}/", /host/],
  ["https://a{route.regex.1}/", /host/],
  ["https://a.example/{route.regex.16}", /other variables/],
  ["ftp://a", /http:\/\//],
  ["https://a/{hosts}", /other variables/],
  ["https://a/{}", /other variables/],
  ["https://a/{path", /close/],
  ["https://a/path}", /close/],
  ["https://a/{{path}}", /close/],
  ["https://a/ b", /white space/],
  ["https://a/\n", /white space|control/],
  ["https://a\\b", /backslash/],
  ["https://user@a/", /user information/],
  ["https://", /host/],
  ["https://{path}", /host/],
  ["https://a:99999/", /host/],
  ["https://::1/", /host/],
  ["https://a..b/", /host/],
  ["https://a{query}", /\{query\}/],
  ["https://a/{path}", /"\/" before/],
  ["https://a/x/{uri}", /"\/" before/],
  ["https://a//b", /"\/\/"/],
  ["https://a/./b", /"\."/],
  ["https://a/../b", /"\.\."/],
  ["https://a{path}/..", /"\.\."/],
];

Deno.test("a target that could not become a URL is refused with its reason", () => {
  for (const [target, problem] of WRONG) {
    assert.match(redirectTemplateProblem(target) ?? "", problem, target);
  }
});

Deno.test("taking apart a target that was not checked throws", () => {
  assert.throws(() => parseTemplate("nonsense"), TypeError);
});
