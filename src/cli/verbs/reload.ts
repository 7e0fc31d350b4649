/** `fluxheim reload`, also `--reload`: makes the running gateway load its configuration. @module */
import { type FoundPid, MAX_PID, readPidFile } from "../../runtime/pid_file_reader.ts";
import type { Config } from "../../config/types.ts";
import type { ReloadAnswer, RunningGateway } from "../../gateway/command.ts";
import { type Call, type Command, EXIT, Failure } from "../command.ts";
import { loadOrReport } from "../load.ts";
import { CONFIG } from "../options.ts";

/** How long what comes of a signal is waited for. */
const OUTCOME_LIMIT_MS = 60_000;
const POLL_MS = 100;

/** Asks the admin API, or sends SIGHUP to the process of `server.process.pid_file`, once the configuration is known to be right. */
export const reload: Command = {
  name: "reload",
  summary: "check the configuration, then make the running gateway load it",
  details: [
    "With [admin] on it is asked over the admin API, and status 0 says that the configuration",
    "is served. Without, or where the token cannot be read, a signal asks it: it is found by",
    "server.process.pid_file, and what came of it is known where the ops socket is on. Else",
    "status 0 says only that it was asked, and its log has the rest. A change that needs a new",
    "process is refused, and --reload-from shows it beforehand. A gateway holds a lock on its",
    "file: one without a lock is stale, and then no signal is sent.",
    "Sending a signal needs --allow-run, which no profile has: where this program is",
    "confined, use kill -HUP or systemctl reload.",
  ],
  options: [CONFIG],
  run: sendReload,
};

async function sendReload(call: Call): Promise<number> {
  const config = await loadOrReport(call);
  if (config === undefined) return EXIT.failed;
  const gateway = await runningGateway(call, config);
  const answer = await gateway?.reload();
  if (answer !== undefined) return report(answer, call);
  const before = await gateway?.lastReload();
  const pid = signalReload(config);
  if (gateway === undefined || before === undefined) {
    call.io.out(`reload requested: process ${pid}`);
    return EXIT.ok;
  }
  return report(await outcomeAfter(before.number, gateway), call);
}

/** The running gateway, where a module of this build can reach it. */
async function runningGateway(
  { profile: { modules } }: Call,
  config: Config,
): Promise<RunningGateway | undefined> {
  for (const module of modules) {
    const found = await module.runningGateway?.(config);
    if (found !== undefined) return found;
  }
  return undefined;
}

function report({ isServed, text }: ReloadAnswer, { io }: Call): number {
  if (!isServed) throw new Failure(`reload: ${text}`);
  io.out(`reload: ${text}`);
  return EXIT.ok;
}

/** What came of the reload after the one with `number`. */
async function outcomeAfter(number: number, gateway: RunningGateway): Promise<ReloadAnswer> {
  const until = performance.now() + OUTCOME_LIMIT_MS;
  while (performance.now() < until) {
    const last = await gateway.lastReload();
    if (last !== undefined && last.number > number) return last;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return { isServed: false, text: "the gateway was asked, and has not said what came of it" };
}

/** Sends the signal; returns the process. */
function signalReload(config: Config): number {
  const path = config.server.process.pid_file;
  const pid = runningPid(path);
  const { state } = Deno.permissions.querySync({ name: "run" });
  if (state !== "granted") {
    throw new Failure(`this program may not send signals; run: kill -HUP ${pid}`);
  }
  try {
    Deno.kill(pid, "SIGHUP");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Failure(
        `a gateway holds ${path}, but no process ${pid} runs here: is it in a container?`,
      );
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Failure(`process ${pid} belongs to another user; run this as the service user`);
    }
    throw error;
  }
  return pid;
}

/**
 * The id of the gateway that has written the pid file and still runs. Where it does not, the number may
 * have passed to any other process, which SIGHUP would end.
 *
 * @throws {Failure} when there is none.
 */
function runningPid(path: string): number {
  const file = `server.process.pid_file ${path}`;
  const found = lookAt(path, file);
  switch (found.kind) {
    case "held":
      return found.pid;
    case "stale":
      throw new Failure(
        `${file} is stale: the gateway that wrote it, process ${found.pid}, does not run any more, ` +
          "and no signal was sent. The next start replaces it; kill -HUP needs no file",
      );
    case "malformed":
      throw new Failure(
        `${file} does not hold the id of a process that could be signalled, a number from 2 to ${MAX_PID}`,
      );
  }
}

function lookAt(path: string, file: string): FoundPid {
  try {
    return readPidFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Failure(
        `${file} does not exist: no gateway runs, or it could not write ` +
          "the file; the directory must be there when it starts. kill -HUP needs no file",
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(`${file} cannot be read: ${reason}`);
  }
}
