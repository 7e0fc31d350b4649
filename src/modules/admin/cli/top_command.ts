/** `fluxheim top`: a table of what a running gateway does, again and again. @module */
import type { CommandCall, ModuleCommand } from "../../../gateway/command.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { isTable } from "../api/plain.ts";
import { asked, printable } from "./asked.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "./target.ts";

const DEFAULT_SECS = 2;
const MAX_SECS = 3600;
/** Rows of counters that are shown. */
const MAX_ROWS = 30;
const CLEAR = "\x1b[2J\x1b[H";

/** Shows the table until it is interrupted. */
export const top: ModuleCommand = {
  name: "top",
  summary: "show what the running gateway counts, and how fast, in a live table",
  details: [
    "Each counter with its total and its rate since the last look, the fastest first. Ends with",
    "Ctrl-C. Where standard output is not a terminal, tables follow one another.",
  ],
  options: [
    ...TARGET_OPTIONS,
    {
      name: "interval",
      value: "SECS",
      help: `seconds between two looks; ${DEFAULT_SECS} unless given`,
    },
    { name: "count", value: "N", help: "end after N looks" },
    { ...JSON_OPTION, help: "print one line of JSON a look, for machines" },
  ],
  takesConfig: true,
  async run(call) {
    const interval = numberOf(call, "interval", DEFAULT_SECS, MAX_SECS);
    const looks = numberOf(call, "count", Infinity, 1_000_000);
    if (interval === undefined || looks === undefined) return 1;
    let before: Look | undefined;
    for (let done = 0; done < looks; done++) {
      if (done > 0) await new Promise((resolve) => setTimeout(resolve, interval * 1000));
      const answer = await asked(call, { path: "live" });
      if (answer === undefined) return 1;
      const look = { at: performance.now(), counters: countersIn(answer.body) };
      if (call.args.has(JSON_OPTION.name)) call.out(JSON.stringify(answer.body));
      else show(call, answer.body, look, before);
      before = look;
    }
    return 0;
  },
};

interface Look {
  readonly at: number;
  readonly counters: ReadonlyMap<string, number>;
}

function numberOf(
  { args, err }: CommandCall,
  name: string,
  otherwise: number,
  most: number,
): number | undefined {
  const given = args.get(name);
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (/^[0-9]{1,7}$/.test(given) && value >= 1 && value <= most) return value;
  err(`fluxheim: --${name} must be a number from 1 to ${most}, not "${given}"`);
  return undefined;
}

function countersIn(body: { readonly [key: string]: Plain }): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const counter of Array.isArray(body.counters) ? body.counters : []) {
    if (!isTable(counter) || typeof counter.value !== "number") continue;
    const labels = isTable(counter.labels ?? null) ? Object.entries(counter.labels ?? {}) : [];
    const shown = labels.map(([name, value]) => `${name}=${String(value)}`).join(" ");
    found.set(`${String(counter.name)} ${shown}`.trim(), counter.value);
  }
  return found;
}

function show(
  { out }: CommandCall,
  body: { readonly [key: string]: Plain },
  look: Look,
  before: Look | undefined,
): void {
  const process = isTable(body.process ?? null) ? body.process as Record<string, Plain> : {};
  const secs = before === undefined ? 0 : (look.at - before.at) / 1000;
  const rows = [...look.counters].map(([name, value]) => {
    const rate = before === undefined ? 0 : (value - (before.counters.get(name) ?? 0)) / secs;
    return { name, value, rate };
  }).sort((a, b) => b.rate - a.rate || b.value - a.value || (a.name < b.name ? -1 : 1));
  const lines = [
    `fluxheim: ${String(process.phase)}, process ${String(process.pid)}, up ${
      String(process.uptime_secs)
    } s, ${rows.length} counters`,
    "",
    `${"per second".padStart(12)} ${"total".padStart(14)}  counter`,
    ...rows.slice(0, MAX_ROWS).map(({ name, value, rate }) =>
      `${rate.toFixed(1).padStart(12)} ${shownValue(value).padStart(14)}  ${printable(name)}`
    ),
  ];
  if (Deno.stdout.isTerminal()) out(CLEAR + lines.join("\n"));
  else lines.forEach((line) => out(line));
}

/** Times are fractions of seconds: milliseconds are enough to look at. */
function shownValue(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}
