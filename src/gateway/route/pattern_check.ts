/**
 * What only the matching engine can check about routes: whether their patterns compile,
 * and whether templates name groups that are there. The rest of a route is checked by `config`.
 *
 * @module
 */
import {
  parseRewriteTemplate,
  rewriteTemplateProblem,
} from "../../config/schema/templates/rewrite_template.ts";
import type { Config, Problem, RouteConfig } from "../../config/types.ts";
import { PathPattern } from "./regex.ts";

/** Problems of every `path_regex` of a configuration, and warnings for groups that do not exist. */
export function patternProblems(config: Config): Problem[] {
  return config.vhosts.flatMap(({ routes }, v) =>
    routes.flatMap((route, r) => routeProblems(route, `vhosts[${v}].routes[${r}]`))
  );
}

function routeProblems(
  { path_regex: text, rewrite_template }: RouteConfig,
  key: string,
): Problem[] {
  if (text === undefined) return [];
  const pattern = PathPattern.parse(text);
  if ("problem" in pattern) {
    return [{ key: `${key}.path_regex`, message: `must be a usable pattern: ${pattern.problem}` }];
  }
  if (rewrite_template === undefined || rewriteTemplateProblem(rewrite_template) !== undefined) {
    return [];
  }
  const missing = parseRewriteTemplate(rewrite_template).flatMap((part) => {
    if (part.kind === "name" && !pattern.groupNames.has(part.name)) return [part.name];
    if (part.kind === "index" && part.index > pattern.groupCount) return [String(part.index)];
    return [];
  });
  return missing.map((group) => ({
    key: `${key}.rewrite_template`,
    message: `names group ${group}, which path_regex does not have: it is always empty`,
    warning: true,
  }));
}
