/**
 * The order in which problems are reported (spec 01 section 1.6), so that the first one is the same
 * whichever check found it.
 *
 * @module
 */
import { isRootTable, rootRank } from "../../catalog/tables.ts";
import { parseKey } from "./key_path.ts";
import { type Schema, schemaAt } from "../schema/schema_walk.ts";
import type { Problem } from "../types.ts";

/** Files and unknown tables first, then table by table, vhost by vhost; each problem once. */
export function inSpecOrder(problems: readonly Problem[], schema: Schema): Problem[] {
  const seen = new Set<string>();
  const ranked: { readonly problem: Problem; readonly rank: Rank }[] = [];
  for (const problem of problems) {
    const text = JSON.stringify([problem.file, problem.key, problem.message]);
    if (!seen.has(text)) ranked.push({ problem, rank: rankOf(problem, schema) });
    seen.add(text);
  }
  return ranked.toSorted((a, b) =>
    a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || lines(a.problem, b.problem)
  )
    .map(({ problem }) => problem);
}

/** Within one table of one file, from top to bottom. */
function lines(a: Problem, b: Problem): number {
  if (a.file !== b.file || a.line === undefined || b.line === undefined) return 0;
  return a.line - b.line;
}

/** Place of the table, and of the vhost in it. */
type Rank = readonly [table: number, vhost: number];

function rankOf(problem: Problem, schema: Schema): Rank {
  // Whether the default vhost exists is known last, when all vhosts are (spec 01 section 1.6).
  if (problem.key === "server.default_vhost") return [rootRank("vhosts"), Infinity];
  const [table, index] = parseKey(problem.key);
  const known = typeof table === "string" &&
    (isRootTable(table) || schemaAt(schema, [table]) !== undefined);
  if (!known) return [-1, 0];
  return [rootRank(table), typeof index === "number" ? index : -1];
}
