/**
 * Command line parsing. Options are declared as data, so that the help text is made from the same
 * declarations and cannot say anything else.
 *
 * @module
 */
import { nearestWord } from "../config/problems/did_you_mean.ts";
import type { CommandArgs, CommandOption } from "../gateway/command.ts";

/** One option of a command. */
export type OptionSpec = CommandOption;

/** A command line that its command does not accept; the program ends with status 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** What was given on a command line. */
export class ParsedArgs implements CommandArgs {
  constructor(
    readonly values: ReadonlyMap<string, readonly string[]>,
    readonly positionals: readonly string[],
  ) {}

  /** Whether a switch, or an option with a value, was given. */
  has(name: string): boolean {
    return this.values.has(name);
  }

  /** The value of an option that is given at most once. */
  get(name: string): string | undefined {
    return this.values.get(name)?.[0];
  }

  /** Every value of a repeatable option, in order. */
  all(name: string): readonly string[] {
    return this.values.get(name) ?? [];
  }
}

/**
 * Parses `argv` by `specs`. `--name value`, `--name=value`, `-x value` and `-xvalue` are accepted;
 * everything after `--` is positional.
 *
 * @throws {UsageError}
 */
export function parseArgs(argv: readonly string[], specs: readonly OptionSpec[]): ParsedArgs {
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const arg = argv[at];
    if (arg === "--") {
      positionals.push(...argv.slice(at + 1));
      break;
    }
    if (arg === "-" || !arg.startsWith("-")) {
      positionals.push(arg);
      continue;
    }
    const { spec, label, inline } = recognize(arg, specs);
    const given = values.get(spec.name) ?? [];
    if (given.length > 0 && spec.repeat !== true) {
      throw new UsageError(`${label} may be given only once`);
    }
    values.set(spec.name, given);
    if (spec.value === undefined) {
      if (inline !== undefined) throw new UsageError(`${label} takes no value`);
      given.push("");
      continue;
    }
    const value = inline ?? argv[++at];
    if (value === undefined) throw new UsageError(`${label} needs a value: ${spec.value}`);
    if (spec.choices !== undefined && !spec.choices.includes(value)) {
      throw new UsageError(`${label} is one of ${spec.choices.join(", ")}, not "${value}"`);
    }
    given.push(value);
  }
  refuseConflicts(values, specs);
  return new ParsedArgs(values, positionals);
}

/**
 * Where the command's name is in `argv`: the first argument that is neither an option of `specs` nor
 * the value of one; -1 without a command.
 *
 * @throws {UsageError} on an option before the command that `specs` does not have.
 */
export function commandIndex(argv: readonly string[], specs: readonly OptionSpec[]): number {
  for (let at = 0; at < argv.length; at++) {
    const arg = argv[at];
    if (arg === "--") return at + 1 < argv.length ? at + 1 : -1;
    if (arg === "-" || !arg.startsWith("-")) return at;
    const { spec, inline } = recognize(arg, specs);
    if (spec.value !== undefined && inline === undefined) at++;
  }
  return -1;
}

interface Recognized {
  readonly spec: OptionSpec;
  readonly label: string;
  readonly inline: string | undefined;
}

function recognize(arg: string, specs: readonly OptionSpec[]): Recognized {
  if (!arg.startsWith("--")) {
    const label = arg.slice(0, 2);
    const spec = specs.find((s) => s.short === arg[1]);
    if (spec === undefined) throw new UsageError(`unknown option ${label}`);
    return { spec, label, inline: arg.length > 2 ? arg.slice(2) : undefined };
  }
  const equals = arg.indexOf("=");
  const label = equals < 0 ? arg : arg.slice(0, equals);
  const name = label.slice(2);
  const spec = specs.find((s) => s.name === name);
  if (spec === undefined) {
    const close = nearestWord(name, specs.map((s) => s.name));
    throw new UsageError(
      `unknown option ${label}` + (close === undefined ? "" : `; did you mean --${close}?`),
    );
  }
  return { spec, label, inline: equals < 0 ? undefined : arg.slice(equals + 1) };
}

function refuseConflicts(
  values: ReadonlyMap<string, unknown>,
  specs: readonly OptionSpec[],
): void {
  for (const { name, conflicts = [] } of specs) {
    if (!values.has(name)) continue;
    for (const other of conflicts) {
      if (values.has(other)) throw new UsageError(`--${name} cannot be used with --${other}`);
    }
  }
}
