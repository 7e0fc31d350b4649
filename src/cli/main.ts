/** From a profile's entry file to its command line. @module */
import type { Profile } from "../runtime/threads/profile.ts";
import { cli } from "./cli.ts";
import { Failure, type Io } from "./command.ts";

/**
 * The process's own streams, written a line at a time, at once. A result that cannot be written is a
 * reason to fail, which is printed on the other stream; what cannot be written there is lost.
 */
export function standardIo(program: string): Io {
  return {
    program,
    out(line) {
      const failed = writeLine(Deno.stdout, line);
      if (failed !== undefined) throw new Failure(`standard output cannot be written: ${failed}`);
    },
    err: (line) => void writeLine(Deno.stderr, line),
  };
}

/** Runs the program as `profile` with the arguments of this process, and ends it. */
export async function main(profile: Profile): Promise<never> {
  Deno.exit(await cli(profile, Deno.args, standardIo("fluxheim")));
}

const encoder = new TextEncoder();

/** @returns Why the line could not be written, unless the reader of a pipe has just gone. */
function writeLine(stream: typeof Deno.stdout, line: string): string | undefined {
  let bytes = encoder.encode(line + "\n");
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    // The reader of the pipe has seen enough.
    if (error instanceof Deno.errors.BrokenPipe) return undefined;
    return error instanceof Error ? error.message : String(error);
  }
  return undefined;
}
