/**
 * Takes the times out of a compiled program. `deno compile` keeps when each file was last changed, which
 * for the files of a checkout is when it was cloned: two builds of one commit would differ.
 *
 * @module
 */
import { partsOf } from "./embedded.ts";

const TIME = /(?<="t":)\d+/g;

/** Gives every file in the compiled program at `path` the same time, whatever it was, in its place. */
export async function forgetFileTimes(path: string): Promise<void> {
  const program = await Deno.readFile(path);
  const { start, end } = partsOf(program).files;
  const files = new TextDecoder().decode(program.subarray(start, end));
  // As many digits as there were, which are 13 for every time since 2001: nothing else moves.
  const timeless = files.replaceAll(TIME, (time) => "1".padEnd(time.length, "0"));
  using file = await Deno.open(path, { write: true });
  await file.seek(start, Deno.SeekMode.Start);
  let bytes = new TextEncoder().encode(timeless);
  while (bytes.length > 0) bytes = bytes.subarray(await file.write(bytes));
}
