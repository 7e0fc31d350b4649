/**
 * Commands of Fluxheim 1.5 whose module this program does not have yet (spec 01 section 6.2). They end
 * with status 1 and name the module, instead of being unknown.
 *
 * @module
 */

/** Command name to the modules it needs. */
export const ABSENT: ReadonlyMap<string, string> = new Map([
  ["snapshot", "the durable snapshot store"],
  ["snapshots", "the durable snapshot store"],
  ["rollback", "the durable snapshot store"],
  ["acme-renew", "the module acme-client"],
  ["acme-init", "the module acme-client"],
  ["cache-warm", "the module cache"],
  ["cache-key", "the modules proxy and cache"],
  ["cache-lookup", "the modules proxy and cache"],
]);

/** Why a command of {@linkcode ABSENT} cannot run. */
export function absentReason(command: string, needs: string): string {
  return `${command} needs ${needs}, which this build does not contain`;
}
