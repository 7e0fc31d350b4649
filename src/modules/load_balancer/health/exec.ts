/**
 * A program of the operator's, run for each member without a shell and with an empty environment (spec 03
 * section 12.7). What it writes is thrown away.
 *
 * @module
 */
import { splitAuthority } from "../../../http/authority.ts";
import { fail, PASS, type ProbeProtocol, type ProbeResult } from "./probe.ts";

export const exec: ProbeProtocol = {
  name: "exec",
  open({ config }) {
    const { exec_command: command = "", exec_args, exec_allowed_commands: allowed } = config;
    if (!allowed.includes(command)) throw new Error("the program is not one that is allowed");
    const timeoutMs = config.exec_timeout_secs * 1000;
    const running = new Set<Deno.ChildProcess>();
    return {
      check: (address) => run({ command, args: exec_args, address, timeoutMs, running }),
      close() {
        for (const child of running) kill(child);
      },
    };
  },
};

interface Run {
  readonly command: string;
  readonly args: readonly string[];
  readonly address: string;
  readonly timeoutMs: number;
  readonly running: Set<Deno.ChildProcess>;
}

async function run({ command, args, address, timeoutMs, running }: Run): Promise<ProbeResult> {
  const { host = "", port = "" } = splitAuthority(address) ?? {};
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args: [...args],
      clearEnv: true,
      env: {
        FLUXHEIM_HEALTH_BACKEND_ADDR: address,
        FLUXHEIM_HEALTH_BACKEND_HOST: host,
        FLUXHEIM_HEALTH_BACKEND_PORT: String(port),
      },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  } catch {
    return { kind: "void", reason: "its program cannot be started" };
  }
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill(child);
  }, timeoutMs);
  running.add(child);
  const { success, signal } = await child.status;
  running.delete(child);
  clearTimeout(timer);
  if (isLate) return fail("its program took too long");
  if (success) return PASS;
  return fail(signal === null ? "its program says so" : "its program was ended by a signal");
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended at this very moment.
  }
}
