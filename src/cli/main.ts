/** From a profile's entry file to its command line. @module */
import type { Profile } from "../runtime/profile.ts";
import { cli } from "./cli.ts";
import type { Io } from "./command.ts";

/** The process's own streams, written a line at a time, at once. */
export function standardIo(program: string): Io {
  return {
    program,
    out: (line) => writeLine(Deno.stdout, line),
    err: (line) => writeLine(Deno.stderr, line),
  };
}

/** Runs the program as `profile` with the arguments of this process, and ends it. */
export async function main(profile: Profile): Promise<never> {
  Deno.exit(await cli(profile, Deno.args, standardIo("fluxheim")));
}

const encoder = new TextEncoder();

function writeLine(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  let bytes = encoder.encode(line + "\n");
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    // Whoever read the other end of the pipe has seen enough.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
