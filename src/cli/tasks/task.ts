/**
 * What the project's own tasks have in common: usage errors, failures and their exit status, as the
 * program itself has them.
 *
 * @module
 */
import { type OptionSpec, parseArgs, type ParsedArgs, UsageError } from "../args.ts";
import { EXIT, Failure } from "../command.ts";

/** One task of `deno.json`. */
export interface Task {
  /** As `deno task` knows it. */
  readonly name: string;
  /** What follows the name. */
  readonly usage: string;
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  /** @returns The exit status. */
  run(args: ParsedArgs): Promise<number>;
}

const HELP: OptionSpec = { name: "help", short: "h", help: "print help and end" };

/** Runs a task with the command line of this process, and ends it. */
export async function runTask(task: Task): Promise<never> {
  Deno.exit(await statusOf(task));
}

async function statusOf(task: Task): Promise<number> {
  try {
    const args = parseArgs(Deno.args, [...task.options, HELP]);
    if (args.has(HELP.name)) {
      console.log(`usage: deno task ${task.name} ${task.usage}\n\n${task.summary}`);
      return EXIT.ok;
    }
    return await task.run(args);
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${task.name}: ${error.message}`);
      console.error(`usage: deno task ${task.name} ${task.usage}`);
      return EXIT.usage;
    }
    if (error instanceof Failure) {
      console.error(`${task.name}: ${error.message}`);
      return EXIT.failed;
    }
    throw error;
  }
}
