/**
 * What a thread gives up before it serves. The runtime lets it give up a whole kind of permission, or an
 * entry of a list, for good; a part of a blanket grant it cannot give up.
 *
 * What stays, stays for a reason: a reload reads the configuration and keys again, a worker that takes the
 * place of a dead one gets its network and files from the keeper, and the pid file is written when the
 * gateway serves and removed at the end.
 *
 * @module
 */
import { dirname } from "node:path";
import { descriptorOf } from "./granted.ts";
import { type Plan, servingPlan, valuesOf } from "./plan.ts";
import { PERMISSION_KINDS, type PlannedGrant } from "./planned_grant.ts";

/** Kinds that this program never uses, whatever it was started with. */
const NEVER = ["ffi"] as const;

/**
 * The keeper's: every kind that `plan` has no further use for (the program may have been started with more
 * than it needs), and of the others what was needed for the start.
 *
 * @param isNeeded Of what was needed for the start, what still is. To be called again when that is over.
 */
export function giveUpBeforeServing(
  plan: Plan,
  isNeeded: (grant: PlannedGrant) => boolean = () => false,
): void {
  const kept: Plan = { grants: [...servingPlan(plan).grants, ...plan.grants.filter(isNeeded)] };
  for (const name of NEVER) Deno.permissions.revokeSync({ name });
  for (const name of PERMISSION_KINDS) {
    if (valuesOf(kept, name).length === 0) Deno.permissions.revokeSync({ name });
  }
  for (const grant of plan.grants) {
    if (!valuesOf(kept, grant.kind).includes(grant.value)) giveUpEntry(grant);
  }
}

/** Any other thread's: the addresses of listeners that it has bound and never binds again. */
export function giveUpAddresses(addresses: readonly string[]): void {
  for (const value of addresses) giveUpEntry({ kind: "net", value });
}

/** The runtime takes a whole entry for any part of it, so one that allows more than `grant` stays. */
function giveUpEntry(grant: Pick<PlannedGrant, "kind" | "value">): void {
  const descriptor = descriptorOf(grant);
  if (descriptor === undefined || isPartOfMore(grant)) return;
  Deno.permissions.revokeSync(descriptor);
}

/** Whether what is granted around `grant`, the whole address or the directory, is granted as well. */
function isPartOfMore({ kind, value }: Pick<PlannedGrant, "kind" | "value">): boolean {
  if (kind === "read" || kind === "write") {
    return isGranted({ name: kind, path: dirname(value) });
  }
  const host = kind === "net" ? /^(.+):\d+$/.exec(value)?.[1] : undefined;
  return host !== undefined && isGranted({ name: "net", host });
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
