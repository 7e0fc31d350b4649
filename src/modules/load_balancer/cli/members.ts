/** `fluxheim members`: lists the members of pools, and changes one. @module */
import type { CommandCall } from "../../../gateway/command.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { asked, isTable, JSON_OPTION, printable, type Question } from "../../admin/api/client.ts";

/** A pool of the gateway, as its status shows it. */
interface Pool {
  readonly vhost: string;
  readonly route: string | undefined;
  readonly shown: Table;
}

type Table = { readonly [key: string]: Plain };

/** Does what the options say; the exit status. */
export async function members(call: CommandCall): Promise<number> {
  const { args, err } = call;
  const change = changeIn(call);
  if (typeof change === "string") {
    err(`fluxheim: ${change}`);
    return 1;
  }
  if (change === undefined) return await list(call);
  const scope = args.has("vhost") ? given(call) : await onlyPool(call);
  if (scope === undefined) return 1;
  const answer = await asked(call, { ...change, headers: { ...change.headers, ...scope } });
  if (answer === undefined) return 1;
  if (args.has(JSON_OPTION.name)) call.out(JSON.stringify(answer.body, undefined, 2));
  else call.out(summaryOf(answer.body));
  return 0;
}

const header = (name: string) => `X-Fluxheim-Lb-${name}`;

/** What is to be changed, `undefined` for nothing, or why it cannot be. */
function changeIn({ args }: CommandCall): Question | string | undefined {
  const post = (path: string, inputs: Readonly<Record<string, string | undefined>>): Question => ({
    method: "POST",
    path: `load-balancer/${path}`,
    headers: Object.fromEntries(
      Object.entries(inputs).flatMap(([name, value]) =>
        value === undefined ? [] : [[header(name), value]]
      ),
    ),
  });
  const [member, state, weight, added, address] = ["member", "state", "weight", "add", "move-to"]
    .map((name) => args.get(name));
  if (added !== undefined) {
    if (member !== undefined) return "--add names the member itself: leave out --member";
    return post("member-add", { Member: added, Weight: weight });
  }
  if (args.has("clear-sessions")) return post("persistence/clear", {});
  const isChange = [state, weight, address].some((value) => value !== undefined) ||
    args.has("remove");
  if (!isChange) {
    return member === undefined
      ? undefined
      : "--member is to be changed by --state, --weight, --remove or --move-to";
  }
  if (member === undefined) return "name the member with --member";
  if (state !== undefined) return post("member-state", { Member: member, State: state });
  if (args.has("remove")) return post("member-remove", { Member: member });
  if (address !== undefined) {
    return post("member-update", { Member: member, Weight: weight, "New-Member": address });
  }
  return post("member-weight", { Member: member, Weight: weight });
}

function given({ args }: CommandCall): Record<string, string> {
  const route = args.get("route");
  return {
    [header("Vhost")]: args.get("vhost") ?? "",
    ...(route === undefined ? {} : { [header("Route")]: route }),
  };
}

/** The one pool of the gateway. */
async function onlyPool(call: CommandCall): Promise<Record<string, string> | undefined> {
  const pools = await poolsOf(call);
  if (pools === undefined) return undefined;
  if (pools.found.length === 1 && !pools.isTruncated) {
    const [{ vhost, route }] = pools.found;
    return {
      [header("Vhost")]: vhost,
      ...(route === undefined ? {} : { [header("Route")]: route }),
    };
  }
  call.err(
    pools.found.length === 0
      ? "fluxheim: there is no such pool"
      : "fluxheim: there is more than one pool: name it with --vhost, and --route",
  );
  return undefined;
}

async function list(call: CommandCall): Promise<number> {
  const pools = await poolsOf(call);
  if (pools === undefined) return 1;
  if (call.args.has(JSON_OPTION.name)) {
    const shown = pools.found.map(({ vhost, route, shown }) => ({
      vhost,
      route: route ?? null,
      pool: shown,
    }));
    call.out(JSON.stringify({ pools: shown, truncated: pools.isTruncated }, undefined, 2));
    return 0;
  }
  for (const pool of pools.found) linesOf(pool).forEach((line) => call.out(line));
  if (pools.found.length === 0) call.err("fluxheim: there is no such pool");
  if (pools.isTruncated) call.err("fluxheim: there are more pools: name one with --vhost");
  return pools.found.length === 0 ? 1 : 0;
}

/** The pools that the options name, or all. */
async function poolsOf(
  call: CommandCall,
): Promise<{ readonly found: readonly Pool[]; readonly isTruncated: boolean } | undefined> {
  const [vhost, route] = [call.args.get("vhost"), call.args.get("route")];
  const headers: Record<string, string> = vhost === undefined ? {} : { [header("Vhost")]: vhost };
  const answer = await asked(call, { path: "load-balancer/status", headers });
  if (answer === undefined) return undefined;
  const { load_balancer: shown = null } = answer.body;
  const table = isTable(shown) ? shown : {};
  const found = tables(table.vhosts).flatMap(({ name, pool = null, routes }): Pool[] => [
    ...(isTable(pool) ? [{ vhost: String(name), route: undefined, shown: pool }] : []),
    ...tables(routes).flatMap(({ name: route, pool = null }) =>
      isTable(pool) ? [{ vhost: String(name), route: String(route), shown: pool }] : []
    ),
  ]);
  return {
    found: found.filter((pool) =>
      (vhost === undefined || pool.vhost === vhost) && (route === undefined || pool.route === route)
    ),
    isTruncated: table.truncated === true,
  };
}

function tables(value: Plain | undefined): readonly Table[] {
  return Array.isArray(value) ? value.filter(isTable) : [];
}

const COLUMNS = ["member", "address", "state", "weight", "in flight", "sessions"] as const;

/** A pool for a person: a heading, and a line a member. */
function linesOf({ vhost, route, shown }: Pool): string[] {
  const rows = tables(shown.backends).map((member) => [
    String(member.alias ?? member.address ?? "redacted"),
    String(member.address ?? ""),
    stateOf(member),
    weightOf(member),
    String(member.in_flight),
    String(member.persistence_entry_count),
  ]);
  const widths = COLUMNS.map((name, i) =>
    Math.max(name.length, ...rows.map((row) => row[i].length))
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, i) => printable(cell).padEnd(widths[i])).join("  ")}`.trimEnd();
  const where = route === undefined ? vhost : `${vhost} ${route}`;
  const counts = `${String(shown.available_backend_count)} of ${String(shown.backend_count)}`;
  return [
    `${printable(where)}: ${String(shown.selection)}, ${counts} members available`,
    line(COLUMNS),
    ...rows.map(line),
  ];
}

/** The strongest reason that keeps a member from requests. */
function stateOf(member: Table): string {
  const override = member.runtime_state_override;
  if (typeof override === "string") return override;
  if (member.disabled === true) return "disabled";
  if (member.drained === true) return "drained";
  if (member.ready !== true) return "down";
  if (member.passive_ejected === true) {
    return `ejected for ${String(member.passive_ejection_remaining_secs)} s`;
  }
  return member.backup === true ? "backup" : "up";
}

function weightOf({ weight, effective_weight: effective }: Table): string {
  return weight === effective ? String(weight) : `${String(effective)} (${String(weight)})`;
}

/** What was done, in one line. */
function summaryOf(body: Table): string {
  const { vhost, route, member, address, persistent } = body;
  const where = typeof route === "string" ? `${String(vhost)} ${route}` : String(vhost);
  const until = persistent === true ? "" : ", until the process ends";
  const what = typeof body.cleared_entries === "number"
    ? `${body.cleared_entries} sessions cleared`
    : typeof body.operation === "string"
    ? `${String(member)} ${body.operation}${
      body.operation === "updated" ? `: ${String(address)}, weight` : ", weight"
    } ${String(body.configured_weight)}, ${String(body.backend_count)} members${until}`
    : typeof body.state === "string"
    ? `${String(member)} is ${body.state}${until}`
    : `${String(member)} has weight ${String(body.effective_weight)}${until}`;
  return printable(`${where}: ${what}`);
}
