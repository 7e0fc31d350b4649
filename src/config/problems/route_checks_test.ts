import assert from "node:assert/strict";
import { loadText } from "../load.ts";
import { testTables } from "../testing/tables.ts";

const PROXY = 'proxy.upstream = "a.b:1"';

/** Keys, below the route, of what is wrong with it; regular expressions are allowed. */
function wrong(route: string, regex = true): string[] {
  const { problems } = loadText(
    `server.regex_enabled = ${regex}\n[[vhosts]]\nname = "a"\nhosts = ["a.b"]\n` +
      `[[vhosts.routes]]\nname = "r"\n${route}\n`,
    testTables,
  );
  return problems.map(({ key }) => key.replace(/^vhosts\[0\]\.routes\[0\]\.?/, ""));
}

Deno.test("a route has exactly one matcher", () => {
  for (
    const matcher of [
      'path_exact = "/"',
      'path_prefix = "/"',
      'path_regex = "x"',
      "fallback = true",
    ]
  ) {
    assert.deepEqual(wrong(`${matcher}\n${PROXY}`), [], matcher);
  }
  assert.deepEqual(wrong(`path_exact = "/"\nfallback = false\n${PROXY}`), []);
  assert.deepEqual(wrong(PROXY), [""]);
  assert.deepEqual(wrong(`path_exact = "/"\npath_prefix = "/"\n${PROXY}`), [""]);
  assert.deepEqual(wrong(`path_exact = "/"\nfallback = true\n${PROXY}`), [""]);
});

Deno.test("a route has exactly one action", () => {
  const matcher = 'path_exact = "/"\n';
  assert.deepEqual(wrong(`${matcher}web.root = "/srv"`), []);
  assert.deepEqual(wrong(`${matcher}redirect.to = "https://x"`), []);
  assert.deepEqual(wrong(matcher), [""]);
  assert.deepEqual(wrong(`${matcher}${PROXY}\nweb.root = "/srv"`), [""]);
});

Deno.test("an action is complete in itself", () => {
  const matcher = 'path_exact = "/"\n';
  assert.deepEqual(wrong(`${matcher}proxy.upstreams = []`), ["proxy"]);
  assert.deepEqual(wrong(`${matcher}proxy.upstreams = ["a.b:1"]`), []);
  assert.deepEqual(wrong(`${matcher}web.index = ["a"]`), ["web"]);
  assert.deepEqual(wrong(`${matcher}redirect.status = 301`), ["redirect.to"]);
});

Deno.test("a regular expression must be allowed", () => {
  assert.deepEqual(wrong(`path_regex = "x"\n${PROXY}`, false), ["path_regex"]);
});

Deno.test("a prefix is stripped from paths that have it", () => {
  const strip = (prefix: string, strip: string) =>
    wrong(`path_prefix = "${prefix}"\nstrip_prefix = "${strip}"\n${PROXY}`);
  assert.deepEqual(strip("/app", "/app"), []);
  assert.deepEqual(strip("/app/x", "/app"), []);
  assert.deepEqual(strip("/app", "/app/x"), []);
  assert.deepEqual(strip("/app", "/other"), ["strip_prefix"]);
  assert.deepEqual(wrong(`path_exact = "/a"\nstrip_prefix = "/a"\n${PROXY}`), ["strip_prefix"]);
});

Deno.test("a prefix is put in the place of one that was stripped", () => {
  const matcher = `path_prefix = "/a"\n${PROXY}\n`;
  assert.deepEqual(wrong(`${matcher}strip_prefix = "/a"\nrewrite_prefix = "/b"`), []);
  assert.deepEqual(wrong(`${matcher}rewrite_prefix = "/b"`), ["rewrite_prefix"]);
  for (const prefix of ["b", "/b%20", "/b c", "/../b"]) {
    assert.deepEqual(
      wrong(`${matcher}strip_prefix = "/a"\nrewrite_prefix = "${prefix}"`),
      ["rewrite_prefix"],
      prefix,
    );
  }
});

Deno.test("a template replaces the path of a regular expression, and nothing else does", () => {
  const template = 'rewrite_template = "/{route.regex.1}"';
  assert.deepEqual(wrong(`path_regex = "x"\n${template}\n${PROXY}`), []);
  assert.deepEqual(wrong(`path_prefix = "/"\n${template}\n${PROXY}`), ["rewrite_template"]);
  assert.deepEqual(
    wrong(`path_prefix = "/"\nstrip_prefix = "/"\n${template}\n${PROXY}`),
    ["rewrite_template", "rewrite_template"],
  );
});

Deno.test("methods are upper-case tokens, each once, at most 16 of at most 32 characters", () => {
  const methods = (list: readonly string[]) =>
    wrong(`path_exact = "/"\nmethods = ${JSON.stringify(list)}\n${PROXY}`);
  assert.deepEqual(methods(["GET", "M-SEARCH", "X".repeat(32)]), []);
  for (const method of ["get", "", "G ET", "X".repeat(33)]) {
    assert.deepEqual(methods([method]), ["methods[0]"], method);
  }
  assert.deepEqual(methods(["GET", "GET"]), ["methods[1]"]);
  assert.deepEqual(methods(Array.from({ length: 17 }, (_, i) => `M${i}`)), ["methods"]);
});

Deno.test("a pattern has 1 to 4096 bytes without control characters", () => {
  const pattern = (text: string) => wrong(`path_regex = ${JSON.stringify(text)}\n${PROXY}`);
  assert.deepEqual(pattern("a".repeat(4096)), []);
  for (const text of ["", "a".repeat(4097), "a\tb"]) {
    assert.deepEqual(pattern(text), ["path_regex"]);
  }
});
