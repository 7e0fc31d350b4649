/**
 * `fluxheim-acme`: renewals from a timer instead of the gateway's own service (spec 05 section 6.11). Run with the
 * modules of the profile `development`, so that it reads the configuration of every build.
 *
 * @module
 */
import { COMPANION_HELP, COMPANION_VERBS, type CompanionVerb } from "../modules/acme/companion.ts";
import { profile } from "../profiles/development.ts";
import type { Profile } from "../runtime/threads/profile.ts";
import { type OptionSpec, parseArgs, type ParsedArgs, UsageError } from "./args.ts";
import { reporting } from "./cli.ts";
import { EXIT, type Io } from "./command.ts";
import { loadOrReport } from "./load.ts";
import { standardIo } from "./main.ts";
import { CONFIG, HELP } from "./options.ts";
import { table } from "./table.ts";
import { VERSION } from "./verbs/version.ts";

const NAME = "fluxheim-acme";
const VERSION_OPTION: OptionSpec = { name: "version", help: "print the version and end" };
const COMMON: readonly OptionSpec[] = [
  { ...CONFIG, help: "configuration file or directory; else $FLUXHEIM_CONFIG" },
  HELP,
  VERSION_OPTION,
];

/** Runs one command line of the companion. */
export function companion(profile: Profile, argv: readonly string[], io: Io): Promise<number> {
  return reporting(io, () => {
    // A verb may be before or after its options, and each verb knows its own.
    const name = COMPANION_VERBS.map((verb) => verb.name).find((verb) => argv.includes(verb));
    const verb = COMPANION_VERBS.find((one) => one.name === name);
    const args = parseArgs(argv, [...COMMON, ...(verb?.options ?? [])]);
    if (args.has(HELP.name)) {
      help().forEach(io.out);
      return EXIT.ok;
    }
    if (args.has(VERSION_OPTION.name)) {
      io.out(`${NAME} ${VERSION}`);
      return EXIT.ok;
    }
    return run(profile, verb, args, io);
  });
}

function run(
  profile: Profile,
  verb: CompanionVerb | undefined,
  args: ParsedArgs,
  io: Io,
): Promise<number> {
  const [first, second] = args.positionals;
  const unknown = verb === undefined ? first : second;
  if (unknown !== undefined) throw new UsageError(`unexpected argument "${unknown}"`);
  if (verb === undefined) {
    const names = COMPANION_VERBS.map((one) => one.name).join(", ");
    throw new UsageError(`a verb is needed: ${names}`);
  }
  return verb.run({
    args,
    out: (line) => io.out(line),
    err: (line) => io.err(line),
    config: () => loadOrReport({ profile, args, io }),
  });
}

function help(): string[] {
  return [
    `usage: ${NAME} VERB --config PATH [options]`,
    "",
    "verbs:",
    ...table(COMPANION_VERBS.map(({ name, summary }) => [`  ${name}`, summary])),
    "",
    "options:",
    ...table([...COMMON, ...COMPANION_HELP].map(({ name, short, value, help }) => {
      const letter = short === undefined ? "" : `-${short}, `;
      return [`  ${letter}--${name}${value === undefined ? "" : ` ${value}`}`, help];
    })),
  ];
}

if (import.meta.main) Deno.exit(await companion(profile, Deno.args, standardIo(NAME)));
