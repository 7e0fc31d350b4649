/**
 * Help texts, made from the declarations that the parser works with.
 *
 * @module
 */
import type { OptionSpec } from "./args.ts";
import type { Command } from "./command.ts";
import { VERSION } from "./verbs/version.ts";

/** Column at which descriptions begin. */
const INDENT = 30;
const WIDTH = 96;

/** Help of the whole program. */
export function programHelp(
  program: string,
  options: readonly OptionSpec[],
  commands: readonly Command[],
): string[] {
  return [
    `${program} ${VERSION}: an edge gateway driven by one TOML configuration`,
    "",
    `usage: ${program} [options]              run the gateway`,
    `       ${program} [options] COMMAND ...  ${program} COMMAND --help has more`,
    "",
    "options:",
    ...options.flatMap(optionLines),
    "",
    "commands:",
    ...commands.flatMap((c) => described(`  ${c.name}`, c.summary)),
    "",
    "exit status: 0 success, 1 failure, 2 wrong usage. Results go to standard output, warnings and",
    "errors to standard error.",
  ];
}

/** Help of one command. */
export function commandHelp(
  program: string,
  command: Command,
  common: readonly OptionSpec[],
): string[] {
  const operand = command.operand === undefined ? "" : ` ${command.operand}`;
  return [
    `usage: ${program} ${command.name} [options]${operand}`,
    "",
    ...wrap(command.summary, WIDTH),
    ...(command.details === undefined ? [] : ["", ...command.details]),
    "",
    "options:",
    ...[...command.options, ...common].flatMap(optionLines),
  ];
}

/** One option with its value and what it does. */
function optionLines(spec: OptionSpec): string[] {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const value = spec.value === undefined ? "" : ` ${spec.value}`;
  const again = spec.repeat === true ? " (may be repeated)" : "";
  const choices = spec.choices === undefined ? "" : ` (${spec.choices.join(", ")})`;
  return described(`  ${short}--${spec.name}${value}`, spec.help + choices + again);
}

function described(head: string, text: string): string[] {
  const lines = wrap(text, WIDTH - INDENT);
  const first = head.length < INDENT - 1 ? head.padEnd(INDENT) + lines[0] : undefined;
  const rest = (first === undefined ? lines : lines.slice(1)).map((l) => " ".repeat(INDENT) + l);
  return [first ?? head, ...rest];
}

/** Breaks `text` at spaces into lines of at most `width` columns. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
