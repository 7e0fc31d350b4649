/**
 * Which keys of the effective configuration a change would change. Names alone: values may be secrets.
 *
 * @module
 */
import { formatKey } from "../../config/problems/key_path.ts";

/** Most keys of one answer. */
const MAX_KEYS = 200;
/** Deepest table that is looked into. */
const MAX_DEPTH = 16;

/** One key that differs. */
export interface ChangedKey {
  /** As an operator writes it: `vhosts[0].redirect.to`. */
  readonly key: string;
  readonly change: "added" | "removed" | "changed";
}

/** The keys that differ, in the order of the configuration, and whether there are more. */
export function changedKeys(
  before: unknown,
  after: unknown,
): { readonly keys: readonly ChangedKey[]; readonly truncated: boolean } {
  const keys: ChangedKey[] = [];
  let truncated = false;
  const note = (path: readonly (string | number)[], change: ChangedKey["change"]) => {
    if (keys.length === MAX_KEYS) truncated = true;
    else keys.push({ key: formatKey(path), change });
  };
  const compare = (one: unknown, other: unknown, path: readonly (string | number)[]) => {
    if (truncated || Object.is(one, other)) return;
    if (one === undefined) return note(path, "added");
    if (other === undefined) return note(path, "removed");
    if (!isParent(one) || !isParent(other) || Array.isArray(one) !== Array.isArray(other)) {
      return note(path, "changed");
    }
    if (path.length === MAX_DEPTH) return note(path, "changed");
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const step = Array.isArray(one) ? Number(key) : key;
      compare(Reflect.get(one, key), Reflect.get(other, key), [...path, step]);
    }
  };
  compare(before, after, []);
  return { keys, truncated };
}

function isParent(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Date);
}
