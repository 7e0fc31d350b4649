/**
 * A launcher for `supervise_test.ts`. Arguments: the entry to run, and what the entry is given.
 *
 * @module
 */
import { supervise } from "../supervise.ts";

if (import.meta.main) {
  const [entry, ...args] = Deno.args;
  const flags = [`--allow-read=${args[0]}`, `--allow-write=${args[0]}`];
  Deno.exit(
    await supervise({
      flags: () => Promise.resolve(["--no-prompt", ...flags]),
      entry,
      args,
      say: (line) => console.error(line),
    }),
  );
}
