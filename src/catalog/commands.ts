/**
 * Commands that this build may lack (spec 01 section 6.2). They end with status 1 and name what is missing,
 * instead of being unknown.
 *
 * @module
 */
import { MODULES, UNNAMED } from "./modules.ts";
import type { CatalogCommand } from "./types.ts";

const COMMANDS: readonly CatalogCommand[] = [...MODULES, ...UNNAMED]
  .flatMap(({ commands }) => commands);

/** Why a build that does not know `command` cannot run it; `undefined` for one that no build knows. */
export function absentReason(command: string): string | undefined {
  const known = COMMANDS.find(({ name }) => name === command);
  if (known === undefined) return undefined;
  return `${command} needs ${known.needs}, which this build does not contain`;
}
