/** Options that more than one command takes. @module */
import { CONFIG_VARIABLE, KEY_LOG_VARIABLE } from "../runtime/permissions/own_permissions.ts";
import { readableVariable } from "../runtime/preflight.ts";
import type { OptionSpec, ParsedArgs } from "./args.ts";
import { Failure } from "./command.ts";

/** `-c`, `--config`. */
export const CONFIG: OptionSpec = {
  name: "config",
  short: "c",
  value: "PATH",
  help:
    `configuration file or directory; without it $${CONFIG_VARIABLE}, and else built-in defaults`,
};

/** `--json`. */
export const JSON_OUTPUT: OptionSpec = { name: "json", help: "print JSON, for machines" };

/** `--allow-key-log`. */
export const ALLOW_KEY_LOG: OptionSpec = {
  name: "allow-key-log",
  help: `for debugging: serve although $${KEY_LOG_VARIABLE} makes TLS secrets be written to a file`,
};

/** `-h`, `--help`. */
export const HELP: OptionSpec = { name: "help", short: "h", help: "print help and end" };

/**
 * Where the configuration is: the option, else the environment where it may be read, else nowhere.
 *
 * @throws {Failure} on an empty path.
 */
export function configSource(args: ParsedArgs): string | undefined {
  const source = args.get(CONFIG.name) ?? readableVariable(CONFIG_VARIABLE);
  if (source === "") throw new Failure("the configuration path is empty");
  return source;
}
