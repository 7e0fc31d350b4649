/**
 * Routes that no `[[vhosts.routes]]` writes: a table of a vhost stands for them ({@linkcode TableSchema.route}).
 * They are in the `Config`, behind the routes of the file, and not in what `--check-config` prints.
 *
 * @module
 */
import { z } from "zod";
import { formatKey, parseKey } from "../problems/key_path.ts";
import { isTable, type Schema, schemaAt, type Table } from "../schema/schema_walk.ts";
import type { Config, Problem, TableSchema } from "../types.ts";

/** The checked configuration `value` with the routes that its vhosts' tables stand for; `value` is left as it is. */
export function withMadeRoutes(
  schema: Schema,
  tables: readonly TableSchema[],
  value: Table,
): Table {
  const makers = tables.filter(({ route }) => route !== undefined);
  const routeSchema = schemaAt(schema, ["vhosts", 0, "routes", 0]);
  if (makers.length === 0 || routeSchema === undefined || !Array.isArray(value.vhosts)) {
    return value;
  }
  const vhosts = value.vhosts.map((vhost: unknown) => {
    if (!isTable(vhost) || !Array.isArray(vhost.routes)) return vhost;
    const made: Table[] = [];
    for (const { table, route } of makers) {
      const own = vhost[table];
      const written = isTable(own) ? route?.(own) : undefined;
      if (written === undefined) continue;
      const parsed = z.parse(routeSchema, written);
      if (isTable(parsed)) made.push({ ...parsed, madeOf: table });
    }
    return made.length === 0 ? vhost : { ...vhost, routes: [...vhost.routes, ...made] };
  });
  return { ...value, vhosts };
}

/** A problem with the action of such a route is one with the table: `vhosts[0].acme_challenge.upstream`. */
export function placeOfMadeRoute(problem: Problem, config: Config): Problem {
  const [list, v, routes, r, , ...rest] = parseKey(problem.key);
  if (list !== "vhosts" || routes !== "routes") return problem;
  const table = config.vhosts[Number(v)]?.routes[Number(r)]?.madeOf;
  if (table === undefined) return problem;
  return { ...problem, key: formatKey(["vhosts", Number(v), table, ...rest]) };
}
