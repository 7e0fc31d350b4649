/**
 * One run of a php-fpm master: from its start to the moment when neither it nor a worker of it is left.
 *
 * The master leads a process group of its own. Workers outlive a master that was killed, keep the socket and
 * go on answering on it, so the group is ended as a whole.
 *
 * @module
 */
import fs from "node:fs";
import type { ManagedFiles } from "./files.ts";
import { KILL } from "./kill.ts";

/** What a master is started with. */
export interface MasterOptions {
  readonly binary: string;
  readonly files: ManagedFiles;
  /** Text of its configuration. */
  readonly config: string;
  /** Longest time until it accepts connections. */
  readonly readyMs: number;
  /** Time for it to finish what it does (SIGQUIT). */
  readonly graceMs: number;
}

/** What php-fpm finds in its environment. */
const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

const READY_LOOK_MS = 50;
/** Time to end for one that has to stop at once (SIGTERM). */
const TERM_MS = 5_000;
/** Time in which the last process of a group that was killed has gone. */
const KILLED_MS = 5_000;
/** Longest time that one look at the socket may take. */
const CONNECT_MS = 1_000;

/** A running master. */
export class Master {
  /** Settled when the master has ended, with how. */
  readonly ended: Promise<string>;
  readonly #options: MasterOptions;
  readonly #child: Deno.ChildProcess;
  #hasEnded = false;

  private constructor(options: MasterOptions) {
    this.#options = options;
    this.#child = new Deno.Command(options.binary, {
      args: ["-F", "-y", options.files.config],
      cwd: "/",
      clearEnv: true,
      env: ENVIRONMENT,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
    this.ended = this.#child.status.then(({ code, signal }) => {
      this.#hasEnded = true;
      return signal === null ? `exit status ${code}` : `signal ${signal}`;
    });
  }

  /**
   * Starts one, after whatever an earlier process has left of it is gone.
   *
   * @throws Why it did not become ready; nothing of it is left then.
   */
  static async start(options: MasterOptions): Promise<Master> {
    const { files, config } = options;
    await sweep(files);
    writeConfig(files.config, config);
    const master = new Master(options);
    try {
      await master.#ready();
      return master;
    } catch (error) {
      await master.#endGroup();
      remove(files);
      throw error;
    }
  }

  /** Id of the master, and of its process group. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Ends it: requests are finished where time allows. Nothing but its logs is left. */
  async stop(): Promise<void> {
    const { graceMs, files } = this.#options;
    await this.#endBy("SIGQUIT", graceMs) || await this.#endBy("SIGTERM", TERM_MS);
    await this.#endGroup();
    remove(files);
  }

  /** The master has ended by itself: ends its workers as well. */
  async clean(): Promise<void> {
    await this.#endGroup();
    remove(this.#options.files);
  }

  async #ready(): Promise<void> {
    const { readyMs, files } = this.#options;
    const deadline = performance.now() + readyMs;
    while (!await accepts(files.socket)) {
      if (this.#hasEnded) throw new Error(`it ended with ${await this.ended}`);
      if (performance.now() > deadline) {
        throw new Error(`it accepted no connection for ${readyMs / 1000} s`);
      }
      await pause(READY_LOOK_MS);
    }
  }

  async #endBy(signal: Deno.Signal, limitMs: number): Promise<boolean> {
    if (this.#hasEnded) return true;
    try {
      this.#child.kill(signal);
    } catch {
      // It has just ended.
    }
    const limit = Promise.withResolvers<false>();
    const timer = setTimeout(() => limit.resolve(false), limitMs);
    const hasEnded = await Promise.race([this.ended.then(() => true), limit.promise]);
    clearTimeout(timer);
    return hasEnded;
  }

  /** Kills what is left of the group: the master, where it does not end, and workers without a master. */
  async #endGroup(): Promise<void> {
    if (!this.#hasEnded || await accepts(this.#options.files.socket)) {
      await killGroup(this.#child.pid);
    }
    await this.ended;
  }
}

/**
 * Ends what an earlier process has left: workers that still hold the socket. While one of them lives, the
 * system gives the number of their group to no other.
 */
async function sweep(files: ManagedFiles): Promise<void> {
  if (await accepts(files.socket)) {
    const pid = recordedPid(files.pid);
    if (pid === undefined) {
      throw new Error(`${files.socket} is in use, and ${files.pid} does not say by which process`);
    }
    await killGroup(pid);
    const deadline = performance.now() + KILLED_MS;
    while (await accepts(files.socket)) {
      if (performance.now() > deadline) {
        throw new Error(`${files.socket} is in use by a process that is not of the group ${pid}`);
      }
      await pause(READY_LOOK_MS);
    }
  }
  remove(files);
}

function recordedPid(path: string): number | undefined {
  try {
    const text = fs.readFileSync(path, "latin1").trim();
    return /^[1-9]\d{0,9}$/.test(text) && Number(text) > 1 ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Sends SIGKILL to a process group; one that is gone is no failure. */
async function killGroup(pgid: number): Promise<void> {
  await new Deno.Command(KILL, {
    args: ["-KILL", "--", `-${pgid}`],
    cwd: "/",
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
}

/** Whether something accepts connections at `path`. */
async function accepts(path: string): Promise<boolean> {
  const limit = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => limit.resolve(undefined), CONNECT_MS);
  try {
    const connecting = Deno.connect({ transport: "unix", path });
    const connection = await Promise.race([connecting, limit.promise]);
    // A queue that is full is a program's, too.
    if (connection === undefined) void connecting.then((late) => late.close(), () => {});
    connection?.close();
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EAGAIN";
  } finally {
    clearTimeout(timer);
  }
}

function writeConfig(path: string, text: string): void {
  const fd = fs.openSync(path, "wx", 0o600);
  try {
    fs.writeSync(fd, text);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Logs stay. */
function remove({ socket, config, pid }: ManagedFiles): void {
  for (const path of [socket, config, pid]) fs.rmSync(path, { force: true });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
