/**
 * `fluxheim-config-tester`: tests a configuration for a kind of build, on any machine (spec 01 section
 * 6.8). Run with the modules of the profile `development`, so that a table is refused because the build
 * it is tested for does not have it, not because this one lacks it.
 *
 * @module
 */
import { profile } from "../profiles/development.ts";
import { hasErrors } from "../config/problems/problems.ts";
import type { Config } from "../config/types.ts";
import type { Module } from "../gateway/module.ts";
import { targetLine, targetsOf } from "../modules/acme/table.ts";
import { checkStorage } from "./verbs/check_tls_storage.ts";
import { type OptionSpec, parseArgs, type ParsedArgs, UsageError } from "./args.ts";
import { reporting } from "./cli.ts";
import { EXIT, Failure, type Io } from "./command.ts";
import { cryptoLines } from "./verbs/crypto.ts";
import { wrap } from "./help.ts";
import { load, printProblems } from "./load.ts";
import { standardIo } from "./main.ts";
import { CONFIG, configSource, HELP } from "./options.ts";
import { table } from "./table.ts";
import { misfits, TESTED_PROFILES, type TestedProfile } from "./tester/profiles.ts";
import { resolveUpstreams } from "./tester/upstreams.ts";
import { buildProblems } from "./verbs/validate_config.ts";
import { VERSION } from "./verbs/version.ts";

const NAME = "fluxheim-config-tester";
const VERSION_OPTION: OptionSpec = { name: "version", help: "print the version and end" };

const OPTIONS: readonly OptionSpec[] = [
  { ...CONFIG, help: "configuration file or directory; else $FLUXHEIM_CONFIG" },
  {
    name: "profile",
    value: "NAME",
    choices: Object.keys(TESTED_PROFILES),
    help: "kind of build to test for; full unless given",
  },
  {
    name: "no-runtime-paths",
    help: "skip what belongs to the machine that will run it: process paths and the build step",
  },
  { name: "check-tls-storage", help: "inspect keys, certificates and ACME storage" },
  { name: "acme-targets", help: "list what ACME would manage" },
  {
    name: "resolve-upstreams",
    help: "resolve the name of every upstream; nothing is connected to",
  },
  { name: "explain", help: "print what is tested, and each step that passed" },
  { name: "crypto", help: "print the crypto diagnostics" },
  HELP,
  VERSION_OPTION,
];

/** Runs one command line of the tester with the tables and rules of `modules`. */
export function configTester(
  modules: readonly Module[],
  argv: readonly string[],
  io: Io,
): Promise<number> {
  return reporting(io, () => {
    const args = parseArgs(argv, OPTIONS);
    if (args.has(HELP.name)) {
      help().forEach(io.out);
      return EXIT.ok;
    }
    if (args.has(VERSION_OPTION.name)) {
      io.out(`${NAME} ${VERSION}`);
      return EXIT.ok;
    }
    const [operand] = args.positionals;
    if (operand !== undefined) throw new UsageError(`unexpected argument "${operand}"`);
    return test(modules, args, io);
  });
}

/** The steps in the order of spec 01 section 6.8; the first that fails ends it. */
async function test(modules: readonly Module[], args: ParsedArgs, io: Io): Promise<number> {
  const source = configSource(args);
  if (source === undefined) throw new UsageError("--config PATH is needed");
  const kind = tested(args.get("profile") ?? "full");
  const runtimePaths = !args.has("no-runtime-paths");
  const passed = (step: string) => {
    if (args.has("explain")) io.out(`${step}: ok`);
  };

  const { config, problems, place } = await load({ ...profile, modules }, source, {
    runtimePaths,
  });
  printProblems(problems, io);
  if (config === undefined) return EXIT.failed;
  const wrong = misfits(config, kind);
  if (wrong.length > 0) {
    for (const problem of wrong) io.err(`${io.program}: profile ${kind}: ${problem}`);
    return EXIT.failed;
  }
  if (args.has("crypto")) {
    cryptoLines({ ...profile, modules }, config, source).forEach(io.out);
  }
  if (args.has("explain")) context(config, source, kind, runtimePaths).forEach(io.out);
  passed("load");
  passed("profile");
  if (runtimePaths) {
    const found = (await buildProblems(config, modules)).map(place);
    printProblems(found, io);
    if (hasErrors(found)) return EXIT.failed;
    passed("runtime build");
  }
  if (args.has("check-tls-storage")) {
    await checkStorage(config, modules, io);
    passed("TLS storage");
  }
  if (args.has("acme-targets")) {
    const targets = targetsOf(config);
    io.out(`acme targets: ${targets.length}`);
    for (const target of targets) io.out(targetLine(target));
    passed("ACME targets");
  }
  if (args.has("resolve-upstreams")) {
    const failed = await resolveUpstreams(config, io);
    if (failed > 0) throw new Failure(`names of upstreams that cannot be resolved: ${failed}`);
    passed("upstreams");
  }
  io.out("config tester: ok");
  return EXIT.ok;
}

function tested(name: string): TestedProfile {
  const found = Object.keys(TESTED_PROFILES).find((key): key is TestedProfile => key === name);
  if (found === undefined) throw new UsageError(`unknown profile ${name}`);
  return found;
}

function context(config: Config, source: string, kind: string, runtimePaths: boolean): string[] {
  const routes = config.vhosts.reduce((sum, vhost) => sum + vhost.routes.length, 0);
  return table([
    ["config:", source],
    ["profile:", kind],
    ["runtime paths:", runtimePaths ? "checked" : "skipped"],
    ["vhosts:", String(config.vhosts.length)],
    ["routes:", String(routes)],
  ]);
}

function help(): string[] {
  return [
    `usage: ${NAME} --config PATH [options]`,
    "",
    ...wrap(
      "Tests a configuration for a kind of build; binds nothing and connects to nothing.",
      90,
    ),
    "",
    "options:",
    ...table(OPTIONS.map((o) => {
      const short = o.short === undefined ? "" : `-${o.short}, `;
      const value = o.value === undefined ? "" : ` ${o.value}`;
      return [`  ${short}--${o.name}${value}`, o.help];
    })),
    "",
    `profiles: ${Object.keys(TESTED_PROFILES).join(", ")}`,
  ];
}

if (import.meta.main) Deno.exit(await configTester(profile.modules, Deno.args, standardIo(NAME)));
