/**
 * `deno task bench [--seconds N] [--rounds N] [scenario ...]`: the gateway beside nginx, HAProxy and Caddy
 * in the same run. One core for the program under load, the other for clients and origins; within a round
 * each program has its turn, so drift of the machine hits all alike. Prints ratios, not verdicts.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { TempDir } from "../support/peer.ts";
import { median } from "./load.ts";
import { type Contest, type Scenario, SCENARIOS } from "./scenarios.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
    list: { type: "boolean", default: false },
  },
});

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
    print(scenario, await measure(contest, rounds), contest);
  } finally {
    for (const { process } of [...contest.servers, ...contest.helpers]) await process.stop();
  }
}

/** Figures by server, one a round. */
async function measure({ servers, measure }: Contest, rounds: number): Promise<number[][]> {
  const figures: number[][] = servers.map(() => []);
  // The first turn warms each program up and is not counted.
  for (let round = -1; round < rounds; round++) {
    for (const [index, server] of servers.entries()) {
      const figure = await measure(server);
      if (round >= 0) figures[index].push(figure);
    }
  }
  return figures;
}

function print({ name, unit, wanted }: Scenario, figures: number[][], { servers }: Contest): void {
  const [ours, ...others] = figures;
  console.log(`\n${name}`);
  console.log(`  ${servers[0].name.padEnd(12)} ${shown(median(ours))} ${unit}`);
  for (const [index, theirs] of others.entries()) {
    const peer = servers[index + 1].name;
    const ratios = ours.map((figure, round) => figure / theirs[round]).sort((a, b) => a - b);
    const spread = `[${ratios[0].toFixed(2)} .. ${ratios[ratios.length - 1].toFixed(2)}]`;
    const aim = wanted[peer] === undefined ? "" : `  (aim: ${wanted[peer]})`;
    console.log(
      `  ${peer.padEnd(12)} ${shown(median(theirs))} ${unit}  ratio ${
        median(ratios).toFixed(2)
      } ${spread}${aim}`,
    );
  }
}

function shown(figure: number): string {
  return (figure >= 100 ? figure.toFixed(0) : figure.toFixed(1)).padStart(8);
}
