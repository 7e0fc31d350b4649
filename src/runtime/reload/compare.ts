/**
 * Plain-data comparison for configurations whose tables belong to modules this code does not know.
 *
 * @module
 */

/** Keys from the root of a configuration downwards. */
export type Path = readonly string[];

/** What is at `path`, or `undefined` where a table on the way is absent. */
export function at(value: unknown, path: Path): unknown {
  let found = value;
  for (const key of path) {
    if (!isTable(found)) return undefined;
    found = found[key];
  }
  return found;
}

/** `value` as a list; an absent one is empty. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Whether two plain values are the same data. A key set to `undefined` equals an absent one. */
export function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length &&
      a.every((item, index) => equal(item, b[index]));
  }
  if (!isTable(a) || !isTable(b)) return false;
  for (const key in a) if (!equal(a[key], b[key])) return false;
  for (const key in b) if (!(key in a) && b[key] !== undefined) return false;
  return true;
}

/** A plain object only: two maps or dates would otherwise compare as two empty tables. */
export function isTable(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
