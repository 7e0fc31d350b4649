/**
 * The command line of `fluxheim` (spec 01 section 6): finds the command, parses, reports.
 *
 * @module
 */
import { absentReason } from "../catalog/commands.ts";
import { nearestWord } from "../config/problems/did_you_mean.ts";
import type { Profile } from "../runtime/threads/profile.ts";
import { commandIndex, type OptionSpec, parseArgs, type ParsedArgs, UsageError } from "./args.ts";
import { cacheKeygen } from "./verbs/cache_keygen.ts";
import { checkConfig } from "./verbs/check_config.ts";
import { checkTlsStorage } from "./verbs/check_tls_storage.ts";
import { type Command, EXIT, Failure, type Io } from "./command.ts";
import { crypto } from "./verbs/crypto.ts";
import { explain } from "./verbs/explain.ts";
import { commandHelp, programHelp } from "./help.ts";
import { ALLOW_KEY_LOG, CONFIG, HELP, JSON_OUTPUT } from "./options.ts";
import { moduleCommands } from "./verbs/module_commands.ts";
import { permissions } from "./verbs/permissions.ts";
import { profiles } from "./verbs/profiles.ts";
import { reload } from "./verbs/reload.ts";
import { reloadFrom } from "./verbs/reload_from.ts";
import { run } from "./verbs/run.ts";
import { schema } from "./verbs/schema.ts";
import { supervise } from "./verbs/supervise.ts";
import { validateConfig } from "./verbs/validate_config.ts";
import { printVersion } from "./verbs/version.ts";

/** Commands of every build, in the order of the help text. */
const CORE_COMMANDS: readonly Command[] = [
  permissions,
  explain,
  schema,
  profiles,
  reload,
  supervise,
  crypto,
  cacheKeygen,
];

/** Commands of this build, in the order of the help text. */
function commandsOf({ modules }: Profile): readonly Command[] {
  return [...CORE_COMMANDS, ...moduleCommands(modules)];
}

/** A way to start the program without a command name. */
interface Mode {
  readonly option: OptionSpec;
  readonly command: Command;
}

/** Modes by precedence (spec 01 section 6.1); without one the gateway runs. */
const MODES: readonly Mode[] = [
  {
    command: reloadFrom,
    option: {
      name: "reload-from",
      value: "OLD",
      conflicts: ["check-config", "validate-config", "check-tls-storage"],
      help: "show how the change from the configuration OLD to --config can be applied",
    },
  },
  { command: reload, option: { name: "reload", help: reload.summary } },
  { command: checkConfig, option: { name: "check-config", help: checkConfig.summary } },
  {
    command: validateConfig,
    option: {
      name: "validate-config",
      conflicts: ["check-config"],
      help: validateConfig.summary,
    },
  },
  {
    command: checkTlsStorage,
    option: { name: "check-tls-storage", help: checkTlsStorage.summary },
  },
];

const VERSION_OPTION: OptionSpec = {
  name: "version",
  short: "V",
  help: "print the version and end",
};
/** What may be beside a command; of its modes it is said that they have no effect. */
const SHARED: readonly OptionSpec[] = [...MODES.map((m) => m.option), HELP];
const GLOBAL: readonly OptionSpec[] = [
  CONFIG,
  ...SHARED,
  ALLOW_KEY_LOG,
  JSON_OUTPUT,
  VERSION_OPTION,
];

/**
 * Runs one command line.
 *
 * @param io Where results and messages go.
 * @returns The exit status; for the gateway itself, once it has ended.
 */
export function cli(profile: Profile, argv: readonly string[], io: Io): Promise<number> {
  return reporting(io, () => dispatch(profile, argv, io));
}

/** Runs `work`; an error meant for the user is printed, and its status returned. */
export async function reporting(io: Io, work: () => Promise<number> | number): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`${io.program}: ${error.message}`);
      io.err(`try: ${io.program} --help`);
      return EXIT.usage;
    }
    if (error instanceof Failure) {
      io.err(`${io.program}: ${error.message}`);
      return EXIT.failed;
    }
    throw error;
  }
}

function dispatch(
  profile: Profile,
  argv: readonly string[],
  io: Io,
): Promise<number> | number {
  // As other programs have it: `help` for `--help`, `help COMMAND` for `COMMAND --help`.
  if (argv[0] === "help") {
    const rest = argv.length > 1 ? argv.slice(1, 2) : [];
    return dispatch(profile, [...rest, `--${HELP.name}`], io);
  }
  const at = commandIndex(argv, GLOBAL);
  if (at >= 0) return runCommand(profile, argv[at], argv.toSpliced(at, 1), io);
  const args = parseArgs(argv, GLOBAL);
  if (args.has(HELP.name)) {
    programHelp(io.program, GLOBAL, commandsOf(profile)).forEach(io.out);
    return EXIT.ok;
  }
  if (args.has(VERSION_OPTION.name)) {
    printVersion(profile, args.has(JSON_OUTPUT.name), io);
    return EXIT.ok;
  }
  const [first, ...overruled] = MODES.filter((mode) => args.has(mode.option.name));
  overruled.forEach((mode) => warnOverruled(mode, `--${first.option.name}`, io));
  const command = first?.command ?? run;
  for (const option of [JSON_OUTPUT, ALLOW_KEY_LOG]) {
    if (!args.has(option.name) || command.options.includes(option)) continue;
    const alone = first === undefined ? "without a command" : `with --${first.option.name}`;
    throw new UsageError(`--${option.name} means nothing ${alone}`);
  }
  return command.run({ profile, args, io });
}

function runCommand(
  profile: Profile,
  name: string,
  argv: readonly string[],
  io: Io,
): Promise<number> | number {
  const command = findCommand(name, commandsOf(profile));
  const args = parseArgs(argv, [...command.options, ...SHARED]);
  if (args.has(HELP.name)) {
    commandHelp(io.program, command, [HELP]).forEach(io.out);
    return EXIT.ok;
  }
  requireOperand(command, args);
  for (const mode of MODES) if (args.has(mode.option.name)) warnOverruled(mode, name, io);
  return command.run({ profile, args, io });
}

function findCommand(name: string, commands: readonly Command[]): Command {
  const command = commands.find((c) => c.name === name);
  if (command !== undefined) return command;
  const reason = absentReason(name);
  if (reason !== undefined) throw new Failure(reason);
  const close = nearestWord(name, commands.map((c) => c.name));
  const hint = close === undefined ? "" : `; did you mean ${close}?`;
  throw new UsageError(`unknown command ${name}${hint}`);
}

function requireOperand({ name, operand }: Command, { positionals }: ParsedArgs): void {
  const expected = operand === undefined ? 0 : 1;
  if (positionals.length < expected) throw new UsageError(`${name} needs its operand: ${operand}`);
  if (positionals.length > expected) {
    throw new UsageError(`${name}: unexpected argument "${positionals[expected]}"`);
  }
}

/** Spec 01 section 6.1 gives commands and earlier modes precedence; what they hide is said. */
function warnOverruled(mode: Mode, by: string, io: Io): void {
  io.err(`${io.program}: warning: --${mode.option.name} has no effect beside ${by}`);
}
