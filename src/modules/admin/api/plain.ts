/** Looking into what another thread has sent. @module */
import type { Plain } from "../../../gateway/threads/thread.ts";

/** Whether it is a table. */
export function isTable(value: Plain): value is { readonly [key: string]: Plain } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

/** The text at `key` of `value`, if there is one. */
export function textAt(value: Plain, key: string): string | undefined {
  const found = isTable(value) ? value[key] : undefined;
  return typeof found === "string" ? found : undefined;
}

/** The texts in the list at `key` of `value`. */
export function textsAt(value: Plain, key: string): readonly string[] {
  const found = isTable(value) ? value[key] : undefined;
  return Array.isArray(found) ? found.filter((item) => typeof item === "string") : [];
}

/** Whether `key` of `value` is `true`. */
export function isSet(value: Plain, key: string): boolean {
  return isTable(value) && value[key] === true;
}
