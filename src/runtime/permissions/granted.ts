/**
 * What the runtime really allows this thread, compared with what a plan asks for.
 *
 * @module
 */
import type { Plan } from "./plan.ts";
import type { PlannedGrant } from "./planned_grant.ts";

/** The grants of `plan` that this thread does not have, without the optional ones. */
export function missingGrants({ grants }: Plan): readonly PlannedGrant[] {
  return grants.filter((grant) => !grant.optional && !isGranted(grant));
}

/** Whether this thread may use the whole network. */
export function hasBlanketNet(): boolean {
  return Deno.permissions.querySync({ name: "net" }).state === "granted";
}

/** Whether this thread has `grant`. What the runtime has no question for (ranges, wildcards) counts as granted. */
export function isGranted(grant: PlannedGrant): boolean {
  const descriptor = descriptorOf(grant);
  if (descriptor === undefined) return true;
  return Deno.permissions.querySync(descriptor).state === "granted";
}

const RANGE_OR_WILDCARD = /^(?!unix:).*[/*]/;

/** A grant as the runtime is asked about it; ranges and wildcards cannot be. */
export function descriptorOf(
  { kind, value }: Pick<PlannedGrant, "kind" | "value">,
): Deno.PermissionDescriptor | undefined {
  switch (kind) {
    case "net":
      return RANGE_OR_WILDCARD.test(value) ? undefined : { name: "net", host: value };
    case "read":
    case "write":
      return { name: kind, path: value };
    case "run":
      return { name: "run", command: value };
    case "env":
      return { name: "env", variable: value };
    case "sys": {
      const known = SYS_KINDS.find((name) => name === value);
      return known === undefined ? undefined : { name: "sys", kind: known };
    }
  }
}

const SYS_KINDS = ["hostname", "uid", "gid", "osRelease", "loadavg", "systemMemoryInfo"] as const;
