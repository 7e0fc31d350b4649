/**
 * Finds everything that is wrong with a merged configuration in one go, not just the first thing.
 *
 * A schema stops at a wrong value before it looks at rules between values, and rules between tables
 * need a whole configuration. So what is wrong is noted and taken out, what is required and missing gets
 * a stand-in, and the rest is checked again until it is right. Problems that only exist because of
 * that are dropped.
 *
 * @module
 */
import type { z } from "zod";
import { findings } from "./problems/issues.ts";
import { isAtOrBelow } from "./problems/key_path.ts";
import type { Origins } from "./read/origins.ts";
import { problemAt } from "./problems/placing.ts";
import {
  type Container,
  isTable,
  type Path,
  type Schema,
  schemaAt,
  type Table,
} from "./schema/schema_walk.ts";
import { standIn } from "./read/stand_in.ts";
import type { Taint } from "./problems/taint.ts";
import type { Problem } from "./types.ts";

/** After so many there is no point in looking for more; it also bounds the work on a hostile file. */
const MAX_PROBLEMS = 1000;

/** What a configuration is once everything wrong was taken out. */
export interface Validated {
  /** Complete, with all defaults; `undefined` only if nothing could be kept. */
  readonly value: Table | undefined;
  readonly problems: readonly Problem[];
}

/**
 * Parses `root`, which shrinks until it is right.
 *
 * @param root Changed: wrong keys and entries are taken out of it, required ones put in.
 * @param taint What was taken out before; what is taken out here is added.
 */
export function validate(
  schema: z.ZodObject,
  root: Table,
  origins: Origins,
  taint: Taint,
): Validated {
  const problems: Problem[] = [];
  const fillings = new Fillings(schema);
  while (true) {
    const result = schema.safeParse(root, { reportInput: true });
    if (result.success) return { value: result.data, problems };
    const found = findings(result.error.issues.slice(0, MAX_PROBLEMS), schema);
    // A mistyped key stands for the one that was meant: that it is missing is no news.
    for (const { path, unknown } of found) {
      if (unknown?.meant === undefined) continue;
      const meant = [...path.slice(0, -1), unknown.meant];
      if (standing(root, meant).length < meant.length) taint.add(origins.locate(root, meant).path);
    }
    for (const { path, message, hint, unknown, about = [] } of found) {
      const places = about.map((other) => origins.locate(root, other).path);
      const known = unknown === undefined &&
        taint.explains(origins.locate(root, path).path, places);
      if (!known) problems.push(problemAt(root, origins, path, message, hint));
    }
    const targets = found.map(({ path }) => standing(root, path));
    const hopeless = targets.some((target) => target.length === 0);
    if (hopeless || problems.length >= MAX_PROBLEMS) return { value: undefined, problems };
    const wrong: Path[] = [];
    for (const [i, { path, unknown }] of found.entries()) {
      if (unknown === undefined && fillings.fill(root, path)) {
        taint.add(origins.locate(root, path).path);
        continue;
      }
      if (unknown === undefined) taint.add(origins.locate(root, targets[i]).path);
      wrong.push(targets[i]);
    }
    for (const target of innermostFirst(wrong)) {
      takeOut(root, target, origins);
      // That nothing is left in a list follows from what was wrong with all of its entries.
      const list = target.slice(0, -1);
      if (isEmptyList(valueAt(root, list))) taint.add(origins.locate(root, list).path);
    }
  }
}

/** Puts stand-ins where required keys are missing. */
class Fillings {
  readonly #filled = new WeakMap<Table, Set<string>>();
  #serial = 0;

  constructor(readonly schema: Schema) {}

  /** Whether `path` was missing in a table of `root` and is there now. */
  fill(root: Table, path: Path): boolean {
    const table = valueAt(root, path.slice(0, -1));
    const key = path[path.length - 1];
    if (!isTable(table) || typeof key !== "string" || Object.hasOwn(table, key)) return false;
    const filled = this.#filled.get(table) ?? new Set();
    const below = schemaAt(this.schema, path);
    // One that was refused where it stands would be refused again.
    if (below === undefined || filled.has(key)) return false;
    const value = standIn(below, ++this.#serial);
    if (value === undefined) return false;
    this.#filled.set(table, filled.add(key));
    table[key] = value;
    return true;
  }
}

function valueAt(root: Table, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return value[Number(key)];
    return isTable(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }, root);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The longest beginning of `path` that exists: for a missing key, the table that lacks it. */
function standing(root: Table, path: Path): Path {
  let value: unknown = root;
  for (const [depth, key] of path.entries()) {
    const container: unknown = value;
    if (Array.isArray(container) && typeof key === "number" && key < container.length) {
      value = container[key];
    } else if (isTable(container) && Object.hasOwn(container, key)) {
      value = container[key];
    } else {
      return path.slice(0, depth);
    }
  }
  return path;
}

/** Inner keys before outer ones and later entries before earlier ones, so that no path shifts. */
function innermostFirst(paths: readonly Path[]): Path[] {
  const unique = paths.filter((path, i) =>
    !paths.some((other, j) => j < i && isAtOrBelow(path, other) && path.length === other.length)
  );
  return unique.toSorted((a, b) => {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const [left, right] = [a[i], b[i]];
      if (left === right) continue;
      return typeof left === "number" && typeof right === "number" ? right - left : 0;
    }
    return b.length - a.length;
  });
}

function takeOut(root: Table, path: Path, origins: Origins): void {
  let container: Container = root;
  for (const key of path.slice(0, -1)) {
    const below: unknown = Array.isArray(container) ? container[Number(key)] : container[key];
    if (!Array.isArray(below) && !isTable(below)) return;
    container = below;
  }
  origins.remove(container, path[path.length - 1]);
}
