/**
 * What the keeper gives up once it serves. The runtime lets a thread give up a whole kind of permission, or
 * an entry of a list, for good; a part of a blanket grant it cannot give up.
 *
 * What stays, stays for a reason: a reload reads the configuration and keys again, a worker that takes the
 * place of a dead one gets its network and files from here, and the pid file is removed at the end. Workers
 * have nothing to give up: they are started without everything they do not serve with.
 *
 * @module
 */
import { type Plan, valuesOf } from "./permissions.ts";

/** Kinds that this program never uses, whatever it was started with. */
const NEVER = ["ffi"] as const;

/**
 * Gives up the environment, which is only read at the start, and every kind that `plan` has nothing of:
 * the program may have been started with more than it needs.
 *
 * @returns The kinds given up.
 */
export function giveUpAfterStart(plan: Plan): readonly Deno.PermissionName[] {
  const given: Deno.PermissionName[] = [...NEVER];
  for (const kind of ["run", "write", "net", "read", "sys"] as const) {
    if (valuesOf(plan, kind).length === 0) given.push(kind);
  }
  // A worker that needs a variable has to find it here when it is started again.
  if (valuesOf(plan, "env", "edge").length === 0) given.push("env");
  for (const name of given) Deno.permissions.revokeSync({ name });
  return given;
}
