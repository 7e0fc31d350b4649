/**
 * The load generators, each pinned to its own core, and what they report.
 *
 * @module
 */
import { find, Process } from "../testing/peer.ts";

/** Core of everything that is measured. */
export const SERVER_CORE = 0;
/** Core of clients and origins. */
export const CLIENT_CORE = 1;

/** Longest that a load generator may take; h2load 1.52 now and then never ends, whichever server it asks. */
const MAX_SECONDS = 120;

/** Runs a command pinned to a core and gives its output. */
async function pinned(core: number, command: string, args: string[]): Promise<string> {
  const process = new Process(find("taskset")!, ["-c", String(core), find(command)!, ...args]);
  const timer = setTimeout(() => void process.stop(), MAX_SECONDS * 1000);
  await process.ended;
  clearTimeout(timer);
  const status = await process.stop();
  if (!status.success) throw new Error(`${command} failed:\n${process.output}`);
  return process.output;
}

/** Starts a command pinned to a core; it runs until it is stopped. */
export function startPinned(
  core: number,
  command: string,
  args: readonly string[],
  options: Partial<Deno.CommandOptions> = {},
): Process {
  return new Process(find("taskset")!, ["-c", String(core), command, ...args], options);
}

/** Pins a program that runs already, and its children, to the clients' core. */
export async function pin(pid: number): Promise<void> {
  for (const id of [pid, ...await childrenOf(pid)]) {
    const args = ["-a", "-c", "-p", String(CLIENT_CORE), String(id)];
    await new Deno.Command(find("taskset")!, { args, stdout: "null" }).output();
  }
}

/** Requests a second over kept HTTP/1 connections, as wrk counts them. Any failed request is an error. */
export async function wrk(
  url: string,
  { seconds, connections = 64, script }: { seconds: number; connections?: number; script?: string },
): Promise<number> {
  const output = await pinned(CLIENT_CORE, "wrk", [
    "-t1",
    `-c${connections}`,
    `-d${seconds}`,
    ...(script === undefined ? [] : ["-s", script]),
    url,
  ]);
  const errors = /Socket errors:.*|Non-2xx or 3xx responses: \d+/.exec(output);
  if (errors !== null) throw new Error(`${url}: ${errors[0]}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
}

/** Requests a second by h2load, over HTTP/2 unless `h1`. */
export async function h2load(
  url: string,
  { seconds, connections = 32, streams = 32, h1 = false }: {
    seconds: number;
    connections?: number;
    streams?: number;
    h1?: boolean;
  },
): Promise<number> {
  const output = await pinned(CLIENT_CORE, "h2load", [
    ...(h1 ? ["--h1"] : []),
    `-c${connections}`,
    `-m${h1 ? 1 : streams}`,
    `-D${seconds}`,
    "-t1",
    url,
  ]);
  const failed = Number(/(\d+) failed/.exec(output)?.[1] ?? 0);
  const other = Number(/status codes: \d+ 2xx, (\d+) 3xx/.exec(output)?.[1] ?? 0);
  if (failed > 0 || other > 0) throw new Error(`${url}: ${failed} failed, ${other} not 2xx`);
  return Number(/finished in [\d.]+\w+, ([\d.]+) req\/s/.exec(output)?.[1]);
}

/** 99th percentile of the latency, in milliseconds, at a fixed rate of requests a second. */
export async function latencyAt(
  url: string,
  { seconds, rate, connections = 50 }: { seconds: number; rate: number; connections?: number },
): Promise<number> {
  const log = await Deno.makeTempFile();
  try {
    await pinned(CLIENT_CORE, "h2load", [
      "--h1",
      `-c${connections}`,
      "-m1",
      `-D${seconds}`,
      "-t1",
      `--rps=${rate / connections}`,
      `--log-file=${log}`,
      url,
    ]);
    const micros = (await Deno.readTextFile(log)).trim().split("\n")
      .map((line) => Number(line.split("\t")[2])).sort((a, b) => a - b);
    return micros[Math.floor(micros.length * 0.99)] / 1000;
  } finally {
    await Deno.remove(log);
  }
}

/** Resident memory of a process and its children, in KiB. */
export async function residentKib(pid: number): Promise<number> {
  let sum = 0;
  for (const id of [pid, ...await childrenOf(pid)]) {
    const status = await Deno.readTextFile(`/proc/${id}/status`).catch(() => "");
    sum += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
  }
  return sum;
}

/** CPU time of a process and its children, in seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  let seconds = 0;
  for (const id of [pid, ...await childrenOf(pid)]) {
    seconds += statSeconds(await Deno.readTextFile(`/proc/${id}/stat`).catch(() => ""));
  }
  return seconds;
}

/** CPU time of each edge worker of a gateway so far, in seconds. */
export async function workerSeconds(pid: number): Promise<number[]> {
  const seconds: number[] = [];
  for (const id of [pid, ...await childrenOf(pid)]) {
    for await (const { name } of Deno.readDir(`/proc/${id}/task`)) {
      const stat = await Deno.readTextFile(`/proc/${id}/task/${name}/stat`).catch(() => "");
      // The runtime names the threads of its workers worker-1, worker-2 and so on.
      if (/\(worker-\d+\)/.test(stat)) seconds.push(statSeconds(stat));
    }
  }
  return seconds;
}

/** User and system time of a process or thread, from its `stat`; 100 ticks make a second on Linux. */
function statSeconds(stat: string): number {
  const after = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(after[11] ?? 0) + Number(after[12] ?? 0)) / 100;
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  const direct = text.trim().split(" ").filter((id) => id !== "").map(Number);
  const deeper = await Promise.all(direct.map(childrenOf));
  return [...direct, ...deeper.flat()];
}

/** The middle one of some figures. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
