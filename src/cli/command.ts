/**
 * What a command of the program is, and what it is given.
 *
 * @module
 */
import type { Profile } from "../runtime/threads/profile.ts";
import type { OptionSpec, ParsedArgs } from "./args.ts";

/** Exit statuses of spec 01 section 6. */
export const EXIT = {
  /** Done; also help and version. */
  ok: 0,
  /** The configuration, the machine or an expectation is not as it should be. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
} as const;

/** Where a command writes: results to `out`, everything said to a person to `err`. One line a call. */
export interface Io {
  /** Name of the program, which begins its own lines on standard error. */
  readonly program: string;
  out(line: string): void;
  err(line: string): void;
}

/** One invocation of a command. */
export interface Call {
  /** The build this program is. */
  readonly profile: Profile;
  readonly args: ParsedArgs;
  readonly io: Io;
}

/** A command of the program; the running of the gateway itself is the one without a name. */
export interface Command {
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What one has to know to use it; lines of at most 80 columns. */
  readonly details?: readonly string[];
  /** Its one operand, where it takes one. */
  readonly operand?: string;
  readonly options: readonly OptionSpec[];
  /** @returns The exit status. A thrown `Failure` or `UsageError` is reported by the caller. */
  run(call: Call): Promise<number> | number;
}

/** A reason to end with status 1, printed in one line. */
export class Failure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Failure";
  }
}
