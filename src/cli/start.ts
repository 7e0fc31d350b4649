/**
 * `deno task start`: the gateway at work within a minute of a clone. Starts the example application and
 * the gateway before it, each as a process of its own with just the permissions it needs.
 *
 * It writes its configuration to a temporary directory that goes with it, and nothing else but what the
 * runtime keeps in its own cache: the checkout may belong to another user.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const ROOT = Deno.realPathSync(fileURLToPath(new URL("../..", import.meta.url)));
const MAIN = `${ROOT}/src/main.ts`;
const APP = `${ROOT}/examples/start/app.ts`;
const EXAMPLE = `${ROOT}/examples/start/fluxheim.toml`;
const HOST = "127.0.0.1";
/** The port of the example, taken when it is free. */
const USUAL_PORT = 8080;
const POLL_MS = 25;

/** Runs until the gateway ends or a signal asks for the end; returns the gateway's exit status. */
async function start(): Promise<number> {
  const family = new Family();
  console.log("fetching dependencies ...");
  const fetched = await family.add(deno(["install", "--quiet", "--entrypoint", MAIN, APP])).status;
  if (!fetched.success) return fetched.code;

  // Its own user's alone: the gateway refuses configurations that others could replace.
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "fluxheim-start-" }));
  const app = family.add(
    deno(["run", "--no-prompt", `--allow-net=${HOST}:0`, APP], "piped"),
    directory,
  );
  try {
    const appPort = Number(await firstLine(app.stdout));
    // Another program may take the usual port after it was found free; then any other will do.
    for (const port of [freePort(), anyPort()]) {
      const config = await writeConfig(directory, port, appPort);
      const flags = await permissionFlags(config);
      if (flags === undefined || family.isEnding) return 1;
      const args = ["run", "--quiet", ...flags, MAIN, "--config", config];
      const gateway = family.add(deno(args), directory);
      const ended = gateway.status;
      const listens = await listening(port, ended);
      if (listens) announce(port, appPort, flags, config);
      const { code } = await ended;
      if (listens || family.isEnding || port !== USUAL_PORT || !isTaken(port)) return code;
      console.log(`port ${port} was taken meanwhile; trying another`);
    }
    return 1;
  } catch (error) {
    if (!family.isEnding) throw error;
    return 1;
  } finally {
    stop(app);
    await app.status;
    await Deno.remove(directory, { recursive: true });
  }
}

/** How often is looked whether `deno task`, which started this process, has been killed. */
const PARENT_POLL_MS = 500;

/**
 * Waits for the end of the process that holds its standard input, then ends process `$1`, and removes the
 * directory `$2` when that has ended, or after twenty seconds.
 */
const GUARD = `read -r _
kill -TERM "$1" 2>/dev/null
n=0
while kill -0 "$1" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.2; n=$((n + 1)); done
[ -z "$2" ] || rm -rf -- "$2"`;

/**
 * The processes of this run, which end with it: asked by it when it is asked itself or its terminal closes,
 * and by a guard each where it is killed and cannot ask for it.
 */
class Family {
  /** Whether the end was asked for. */
  isEnding = false;
  /** Of the members the one that was added last: when it ends, the run does. */
  #youngest: Deno.ChildProcess | undefined;

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      // To the gateway SIGHUP would say that its configuration has changed.
      const passed = signal === "SIGHUP" ? "SIGTERM" : signal;
      Deno.addSignalListener(signal, () => this.#end(passed));
    }
    // Only there is it certain that the parent lives as long as it is wanted.
    if (Deno.env.get("INIT_CWD") !== undefined) this.#watch(Deno.ppid);
  }

  /** @param directory Goes with it if this process is killed. */
  add(command: Deno.Command, directory = ""): Deno.ChildProcess {
    const child = command.spawn();
    this.#youngest = child;
    const args = ["-c", GUARD, "guard", String(child.pid), directory];
    if (Deno.build.os !== "windows") {
      const guard = new Deno.Command("sh", {
        args,
        stdin: "piped",
        stdout: "null",
        stderr: "null",
        detached: true,
      }).spawn();
      // Its number may soon be another process's.
      void child.status.then(() => stop(guard, "SIGKILL"));
    }
    return child;
  }

  #end(signal: Deno.Signal): void {
    this.isEnding = true;
    if (this.#youngest !== undefined) stop(this.#youngest, signal);
  }

  #watch(parent: number): void {
    const timer = setInterval(() => {
      if (Deno.ppid === parent) return;
      clearInterval(timer);
      this.#end("SIGTERM");
    }, PARENT_POLL_MS);
    Deno.unrefTimer(timer);
  }
}

/** This runtime with other arguments, outside the terminal's process group: signals come from here alone. */
function deno(args: string[], stdout: "inherit" | "piped" = "inherit"): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    stdin: "null",
    stdout,
    stderr: "inherit",
    detached: true,
  });
}

/** The first line of a child's output; the rest is read and dropped, so that the child never blocks. */
async function firstLine(output: ReadableStream<Uint8Array>): Promise<string> {
  const lines = output.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { done, value } = await lines.read();
    if (done) throw new Error("the example application ended before it listened");
    text += value;
  }
  void (async () => {
    while (!(await lines.read()).done);
  })();
  return text.slice(0, text.indexOf("\n"));
}

/** The usual port if it is free and no other start has claimed it, else one of the system's choice. */
function freePort(): number {
  return !isTaken(USUAL_PORT) && claims(USUAL_PORT) ? USUAL_PORT : anyPort();
}

function anyPort(): number {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  return listener.addr.port;
}

/**
 * Whether this process is the only start that will use `port`. Gateways of one user would share it, since
 * workers bind it together; the UDP port of that number, which nothing else uses, is held by one process
 * until it ends.
 */
function claims(port: number): boolean {
  try {
    Deno.listenDatagram({ transport: "udp", hostname: HOST, port });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

function isTaken(port: number): boolean {
  try {
    Deno.listen({ hostname: HOST, port }).close();
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return true;
    throw error;
  }
}

/** The example configuration with what this run has instead: ports, page, pid file. */
async function writeConfig(directory: string, port: number, appPort: number): Promise<string> {
  let text = await Deno.readTextFile(EXAMPLE);
  const replacements = [
    [`"${HOST}:${USUAL_PORT}"`, `"${HOST}:${port}"`],
    [`"${HOST}:3000"`, `"${HOST}:${appPort}"`],
    [`"site"`, `"${ROOT}/packaging/default"`],
    [`"/run/fluxheim/fluxheim.pid"`, `"${directory}/fluxheim.pid"`],
  ];
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`${EXAMPLE} does not contain ${from}`);
    text = text.replace(from, () => to);
  }
  const file = `${directory}/fluxheim.toml`;
  await Deno.writeTextFile(file, text, { mode: 0o600 });
  return file;
}

/** Exactly what `fluxheim permissions` prints for this configuration; it has said why, if nothing. */
async function permissionFlags(config: string): Promise<string[] | undefined> {
  const args = [
    "run",
    "--quiet",
    "--no-prompt",
    "--cached-only",
    "--allow-read",
    MAIN,
    "permissions",
    "-c",
    config,
  ];
  const { stdout, success } = await deno(args, "piped").output();
  if (!success) return undefined;
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

/** Waits until the gateway takes connections; false when it ended first. */
async function listening(port: number, ended: Promise<unknown>): Promise<boolean> {
  let running = true;
  void ended.then(() => running = false);
  // However slow the disk: it listens or it ends.
  while (running) {
    try {
      // Before it serves, the gateway binds each port for a moment, to see whether it can: to connect is
      // not enough.
      using connection = await Deno.connect({ hostname: HOST, port });
      await connection.write(new TextEncoder().encode(`HEAD / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`));
      if (await connection.read(new Uint8Array(1)) === null) throw new Error("no answer");
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  return false;
}

function announce(port: number, appPort: number, flags: readonly string[], config: string): void {
  const base = `http://${HOST}:${port}`;
  console.log([
    "",
    `fluxheim is listening on ${base}/`,
    "",
    `  ${base}/          the default page, from packaging/default`,
    `  ${base}/app/hello an example application on port ${appPort}, proxied`,
    "",
    `configuration: ${config} (from examples/start/fluxheim.toml)`,
    "it may do this and nothing else:",
    ...flags.filter((flag) => flag.startsWith("--allow-")).map((flag) => `  ${flag}`),
    "",
    "stop it with Ctrl-C",
  ].join("\n"));
}

function stop(child: Deno.ChildProcess, signal: Deno.Signal = "SIGTERM"): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended already.
  }
}

if (import.meta.main) Deno.exit(await start());
