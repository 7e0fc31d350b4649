/**
 * Commands that a module brings to the command line: `fluxheim NAME ...`. Their options are data, so that
 * the help text is made from what the parser works with.
 *
 * @module
 */
import type { Config } from "../config/types.ts";
import type { Loaded } from "./threads/keeper_part.ts";

/** One option of a command. */
export interface CommandOption {
  /** Long name without dashes: `config`. */
  readonly name: string;
  /** One-letter form: `c`. */
  readonly short?: string;
  /** Placeholder of its value; without one the option is a switch. */
  readonly value?: string;
  /** May be given more than once. */
  readonly repeat?: boolean;
  /** Closed list of values. */
  readonly choices?: readonly string[];
  /** Options that may not be beside it. */
  readonly conflicts?: readonly string[];
  /** What it does, in one line of the help text. */
  readonly help: string;
}

/** What was given on a command line. */
export interface CommandArgs {
  /** The operand of a command that takes one is the first. */
  readonly positionals: readonly string[];
  /** Whether a switch, or an option with a value, was given. */
  has(name: string): boolean;
  /** The value of an option that may be given once. */
  get(name: string): string | undefined;
  /** Every value of a repeatable option, in order. */
  all(name: string): readonly string[];
}

/** One invocation of a module's command. */
export interface CommandCall {
  /** What was given. */
  readonly args: CommandArgs;
  /** Writes one line of the result to standard output. */
  out(line: string): void;
  /** Writes one line for a person to standard error. */
  err(line: string): void;
  /**
   * The configuration that `--config` names, checked with the rules of every module in this build. For
   * commands with `takesConfig`.
   *
   * @returns `undefined` after its problems were reported: the command then ends with status 1.
   */
  config(): Promise<Config | undefined>;
  /** The same, and as it would be written, every default in it. */
  loaded(): Promise<(Loaded & { readonly config: Config }) | undefined>;
  /** Checks the text of a stored configuration, in which every path is absolute. */
  readText(text: string): Loaded;
}

/** The running gateway of a configuration, as a command line reaches it. */
export interface RunningGateway {
  /**
   * Has it take up its configuration.
   *
   * @returns What came of it; `undefined` where it cannot be asked.
   */
  reload(): Promise<ReloadAnswer | undefined>;
  /** The number of its last reload, and what came of that; `undefined` where it cannot be asked. */
  lastReload(): Promise<(ReloadAnswer & { readonly number: number }) | undefined>;
}

/** What came of a reload. */
export interface ReloadAnswer {
  /** Whether the configuration is served now. */
  readonly isServed: boolean;
  /** In one line: `the new configuration serves`. */
  readonly text: string;
}

/** A command of a module. */
export interface ModuleCommand {
  /** As an operator types it: `cache-warm`. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What one has to know to use it; lines of at most 80 columns. */
  readonly details?: readonly string[];
  /** Its one operand, where it takes one. */
  readonly operand?: string;
  /** The options it knows. */
  readonly options: readonly CommandOption[];
  /** It works on a configuration, so it takes `--config` too. */
  readonly takesConfig?: boolean;
  /**
   * Does it.
   *
   * @returns The exit status: 0 done, 1 failed. Code that only the command needs is loaded here.
   */
  run(call: CommandCall): Promise<number> | number;
}
