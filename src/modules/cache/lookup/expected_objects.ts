/**
 * Expectations of the command `cache-lookup` about the objects that it finds (spec 01 section 6.7).
 *
 * @module
 */
import type { CommandArgs, CommandOption } from "../../../gateway/command.ts";
import { InputError } from "../operate/command_input.ts";

/** Most values of one expectation. */
const MAX_VALUES = 32;

/** Expectations of which one value must hold for one object: the option and the line. */
const ANY: Readonly<Record<string, { readonly line: string; readonly help: string }>> = {
  "expect-freshness-state": { line: "freshness_state", help: "fresh, stale or expired" },
  "expect-status": { line: "status", help: "this status" },
  "expect-tier": { line: "tier", help: "this tier" },
  "expect-fresh-ttl-secs": { line: "fresh_ttl_secs", help: "so many seconds of freshness left" },
  "expect-body-bytes": { line: "body_bytes", help: "a body of so many bytes" },
};

/** Switches for lines that are `true` or `false`. */
const TRUE: Readonly<Record<string, string>> = {
  "expect-purge-indexed": "purge_indexed",
  "expect-serve-stale-if-error": "serve_stale_if_error",
  "expect-serve-stale-while-revalidate": "serve_stale_while_revalidate",
};

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  "expect-freshness-state": ["fresh", "stale", "expired"],
  "expect-tier": ["memory", "disk"],
};

/** The options. */
export const OBJECT_OPTIONS: readonly CommandOption[] = [
  ...Object.entries(ANY).map(([name, { help }]) => ({
    name,
    value: "VALUE",
    repeat: true,
    ...(CHOICES[name] === undefined ? {} : { choices: CHOICES[name] }),
    help: `Fail unless an object has ${help}; of several values one must hold.`,
  })),
  {
    name: "expect-header-name",
    value: "NAME",
    repeat: true,
    help: "Fail unless an object has this header.",
  },
  {
    name: "expect-header",
    value: "LINE",
    repeat: true,
    help: 'Fail unless an object has this header, as "Name: value".',
  },
  {
    name: "expect-cache-tag",
    value: "TAG",
    repeat: true,
    help: "Fail unless an object has this tag.",
  },
  ...Object.entries(TRUE).map(([name, line]) => ({
    name,
    help: `Fail unless an object has ${line}: true.`,
  })),
];

/** An object as expectations see it. */
export interface Shown {
  readonly lines: Readonly<Record<string, string | number | boolean>>;
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly tags: readonly string[];
}

/**
 * Checks all expectations.
 *
 * @throws {InputError} Says what was expected and what was found; of headers the names alone.
 */
export function expectObjects(args: CommandArgs, objects: readonly Shown[]): void {
  for (const [option, { line }] of Object.entries(ANY)) {
    const wanted = valuesOf(args, option);
    const found = objects.map(({ lines }) => String(lines[line]));
    if (wanted.length > 0 && !wanted.some((value) => found.includes(value))) {
      fail(`${line} ${wanted.join(" or ")}`, found);
    }
  }
  for (const [option, line] of Object.entries(TRUE)) {
    const found = objects.map(({ lines }) => String(lines[line]));
    if (args.has(option) && !found.includes("true")) fail(`${line} true`, found);
  }
  for (const name of valuesOf(args, "expect-header-name")) {
    const wanted = name.toLowerCase();
    if (!objects.some(({ names }) => names.includes(wanted))) {
      fail(`header ${wanted}`, objects.flatMap(({ names }) => names));
    }
  }
  for (const text of valuesOf(args, "expect-header")) expectHeader(text, objects);
  for (const tag of valuesOf(args, "expect-cache-tag")) {
    if (!objects.some(({ tags }) => tags.includes(tag))) {
      fail(`cache tag ${tag}`, objects.flatMap(({ tags }) => tags));
    }
  }
}

function expectHeader(text: string, objects: readonly Shown[]): void {
  const colon = text.indexOf(":");
  if (colon <= 0) throw new InputError(`--expect-header: "${text}" is not "Name: value"`);
  const name = text.slice(0, colon).trim().toLowerCase();
  const value = text.slice(colon + 1).trim();
  const isThere = objects.some(({ names, values }) =>
    names.some((other, i) => other === name && values[i] === value)
  );
  if (!isThere) fail(`header ${name} with that value`, objects.flatMap(({ names }) => names));
}

function valuesOf(args: CommandArgs, option: string): readonly string[] {
  const values = args.all(option);
  if (values.length > MAX_VALUES) {
    throw new InputError(`--${option}: at most ${MAX_VALUES} values`);
  }
  return values;
}

function fail(expected: string, found: readonly string[]): never {
  throw new InputError(
    `expected ${expected}, found ${found.length === 0 ? "none" : found.join(", ")}`,
  );
}
