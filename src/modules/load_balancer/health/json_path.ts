/**
 * A value of a JSON text as text: strings as they are, numbers so that 1 and 1.0 stay different (spec 03 section
 * 12.4).
 *
 * @module
 */

/** Marks numbers while they are looked for; no string of a value can be one. */
class RawNumber {
  constructor(readonly text: string) {}
}

/**
 * The value at `path`, through objects alone.
 *
 * @returns `undefined` for bad JSON, a missing field, an object or a list.
 */
export function jsonAt(text: string, path: readonly string[]): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(
      text,
      (_key, parsed, context?: { readonly source?: string }) =>
        typeof parsed === "number" ? new RawNumber(context?.source ?? String(parsed)) : parsed,
    );
  } catch {
    return undefined;
  }
  for (const name of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    if (value instanceof RawNumber || !Object.hasOwn(value, name)) return undefined;
    value = Reflect.get(value, name);
  }
  if (value instanceof RawNumber) return numberText(value.text);
  if (value === null || typeof value === "string" || typeof value === "boolean") {
    return String(value);
  }
  return undefined;
}

/** Integers as plain digits; others in their shortest form, with a fraction in any case. */
function numberText(source: string): string {
  if (/^-?\d+$/.test(source)) return source === "-0" ? "0" : source;
  const shortest = String(Number(source));
  return /[.eIN]/.test(shortest) ? shortest : `${shortest}.0`;
}
