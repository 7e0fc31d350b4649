/**
 * A launcher for `supervise_test.ts`. Arguments: the entry to run, and what the entry is given: a journal
 * and its lives, of which `wrong` is one whose permissions cannot be worked out, and `throws` another.
 *
 * @module
 */
import { supervise } from "../supervise.ts";

if (import.meta.main) {
  const [entry, ...args] = Deno.args;
  const [journal, ...lives] = args;
  const next = lives.values();
  Deno.exit(
    await supervise({
      flags() {
        const { value: life } = next.next();
        if (life === "throws") return Promise.reject(new Error("told to fail"));
        if (life === "wrong") return Promise.resolve(undefined);
        return Promise.resolve([
          "--no-prompt",
          `--allow-read=${journal}`,
          `--allow-write=${journal}`,
        ]);
      },
      entry,
      args,
      say: (line) => console.error(line),
    }),
  );
}
