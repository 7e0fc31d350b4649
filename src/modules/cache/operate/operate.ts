/** `fluxheim cache status` and `fluxheim cache purge`: they ask the running gateway. @module */
import type { CommandCall } from "../../../gateway/command.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { asked, isTable, JSON_OPTION, printable, type Question } from "../../admin/api/client.ts";

type Table = { readonly [key: string]: Plain };

/** Kinds of purge, by the option that says what is purged: the end of its path, and of the name of its input. */
const SELECTIONS: readonly (readonly [option: string, path: string, input: string])[] = [
  ["prefix", "purge-prefix", "Path-Prefix"],
  ["tag", "purge-tag", "Tag"],
  ["pattern", "purge-wildcard", "Path-Pattern"],
  ["all", "purge-index", ""],
  ["stale", "purge-stale", ""],
];

/** Options of a purge that every kind may have, and their input. */
const INPUTS: readonly (readonly [option: string, input: string])[] = [
  ["vhost", "Vhost"],
  ["route", "Route"],
  ["host", "Host"],
  ["method", "Method"],
  ["query", "Query"],
  ["scheme", "Scheme"],
  ["port", "Port"],
  ["limit", "Limit"],
  ["batches", "Batches"],
  ["soft", "Soft"],
  ["dry-run", "Dry-Run"],
];

/** Those that only some kinds have. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  host: ["path"],
  method: ["path"],
  query: ["path"],
  scheme: ["path"],
  port: ["path"],
  limit: ["prefix", "tag", "pattern", "all", "stale"],
  batches: ["prefix", "tag", "pattern", "all", "stale"],
  soft: ["prefix", "tag", "pattern", "all"],
  "dry-run": ["stale"],
};

const header = (name: string) => `X-Fluxheim-Cache-${name}`;

/** Runs the action that the command line names. */
export async function operateCache(call: CommandCall): Promise<number> {
  const { args, err } = call;
  const [action] = args.positionals;
  const question = action === "status"
    ? statusQuestion(call)
    : action === "purge"
    ? purgeQuestion(call)
    : `cache knows status and purge, not "${action}"`;
  if (typeof question === "string") {
    err(`fluxheim: ${question}`);
    return 1;
  }
  const answer = await asked(call, question);
  if (answer === undefined) return 1;
  const { body } = answer;
  if (args.has(JSON_OPTION.name)) call.out(JSON.stringify(body, undefined, 2));
  else {(action === "status" ? statusLines(body) : purgeLines(body)).forEach((line) =>
      call.out(line)
    );}
  if (body.repeat_required === true) err("fluxheim: more objects are left: repeat the purge");
  if (body.truncated === true && action === "status") {
    err("fluxheim: there are more vhosts: name one with --vhost");
  }
  return 0;
}

function statusQuestion({ args }: CommandCall): Question | string {
  const wrong = [...SELECTIONS, ...INPUTS].map(([name]) => name).concat("path")
    .find((name) => name !== "vhost" && args.has(name));
  if (wrong !== undefined) return `cache status takes no --${wrong}`;
  const vhost = args.get("vhost");
  const headers: Record<string, string> = vhost === undefined ? {} : { [header("Vhost")]: vhost };
  return { path: "cache/status", headers };
}

function purgeQuestion({ args }: CommandCall): Question | string {
  const paths = args.all("path");
  const kinds = [
    ...(paths.length > 0 ? ["path"] : []),
    ...SELECTIONS.map(([name]) => name).filter((name) => args.has(name)),
  ];
  if (kinds.length !== 1) {
    return "say what to purge, by one of --path, --prefix, --tag, --pattern, --all and --stale";
  }
  const [kind] = kinds;
  const wrong = Object.keys(ONLY).find((name) => args.has(name) && !ONLY[name].includes(kind));
  if (wrong !== undefined) return `--${wrong} has no meaning beside --${kind}`;
  const headers: Record<string, string> = {};
  for (const [option, input] of INPUTS) {
    // A switch that is given has the empty text.
    const value = args.get(option);
    if (value !== undefined) headers[header(input)] = value === "" ? "1" : value;
  }
  if (kind === "path") {
    const comma = paths.find((path) => path.includes(","));
    if (paths.length > 1 && comma !== undefined) {
      return `--path ${comma}: purge a path with a comma alone`;
    }
    headers[header(paths.length > 1 ? "Paths" : "Path")] = paths.join(",");
    return { method: "POST", path: `cache/purge${paths.length > 1 ? "-bulk" : ""}`, headers };
  }
  const [, path, input] = SELECTIONS.find(([name]) => name === kind) ?? SELECTIONS[0];
  if (input !== "") headers[header(input)] = args.get(kind) ?? "";
  return { method: "POST", path: `cache/${path}`, headers };
}

const number = (table: Table, key: string) => Number(table[key] ?? 0);
const percent = (perMille: number) => `${(perMille / 10).toFixed(1)} %`;

function tableAt(table: Table, key: string): Table {
  const value = table[key] ?? null;
  return isTable(value) ? value : {};
}

function statusLines(body: Table): string[] {
  const totals = tableAt(body, "totals");
  const activity = tableAt(totals, "activity");
  const rows = (Array.isArray(body.vhosts) ? body.vhosts.filter(isTable) : []).flatMap((vhost) => [
    ...shownScope(String(vhost.name), vhost),
    ...(Array.isArray(vhost.routes) ? vhost.routes.filter(isTable) : []).flatMap((route) =>
      shownScope(`${String(vhost.name)} ${String(route.name)}`, route)
    ),
  ]);
  return [
    `hit ratio:  ${percent(number(activity, "hit_ratio_per_mille"))} of ${
      number(activity, "requests")
    } look-ups`,
    `memory:     ${sizeOf(totals, "memory", "weighted_size_bytes")}`,
    `disk:       ${sizeOf(totals, "disk", "size_bytes")}`,
    `evictions:  ${number(activity, "evictions")}, purges ${number(activity, "purges")}`,
    ...rows,
  ].map(printable);
}

function sizeOf(totals: Table, tier: string, size: string): string {
  return `${number(totals, `${tier}_entries`)} objects, ${number(totals, `${tier}_${size}`)} of ${
    number(totals, `${tier}_max_size_bytes`)
  } bytes`;
}

/** Nothing for a scope without a cache. */
function shownScope(name: string, scope: Table): string[] {
  if (scope.enabled !== true) return [];
  const tiers = ["memory", "disk"].flatMap((tier) => {
    const table = tableAt(scope, tier);
    if (table.entries === undefined) return [];
    const ratio = percent(number(tableAt(table, "activity"), "hit_ratio_per_mille"));
    return [`${tier} ${number(table, "entries")} objects, hit ratio ${ratio}`];
  });
  return [`${name}: ${tiers.join("; ")}`];
}

function purgeLines(body: Table): string[] {
  const where = typeof body.route === "string"
    ? `${String(body.vhost)} ${body.route}`
    : String(body.vhost);
  if (typeof body.purged === "boolean") {
    return [
      printable(`${where}: ${String(body.path)} ${body.purged ? "purged" : "was not stored"}`),
    ];
  }
  if (body.dry_run === true) {
    return [printable(`${where}: ${number(body, "would_purge")} would be purged`)];
  }
  const of = body.matched ?? body.stale ?? body.requested ?? 0;
  const what = body.soft === true ? "made stale" : "purged";
  return [printable(`${where}: ${number(body, "purged")} of ${String(of)} ${what}`)];
}
