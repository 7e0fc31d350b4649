/**
 * The development build as a program that embeds it would start it, with limits that end ten times sooner
 * (`Pace` in `src/runtime/pace.ts`). Argument: `--config` and a path.
 *
 * @module
 */
// First of all: no module may find what no permission guards.
import "../../src/runtime/permissions/unguarded.ts";

import { load, serve, StartError } from "../../mod.ts";
import { profile } from "../../src/profiles/development.ts";

/** A second of any limit lasts a tenth of one. */
const PACE = 10;

if (import.meta.main) {
  const configSource = Deno.args[1];
  try {
    Deno.exit(
      await serve({
        profile,
        configSource,
        load: () => load(profile, configSource),
        pace: { workers: PACE, keeper: PACE / 2 },
      }),
    );
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
