/**
 * Rules of `[[vhosts]]` that span keys, vhosts or routes (spec 02 sections 2, 4, 5).
 *
 * @module
 */
import { hasCaptures } from "../schema/templates/redirect_template.ts";
import { routeProblems } from "./route_checks.ts";
import type { Config, Problem, VhostConfig } from "../types.ts";

const PATH_MATCHERS = ["path_exact", "path_prefix", "path_regex"] as const;

/** Problems of all vhosts in order, then of `server.default_vhost`. */
export function vhostProblems(config: Config): Problem[] {
  const problems: Problem[] = [];
  const most = config.server.limits.max_vhosts;
  if (config.vhosts.length > most) {
    problems.push({
      key: `vhosts[${most}]`,
      message: `is one more than server.limits.max_vhosts allows, which is ${most}; found ` +
        `${config.vhosts.length}`,
      about: ["server.limits.max_vhosts"],
      hint: "raise server.limits.max_vhosts",
    });
  }
  const names = new Map<string, number>();
  const hosts = new Map<string, number>();
  for (const [index, vhost] of config.vhosts.entries()) {
    const key = `vhosts[${index}]`;
    const namesake = names.get(vhost.name);
    if (namesake !== undefined) {
      problems.push({
        key: `${key}.name`,
        message: `must be unique; vhosts[${namesake}] is called "${vhost.name}" too`,
        hint: "vhosts of the same name in several files are not merged",
      });
    } else names.set(vhost.name, index);
    problems.push(...hostProblems(vhost, index, hosts), ...redirectProblems(vhost, key));
    for (const [r, route] of vhost.routes.entries()) {
      problems.push(
        ...routeProblems(vhost, route, `${key}.routes[${r}]`, config.server.regex_enabled),
      );
    }
    problems.push(...fallbackProblems(vhost, key), ...unreachableRoutes(vhost, key));
  }
  const wanted = config.server.default_vhost;
  if (wanted !== undefined && !names.has(wanted)) {
    problems.push({
      key: "server.default_vhost",
      message: `must be the name of a vhost (vhosts.name); found "${wanted}"`,
      // A vhost whose name is missing is reported once.
      about: ["vhosts.name"],
    });
  }
  return problems;
}

/** Each host belongs to one vhost; `owners` grows. */
function hostProblems(vhost: VhostConfig, index: number, owners: Map<string, number>): Problem[] {
  const problems: Problem[] = [];
  for (const [h, host] of vhost.hosts.entries()) {
    const owner = owners.get(host);
    if (owner === undefined) {
      owners.set(host, index);
      continue;
    }
    problems.push({
      key: `vhosts[${index}].hosts[${h}]`,
      message: owner === index
        ? `must not be in the list twice: "${host}"`
        : `must belong to one vhost only: vhosts[${owner}] serves "${host}" too`,
    });
  }
  return problems;
}

function redirectProblems({ redirect }: VhostConfig, key: string): Problem[] {
  if (redirect?.enabled !== true) return [];
  if (redirect.to !== undefined) {
    if (!hasCaptures(redirect.to)) return [];
    return [{
      key: `${key}.redirect.to`,
      message: "must have no captures: only a route with path_regex has some",
    }];
  }
  return [{
    key: `${key}.redirect.to`,
    message: "is required when redirect.enabled is true",
    about: [`${key}.redirect.enabled`],
  }];
}

/** Routes whose every request an earlier route with the same path takes. */
function unreachableRoutes({ routes }: VhostConfig, key: string): Problem[] {
  const byPath = new Map<string, number[]>();
  const problems: Problem[] = [];
  for (const [r, route] of routes.entries()) {
    const matcher = PATH_MATCHERS.find((name) => route[name] !== undefined);
    if (matcher === undefined || route.madeOf !== undefined) continue;
    const path = `${matcher} ${route[matcher]}`;
    const earlier = byPath.get(path) ?? [];
    const taker = earlier.find((other) =>
      routes[other].match === undefined && takesAll(routes[other].methods, route.methods)
    );
    if (taker !== undefined) {
      problems.push({
        key: `${key}.routes[${r}].${matcher}`,
        message: `is never reached: routes[${taker}] ("${routes[taker].name}") has the same path`,
        hint: "give it another path or other methods, or take one of the two out",
        warning: true,
      });
    }
    byPath.set(path, [...earlier, r]);
  }
  return problems;
}

/** Whether a route with the methods `first` leaves nothing to one behind it; an empty list is all of them. */
function takesAll(first: readonly string[], second: readonly string[]): boolean {
  if (first.length === 0) return true;
  return second.length > 0 && second.every((method) => first.includes(method));
}

/** A vhost's redirect is a fallback too, so it leaves no room for one. */
function fallbackProblems({ routes, redirect }: VhostConfig, key: string): Problem[] {
  const fallbacks = [...routes.entries()].filter(([, route]) => route.fallback).map(([r]) => r);
  const problems = fallbacks.slice(1).map((r): Problem => ({
    key: `${key}.routes[${r}].fallback`,
    message: `must be the only one of its vhost: routes[${fallbacks[0]}] is a fallback already`,
  }));
  if (redirect?.enabled === true && fallbacks.length > 0) {
    problems.push({
      key: `${key}.redirect`,
      message: `must not be enabled beside a fallback: routes[${fallbacks[0]}] takes what it would`,
    });
  }
  return problems;
}
