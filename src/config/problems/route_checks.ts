/**
 * Rules of one `[[vhosts.routes]]` that span keys (spec 02 section 4).
 *
 * @module
 */
import { ROUTE_ACTIONS } from "../../catalog/tables.ts";
import { oneOf } from "./did_you_mean.ts";
import { hasCaptures } from "../schema/templates/redirect_template.ts";
import { isTable } from "../schema/schema_walk.ts";
import type { Problem, RouteConfig, VhostConfig } from "../types.ts";

const MATCHERS = ["path_exact", "path_prefix", "path_regex", "fallback"] as const;

/** Problems of one route of `vhost`; `key` is its own. */
export function routeProblems(
  vhost: VhostConfig,
  route: RouteConfig,
  key: string,
  regexEnabled: boolean,
): Problem[] {
  return [
    ...matchProblems(vhost, route, key),
    ...matcherProblems(route, key, regexEnabled),
    ...rewriteProblems(route, key),
    ...actionProblems(route, key),
  ];
}

function matcherProblems(route: RouteConfig, key: string, regexEnabled: boolean): Problem[] {
  const used = MATCHERS.filter((name) => route[name] !== undefined && route[name] !== false);
  const problems: Problem[] = [];
  if (used.length !== 1) {
    problems.push({
      key,
      message:
        "must have exactly one of path_exact, path_prefix, path_regex and fallback = true; " +
        (used.length === 0 ? "it has none" : `it has ${used.join(" and ")}`),
      about: MATCHERS.map((name) => `${key}.${name}`),
    });
  }
  if (route.path_regex !== undefined && !regexEnabled) {
    problems.push({
      key: `${key}.path_regex`,
      message: "needs server.regex_enabled = true",
      about: ["server.regex_enabled"],
    });
  }
  for (const name of ["path_exact", "path_prefix"] as const) {
    const path = route[name];
    if (path?.includes("*") !== true) continue;
    problems.push({
      key: `${key}.${name}`,
      message: `"${path}" matches the character "*" and nothing else in its place`,
      hint: path.indexOf("*") === path.length - 1 && path.length > 1
        ? `write path_prefix = "${path.slice(0, -1)}", which matches all below it`
        : "use path_regex for patterns",
      warning: true,
    });
  }
  return problems;
}

/**
 * Keys of the cache have host, path and query: one route with another upstream for some headers, cookies or
 * clients would answer for the others. Read by shape: a build without a cache has none of its keys.
 */
function matchProblems(vhost: object, route: RouteConfig, key: string): Problem[] {
  const { match } = route;
  if (match === undefined) return [];
  const byMore = Object.keys(match.headers).length + Object.keys(match.cookies).length +
    match.clients.length + match.protocols.length;
  const cache: unknown = Reflect.get(route, "cache") ?? Reflect.get(vhost, "cache");
  if (byMore === 0 || !isTable(cache) || cache.enabled !== true) return [];
  return [{
    key: `${key}.match`,
    message:
      "must not be by headers, cookies, clients or protocols where the cache is enabled: its keys " +
      "do not have them",
    hint: "give the route cache.enabled = false",
    about: [`${key}.cache.enabled`],
  }];
}

function rewriteProblems(route: RouteConfig, key: string): Problem[] {
  const problems: Problem[] = [];
  const { path_prefix: prefix, strip_prefix: strip } = route;
  if (strip !== undefined && prefix === undefined) {
    problems.push({
      key: `${key}.strip_prefix`,
      message: "needs path_prefix",
      about: [`${key}.path_prefix`],
    });
  } else if (
    strip !== undefined && prefix !== undefined && !strip.startsWith(prefix) &&
    !prefix.startsWith(strip)
  ) {
    problems.push({
      key: `${key}.strip_prefix`,
      message: `must begin with path_prefix "${prefix}", or be how it begins; found "${strip}"`,
      about: [`${key}.path_prefix`],
    });
  }
  if (route.rewrite_prefix !== undefined && strip === undefined) {
    problems.push({
      key: `${key}.rewrite_prefix`,
      message: "needs strip_prefix",
      about: [`${key}.strip_prefix`],
    });
  }
  if (route.rewrite_template !== undefined) {
    if (route.path_regex === undefined) {
      problems.push({
        key: `${key}.rewrite_template`,
        message: "needs path_regex",
        about: [`${key}.path_regex`],
      });
    }
    if (strip !== undefined || route.rewrite_prefix !== undefined) {
      problems.push({
        key: `${key}.rewrite_template`,
        message: "must not be used with strip_prefix or rewrite_prefix",
        about: [`${key}.strip_prefix`, `${key}.rewrite_prefix`],
      });
    }
  }
  if (route.encoded_slashes && Reflect.get(route, "proxy") === undefined) {
    problems.push({
      key: `${key}.encoded_slashes`,
      message: "needs the action proxy: no name of a file has a slash in it",
      about: [`${key}.proxy`],
    });
  }
  if (route.encoded_slashes && route.rewrite_template !== undefined) {
    problems.push({
      key: `${key}.encoded_slashes`,
      message: "must not be used with rewrite_template, whose captures are encoded once more",
      about: [`${key}.rewrite_template`],
    });
  }
  if (route.redirect !== undefined && hasCaptures(route.redirect.to) && !route.path_regex) {
    problems.push({
      key: `${key}.redirect.to`,
      message: "needs path_regex for its captures",
      about: [`${key}.path_regex`],
    });
  }
  return problems;
}

function actionProblems(route: RouteConfig, key: string): Problem[] {
  const tables: object = route;
  const used = ROUTE_ACTIONS.filter(({ table }) => Reflect.get(tables, table) !== undefined);
  if (used.length !== 1) {
    return [{
      key,
      message:
        `must have exactly one action, which is the table ${
          oneOf(ROUTE_ACTIONS.map(({ table }) => table))
        }; ` +
        (used.length === 0
          ? "it has none"
          : `it has ${used.map(({ table }) => table).join(" and ")}`),
      about: ROUTE_ACTIONS.map(({ table }) => `${key}.${table}`),
    }];
  }
  const [{ table, needs, otherwise }] = used;
  const value: unknown = Reflect.get(tables, table);
  const complete = isTable(value) && needs.some((name) => isSet(value[name]));
  const about = needs.map((name) => `${key}.${table}.${name}`);
  return complete ? [] : [{ key: `${key}.${table}`, message: otherwise, about }];
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
}
