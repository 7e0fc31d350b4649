/** `fluxheim reload`, also `--reload`: tells the running gateway to take up its configuration. @module */
import { type Call, type Command, EXIT, Failure } from "./command.ts";
import { loadOrReport } from "./load.ts";

/** Sends SIGHUP to the process of `server.process.pid_file`, once the configuration is known to be right. */
export const reload: Command = {
  name: "reload",
  summary: "check the configuration, then tell the running gateway to take it up",
  details: [
    "The gateway is found by server.process.pid_file. Exit status 0 says that it was told,",
    "not what came of it: that is in its log. A change that needs a new process is refused",
    "there, and --reload-from tells beforehand.",
    "Sending a signal needs --allow-run, which no profile has: where this program is",
    "confined, use kill -HUP or systemctl reload.",
  ],
  options: [],
  run: sendReload,
};

async function sendReload(call: Call): Promise<number> {
  const config = await loadOrReport(call);
  if (config === undefined) return EXIT.failed;
  const path = config.server.process.pid_file;
  const pid = await readPid(path);
  const { state } = await Deno.permissions.query({ name: "run" });
  if (state !== "granted") {
    throw new Failure(`this program may not send signals; run: kill -HUP ${pid}`);
  }
  try {
    Deno.kill(pid, "SIGHUP");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Failure(`no process ${pid} runs, which ${path} names`);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Failure(`process ${pid} belongs to somebody else; run this as the service user`);
    }
    throw error;
  }
  call.io.out(`reload requested: process ${pid}`);
  return EXIT.ok;
}

async function readPid(path: string): Promise<number> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Failure(
        `server.process.pid_file ${path} does not exist: no gateway runs, or it could not write ` +
          "the file; the directory must be there when it starts. kill -HUP needs no file",
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(`server.process.pid_file ${path} cannot be read: ${reason}`);
  }
  const pid = Number(text.trim());
  if (!Number.isInteger(pid) || pid <= 1) {
    throw new Failure(`server.process.pid_file ${path} does not hold a process id`);
  }
  return pid;
}
