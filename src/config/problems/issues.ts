/**
 * What zod found wrong, in words worth reading: the value, what is allowed, and a way out.
 *
 * @module
 */
import { z } from "zod";
import { keysAbout } from "./about.ts";
import { mayBeSecret } from "./confidential.ts";
import { didYouMean } from "./did_you_mean.ts";
import { meantKey, unknownKeyHint, wrongShapeHint } from "./hints.ts";
import { valueHint } from "./slips.ts";
import { bare, layers, type Path, type Schema, schemaAt } from "../schema/schema_walk.ts";

/** One thing wrong at one key. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
  /** Other keys that it is about. */
  readonly about?: readonly Path[];
  /** For a key that nothing knows: the key that was probably meant, if any is near. */
  readonly unknown?: { readonly meant: string | undefined };
}

type Issue = z.core.$ZodIssue;

/** Longest value that a message shows. */
const MAX_SHOWN = 60;

/** One finding for each thing wrong; an unknown key each, however zod groups them. */
export function findings(issues: readonly Issue[], root: Schema): Finding[] {
  const mistyped = new Set(issues.filter(({ code }) => code === "invalid_type").map(placeOf));
  return issues
    // Zod measures a text that stands for a list, too.
    .filter((issue) => !isBound(issue) || !mistyped.has(placeOf(issue)))
    .flatMap((issue) => ofIssue(issue, [], root));
}

function isBound({ code }: Issue): boolean {
  return code === "too_small" || code === "too_big";
}

function placeOf({ path }: Issue): string {
  return JSON.stringify(path);
}

function ofIssue(issue: Issue, above: Path, root: Schema): Finding[] {
  const path = [
    ...above,
    ...issue.path.map((part) => typeof part === "number" ? part : String(part)),
  ];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: path.length === 0
          ? "is not a table or key of the configuration"
          : "is not a known key here",
        hint: unknownKeyHint(root, path, key),
        unknown: { meant: meantKey(root, path, key) },
      }));
    case "invalid_key":
      return issue.issues.flatMap((inner) => ofIssue(inner, path, root));
    case "invalid_element":
      return issue.issues.flatMap((inner) => ofIssue(inner, path, root));
    case "invalid_union":
      return ofUnion(issue, path, root);
    case "invalid_type":
      return [{
        path,
        message: issue.input === undefined
          ? `is required: ${typeInWords(issue.expected)}`
          : `must be ${typeInWords(issue.expected)}${found(issue.input, path, root)}`,
        hint: shapeHintOf(issue, path, root),
      }];
    case "invalid_value": {
      const words = issue.values.map((value) => show(value));
      const one = words.length === 1 ? words[0] : `one of ${words.join(", ")}`;
      const texts = issue.values.filter((value) => typeof value === "string");
      return [{
        path,
        message: issue.input === undefined
          ? `is required: ${one}`
          : `must be ${one}${found(issue.input, path, root)}`,
        hint: typeof issue.input === "string" ? didYouMean(issue.input, texts) : undefined,
      }];
    }
    case "too_small":
    case "too_big":
      return [{ path, message: `must ${bounds(issue, path, root)}` }];
    case "custom":
      return [{
        path,
        message: `${issue.message}${found(issue.input, path, root)}`,
        hint: hintOf(issue.input, path, root),
        about: keysAbout(issue.params, path),
      }];
    default:
      return [{
        path,
        message: `must have another form: ${issue.message}${found(issue.input, path, root)}`,
      }];
  }
}

/** The option that came furthest speaks; when all fail at once, what each of them would take. */
function ofUnion(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: Path,
  root: Schema,
): Finding[] {
  const deeper = issue.errors.find((errors) =>
    errors.length > 0 && errors.every((inner) => inner.path.length > 0)
  );
  if (deeper !== undefined) return deeper.flatMap((inner) => ofIssue(inner, path, root));
  const own = saysItself(schemaAt(root, path)) ? issue.message : undefined;
  const allowed = issue.errors.flatMap((errors) => errors.slice(0, 1)).map((inner) => {
    if (inner.code === "invalid_type") return typeInWords(inner.expected);
    if (inner.code === "invalid_value") return inner.values.map(show).join(" or ");
    return inner.message.replace(/^must be /, "");
  });
  return [{
    path,
    message: (own ?? `must be ${allowed.join(" or ")}`) + found(issue.input, path, root),
  }];
}

/** Whether a choice says in words of its own what it takes. */
function saysItself(schema: Schema | undefined): boolean {
  if (schema === undefined) return false;
  for (const layer of layers(schema)) {
    if (layer instanceof z.core.$ZodUnion) return layer._zod.def.error !== undefined;
  }
  return false;
}

function bounds(
  issue: Extract<Issue, { code: "too_small" | "too_big" }>,
  path: Path,
  root: Schema,
): string {
  const small = issue.code === "too_small";
  const limit = small ? issue.minimum : issue.maximum;
  if (issue.origin === "array") {
    const length = Array.isArray(issue.input) ? `; found ${issue.input.length}` : "";
    return `have at ${small ? "least" : "most"} ${limit} ${
      limit === 1 ? "entry" : "entries"
    }${length}`;
  }
  if (issue.origin === "string") {
    return `have at ${small ? "least" : "most"} ${limit} characters${
      found(issue.input, path, root)
    }`;
  }
  const range = numberRange(schemaAt(root, path));
  return (range === undefined ? `be at ${small ? "least" : "most"} ${limit}` : `be ${range}`) +
    found(issue.input, path, root);
}

/** `from 1 to 1024`, or `at least 1`; `undefined` for what is not a number with a lower bound. */
export function numberRange(schema: Schema | undefined): string | undefined {
  if (schema === undefined) return undefined;
  let least: number | undefined;
  let most: number | undefined;
  for (const check of bare(schema).schema._zod.def.checks ?? []) {
    if (check instanceof z.core.$ZodCheckGreaterThan) least = Number(check._zod.def.value);
    if (check instanceof z.core.$ZodCheckLessThan) most = Number(check._zod.def.value);
  }
  if (least === undefined) return undefined;
  if (most === undefined || most === Number.MAX_SAFE_INTEGER) return `at least ${least}`;
  return `from ${least} to ${most}`;
}

function typeInWords(expected: string): string {
  switch (expected) {
    case "string":
      return "a string";
    case "boolean":
      return "true or false";
    case "number":
    case "int":
      return "an integer";
    case "array":
      return "a list";
    case "object":
    case "record":
      return "a table";
    case "date":
      return "an offset date-time such as 2026-01-31T00:00:00Z";
    default:
      return expected;
  }
}

/** `; found "x"`, or nothing where the value is a table, a secret or not there. */
function found(input: unknown, path: Path, root: Schema): string {
  const text = show(input);
  return text === "" || mayBeSecret(input, path, root) ? "" : `; found ${text}`;
}

function shapeHintOf(
  { expected, input }: Extract<Issue, { code: "invalid_type" }>,
  path: Path,
  root: Schema,
): string | undefined {
  if (mayBeSecret(input, path, root)) return undefined;
  return wrongShapeHint(root, path, expected, input) ?? valueHint(path, input);
}

function hintOf(input: unknown, path: Path, root: Schema): string | undefined {
  return mayBeSecret(input, path, root) ? undefined : valueHint(path, input);
}

function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    case "symbol":
      return value.description ?? "";
    case "undefined":
      return "";
    default:
      if (value instanceof Date) return "a date-time";
      return Array.isArray(value) ? "a list" : "a table";
  }
}
