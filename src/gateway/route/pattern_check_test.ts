import assert from "node:assert/strict";
import { configOf } from "../testing/modules.ts";
import type { Config, RouteConfig } from "../../config/types.ts";
import { patternProblems } from "./pattern_check.ts";

function configWith(route: Partial<RouteConfig>): Config {
  const config = configOf({}, {});
  const [vhost] = config.vhosts;
  return {
    ...config,
    vhosts: [{ ...vhost, routes: [...vhost.routes, { ...vhost.routes[0], ...route }] }],
  };
}

Deno.test("routes with good patterns, or none, are fine", () => {
  assert.deepEqual(patternProblems(configOf({}, {})), []);
  const rewrite_template = "/{route.regex.0}/{route.regex.id}/{route.regex.1}";
  assert.deepEqual(
    patternProblems(configWith({ path_regex: "^/(?P<id>.)", rewrite_template })),
    [],
  );
});

Deno.test("a pattern that cannot be used is reported at its key", () => {
  const [problem, ...rest] = patternProblems(configWith({ path_regex: "(?=a)" }));
  assert.equal(problem.key, "vhosts[0].routes[1].path_regex");
  assert.match(problem.message, /must be a usable pattern: .*\(\?=/);
  assert.equal(problem.warning, undefined);
  assert.deepEqual(rest, []);
});

Deno.test("a group that the pattern does not have is warned about", () => {
  const rewrite_template = "/{route.regex.2}/{route.regex.name}";
  const problems = patternProblems(configWith({ path_regex: "^/(.)", rewrite_template }));
  assert.deepEqual(problems.map(({ warning }) => warning), [true, true]);
  assert.match(problems[0].message, /group 2/);
  assert.match(problems[1].message, /group name/);
});

Deno.test("a template that is wrong by itself is left to its own check", () => {
  const config = configWith({ path_regex: "^/(.)", rewrite_template: "{" });
  assert.deepEqual(patternProblems(config), []);
});
