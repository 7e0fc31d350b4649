/** `fluxheim permissions`: what a configuration needs the runtime to allow. @module */
import type { Role } from "../../gateway/module.ts";
import {
  type Plan,
  rolesOf,
  toFlags,
  valuesOf,
  workerPermissions,
} from "../../runtime/permissions/plan.ts";
import { PERMISSION_KINDS, type PlannedGrant } from "../../runtime/permissions/planned_grant.ts";
import { type Command, EXIT } from "../command.ts";
import { loadOrReport, planFor } from "../load.ts";
import { CONFIG, configSource, JSON_OUTPUT } from "../options.ts";
import { table } from "../table.ts";

/** Prints the permissions of one configuration: flags, JSON, or each grant with the key that asks for it. */
export const permissions: Command = {
  name: "permissions",
  summary: "print the permissions that a configuration needs, as flags of deno run",
  details: [
    "The program starts under exactly these flags. From a checkout:",
    "  deno run $(fluxheim permissions --config F) src/main.ts --config F",
    "Where a value has a space, quote them for the shell:",
    "  eval deno run $(fluxheim permissions --shell --config F) src/main.ts --config F",
  ],
  options: [
    {
      name: "explain",
      help: "print each grant with the role that uses it, how long, and the key behind it",
    },
    {
      name: "shell",
      help: "print one line, quoted for a shell",
      conflicts: ["explain", "json"],
    },
    { ...JSON_OUTPUT, conflicts: ["explain"] },
    CONFIG,
  ],
  async run({ profile, args, io }) {
    const config = await loadOrReport({ profile, args, io });
    if (config === undefined) return EXIT.failed;
    const plan = planFor(profile, config, configSource(args));
    if (args.has(JSON_OUTPUT.name)) {
      io.out(JSON.stringify(record(plan, profile.name), undefined, 2));
    } else if (args.has("explain")) explanation(plan).forEach(io.out);
    else if (args.has("shell")) io.out(toFlags(plan).map(shellQuoted).join(" "));
    else toFlags(plan).forEach(io.out);
    return EXIT.ok;
  },
};

/** The plan for a program: flags, the whole set, what threads of each role get, and each grant. */
function record(plan: Plan, profile: string): Record<string, unknown> {
  const values = PERMISSION_KINDS.map((kind) => [kind, valuesOf(plan, kind)]);
  return {
    profile,
    flags: toFlags(plan),
    permissions: Object.fromEntries(values),
    roles: Object.fromEntries(rolesOf(plan).map((role) => [role, partOf(plan, role)])),
    grants: plan.grants,
  };
}

/**
 * What threads of one role are started with, and what of that they give up. Of the keeper, what it uses
 * itself: it holds the grants of all roles, to hand them on.
 */
function partOf(plan: Plan, role: Role): Record<string, unknown> {
  if (role === "keeper") {
    return Object.fromEntries(PERMISSION_KINDS.map((kind) => [kind, valuesOf(plan, kind, role)]));
  }
  const { atStart, givenUp } = workerPermissions(plan, role, { blanketNet: false });
  return { ...atStart, gives_up: { net: givenUp } };
}

/** One row for each thing a key asks for, by kind. */
function explanation(plan: Plan): string[] {
  const rows = PERMISSION_KINDS.flatMap((kind) => {
    const rows = new Map<string, { grant: PlannedGrant; roles: string[] }>();
    for (const grant of plan.grants) {
      if (grant.kind !== kind) continue;
      const id = JSON.stringify([grant.value, grant.key]);
      const row = rows.get(id);
      if (row === undefined) rows.set(id, { grant, roles: [grant.for] });
      else if (!row.roles.includes(grant.for)) row.roles.push(grant.for);
    }
    return [...rows.values()].map(({ grant: { value, key, optional, startOnly }, roles }) => [
      kind,
      value,
      roles.join(", "),
      startOnly === true ? "at start" : "always",
      optional ? `${key} (works without)` : key,
    ]);
  });
  const none = PERMISSION_KINDS.filter((kind) => valuesOf(plan, kind).length === 0);
  return [
    ...table([["kind", "value", "role", "needed", "asked by"], ...rows]),
    "",
    `never: ${[...none, "ffi", "import"].join(", ")}`,
  ];
}

const SAFE_WORD = /^[\w@%+=:,./-]+$/;

/** `word` as a POSIX shell reads it back. */
export function shellQuoted(word: string): string {
  return SAFE_WORD.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
