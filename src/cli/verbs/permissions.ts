/** `fluxheim permissions`: what a configuration needs the runtime to allow. @module */
import { type Plan, toFlags, valuesOf, workerPermissions } from "../../runtime/permissions/plan.ts";
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
      help: "print each grant with the thread that uses it, how long, and the key behind it",
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

/** The plan for a program: flags, the whole set, what an edge worker gets, and each grant. */
function record(plan: Plan, profile: string): Record<string, unknown> {
  const edge = workerPermissions(plan, "edge", { blanketNet: false });
  const values = PERMISSION_KINDS.map((kind) => [kind, valuesOf(plan, kind)]);
  return {
    profile,
    flags: toFlags(plan),
    permissions: Object.fromEntries(values),
    edge_worker: edge.atStart,
    edge_worker_gives_up: { net: edge.givenUp },
    grants: plan.grants,
  };
}

/** One row for each thing a key asks for, by kind. */
function explanation(plan: Plan): string[] {
  const rows = PERMISSION_KINDS.flatMap((kind) => {
    const threads = new Map<string, { grant: PlannedGrant; threads: string[] }>();
    for (const grant of plan.grants) {
      if (grant.kind !== kind) continue;
      const id = JSON.stringify([grant.value, grant.key]);
      const row = threads.get(id);
      if (row === undefined) threads.set(id, { grant, threads: [grant.for] });
      else if (!row.threads.includes(grant.for)) row.threads.push(grant.for);
    }
    return [...threads.values()].map(({ grant: { value, key, optional, startOnly }, threads }) => [
      kind,
      value,
      threads.join(", "),
      startOnly === true ? "at start" : "always",
      optional ? `${key} (works without)` : key,
    ]);
  });
  const none = PERMISSION_KINDS.filter((kind) => valuesOf(plan, kind).length === 0);
  return [
    ...table([["kind", "value", "thread", "needed", "asked by"], ...rows]),
    "",
    `never: ${[...none, "ffi", "import"].join(", ")}`,
  ];
}

const SAFE_WORD = /^[\w@%+=:,./-]+$/;

/** `word` as a POSIX shell reads it back. */
export function shellQuoted(word: string): string {
  return SAFE_WORD.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
