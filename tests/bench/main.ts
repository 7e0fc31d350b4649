/**
 * `deno task bench [--seconds N] [--rounds N] [scenario ...]`: the gateway beside nginx, HAProxy and Caddy
 * in the same run. One core for the program under load, the other for clients and origins; within a round
 * each program has its turn, so drift of the machine hits all alike. Prints ratios, not verdicts.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { TempDir } from "../testing/peer.ts";
import { cpuSeconds, median } from "./load.ts";
import type { Contest, Scenario } from "./contest.ts";
import { CLEARTEXT } from "./scenarios.ts";
import { BALANCE } from "./scenarios_balance.ts";
import { CACHE } from "./scenarios_cache.ts";
import { OPERATE } from "./scenarios_operate.ts";
import { PHP } from "./scenarios_php.ts";
import { POLICIES } from "./scenarios_policies.ts";
import { STREAMS } from "./scenarios_streams.ts";
import { OVER_TLS } from "./scenarios_tls.ts";

const SCENARIOS = [
  ...CLEARTEXT,
  ...POLICIES,
  ...OVER_TLS,
  ...BALANCE,
  ...CACHE,
  ...PHP,
  ...STREAMS,
  ...OPERATE,
];

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) {
  console.log("deno task bench [--seconds N] [--rounds N] [--list] [SCENARIO ...]");
  Deno.exit(0);
}

if (values.list) {
  for (const { name, unit } of SCENARIOS) console.log(`${name} (${unit})`);
  Deno.exit(0);
}
const unknown = positionals.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  console.error(`bench: no scenario called ${unknown.join(", ")}; --list names them`);
  Deno.exit(2);
}

const cores = navigator.hardwareConcurrency;
console.log(
  `${new Date().toISOString().slice(0, 10)}, ${cores} cores, ${values.rounds} rounds of ` +
    `${values.seconds} s each; ratio: median [min .. max] of the rounds`,
);
for (const scenario of SCENARIOS) {
  if (positionals.length > 0 && !positionals.includes(scenario.name)) continue;
  await run(scenario, Number(values.seconds), Number(values.rounds));
}

async function run(scenario: Scenario, seconds: number, rounds: number): Promise<void> {
  await using dir = new TempDir();
  const contest = await scenario.start(dir, seconds);
  try {
    print(scenario, await measure(contest, rounds, scenario.unit), contest, seconds);
    if (contest.remark !== undefined) console.log(`  ${await contest.remark()}`);
  } catch (error) {
    for (const { name, process } of contest.servers) console.error(`${name}: ${process.output}`);
    throw error;
  } finally {
    for (const { process } of [...contest.servers, ...contest.helpers]) await process.stop();
  }
}

/** The figures of one server, one a round. */
interface Figures {
  readonly taken: number[];
  /** CPU time by turn, in seconds: unlike a rate it hardly depends on what else the machine does. */
  readonly cpu: number[];
}

async function measure(
  { servers, measure }: Contest,
  rounds: number,
  unit: Scenario["unit"],
): Promise<Figures[]> {
  const figures: Figures[] = servers.map(() => ({ taken: [], cpu: [] }));
  // Memory that was once taken is not given back, so it is measured once, on a fresh program.
  const [first, end] = unit === "KiB" || unit === "failed" ? [0, 1] : [-1, rounds];
  // The first turn warms each program up and is not counted.
  for (let round = first; round < end; round++) {
    // There and back: whatever grows steadily within a round favours no server.
    const order = [...servers.entries()];
    for (const [index, server] of round % 2 === 0 ? order : order.reverse()) {
      const before = await cpuSeconds(server.process.pid);
      const figure = await measure(server);
      if (round < 0) continue;
      figures[index].taken.push(figure);
      figures[index].cpu.push(await cpuSeconds(server.process.pid) - before);
    }
  }
  return figures;
}

function print(
  { name, unit, wanted }: Scenario,
  figures: Figures[],
  { servers }: Contest,
  seconds: number,
): void {
  console.log(`\n${name}`);
  const [ours] = figures;
  for (const [index, theirs] of figures.entries()) {
    const server = servers[index].name;
    let line = `  ${server.padEnd(12)} ${shown(median(theirs.taken))} ${unit}`;
    if (unit === "req/s") line += `  ${shown(cpuMicros(theirs, seconds))} CPU us/req`;
    if (index > 0 && unit !== "failed") line += ratios(ours.taken, theirs.taken);
    if (wanted[server] !== undefined) line += `  (aim: ${wanted[server]})`;
    console.log(line);
  }
}

function ratios(ours: readonly number[], theirs: readonly number[]): string {
  const each = ours.map((figure, round) => figure / theirs[round]).sort((a, b) => a - b);
  const spread = `[${each[0].toFixed(2)} .. ${each[each.length - 1].toFixed(2)}]`;
  return `  ratio ${median(each).toFixed(2)} ${spread}`;
}

/** Median CPU time of a request, in microseconds. */
function cpuMicros({ taken, cpu }: Figures, seconds: number): number {
  return median(taken.map((rate, round) => cpu[round] * 1e6 / (rate * seconds)));
}

function shown(figure: number): string {
  return (figure >= 100 ? figure.toFixed(0) : figure.toFixed(1)).padStart(8);
}
