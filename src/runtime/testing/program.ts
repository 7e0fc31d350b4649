/**
 * Programs as tests start them: on ports that the system picks, in directories of their own, stopped by
 * process id.
 *
 * @module
 */
import { newDirectory, putFile } from "../../config/testing/files.ts";
import { until } from "../../net/testing/until.ts";

/** A port of 127.0.0.1 where no program listens: that of tcpmux, which the system never picks. */
export const DEAD_PORT = 1;

const given = new Set<number>();

/** A port of 127.0.0.1 that was free a moment ago, and that no other test in this program was given. */
export function freePort(): number {
  for (;;) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

/** Whether something accepts connections on `port` of 127.0.0.1. */
export async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** The state of a connection whose peer waits for its first bytes before it accepts it. */
const SYN_RECV = "03";

/**
 * Connects to `port`, and waits until a process has accepted that. The gateway binds its ports once to see
 * whether they are free, before its workers bind them to serve: those who connect by then are cut off.
 *
 * @returns Whether it was accepted.
 */
async function isServed(port: number): Promise<boolean> {
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname: "127.0.0.1", port });
  } catch {
    return false;
  }
  using _ = conn;
  const { port: own } = conn.localAddr;
  let cutOff = false;
  let accepted = false;
  await until(`a connection to port ${port} is accepted or cut off`, () => {
    const other = serverSide(port, own);
    accepted = other !== undefined && (other.inode !== "0" || other.state === SYN_RECV);
    cutOff = other === undefined;
    return accepted || cutOff;
  });
  return accepted;
}

/** How the system lists the other end of the connection from port `from` of this machine to `to`. */
function serverSide(to: number, from: number): { state: string; inode: string } | undefined {
  const hex = (port: number) => ":" + port.toString(16).toUpperCase().padStart(4, "0");
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of Deno.readTextFileSync(table).split("\n")) {
      const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
      if (local?.endsWith(hex(to)) && remote.endsWith(hex(from))) return { state, inode };
    }
  }
  return undefined;
}

/** The bit of SIGUSR1 in a mask of signals. */
const USR1 = 1n << 9n;

/** Whether process `pid` catches SIGUSR1: the runtime does only when it has run for half a second. */
export function catchesUsr1(pid: number): boolean {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return (BigInt(`0x${/^SigCgt:\s*(\w+)/m.exec(status)?.[1] ?? "0"}`) & USR1) !== 0n;
}

/** A program under test or beside it. */
export class Process implements AsyncDisposable {
  output = "";
  readonly #child: Deno.ChildProcess;
  readonly #readers: Promise<void>[];
  #status: Deno.CommandStatus | undefined;
  readonly ended: Promise<Deno.CommandStatus>;

  constructor(
    command: string,
    args: readonly string[],
    options: Partial<Deno.CommandOptions> = {},
  ) {
    this.#child = new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...options,
    }).spawn();
    this.#readers = [this.#collect(this.#child.stdout), this.#collect(this.#child.stderr)];
    this.ended = this.#child.status.then((status) => this.#status = status);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get status(): Deno.CommandStatus | undefined {
    return this.#status;
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Asks the process to end. Resolves when it has, and its output is read. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    this.#kill(signal);
    const status = await this.ended;
    await Promise.all(this.#readers);
    return status;
  }

  /** Waits until it accepts connections on `port`, or fails with its output when it ends instead. */
  async listening(port: number): Promise<this> {
    await until(`something listens on port ${port}`, () => {
      if (this.#status !== undefined) {
        throw new Error(`ended with ${this.#status.code} before it listened:\n${this.output}`);
      }
      return isServed(port);
    });
    return this;
  }

  /** Ends it, and insists on that after half a minute: a test that is over does not depend on how. */
  async [Symbol.asyncDispose](): Promise<void> {
    const insist = setTimeout(() => this.#kill("SIGKILL"), 30_000);
    await this.stop();
    clearTimeout(insist);
  }

  #kill(signal: Deno.Signal): void {
    if (this.#status !== undefined) return;
    try {
      this.#child.kill(signal);
    } catch {
      // It has just ended by itself.
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.output += decoder.decode(bytes, { stream: true });
  }
}

/** A directory that is gone when the test is. */
export class TempDir implements AsyncDisposable {
  // Not under a world-writable directory's symlink: the configuration's path rules apply to it.
  // Peers that drop their privileges read from here too.
  readonly path = newDirectory();

  /** Writes a file below it, directories as needed; returns its path. Private keys are their owner's alone. */
  write(name: string, content: string | Uint8Array): string {
    const path = `${this.path}/${name}`;
    putFile(path, content);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
