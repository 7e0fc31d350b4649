/**
 * Real programs as peers: found, started on ports that the system picks, stopped by process id.
 *
 * @module
 */
import { newDirectory, putFile } from "../../src/config/testing/files.ts";

/** Directories Debian puts daemons in that a user's PATH may lack. */
const DAEMON_DIRS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** Path of the program `name`, or `undefined` where it is not installed. */
export function find(name: string): string | undefined {
  for (const dir of [...(Deno.env.get("PATH") ?? "").split(":"), ...DAEMON_DIRS]) {
    try {
      const path = `${dir}/${name}`;
      const info = Deno.statSync(path);
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) return path;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/**
 * A test that needs programs which are not part of the project. Where one is missing the test is
 * skipped, and its name says for want of what.
 */
export function testWith(
  programs: readonly string[],
  name: string,
  run: (t: Deno.TestContext) => Promise<void>,
): void {
  testUnlessMissing(programs.filter((program) => find(program) === undefined), name, run);
}

/** A test that is skipped where something is missing; its name then says what. `tests/run.ts` counts it. */
export function testUnlessMissing(
  missing: readonly string[],
  name: string,
  run: (t: Deno.TestContext) => Promise<void>,
): void {
  Deno.test({
    name: missing.length === 0 ? name : `${name} (${missing.join(", ")} is not installed)`,
    ignore: missing.length > 0,
    fn: run,
  });
}

/** A port of 127.0.0.1 where nobody listens: that of tcpmux, which the system never picks. */
export const DEAD_PORT = 1;

const given = new Set<number>();

/** A port of 127.0.0.1 that was free a moment ago, and that nobody else in this program was given. */
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

/** Waits until `holds` does; fails with `what` after `ms` milliseconds. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 60_000,
): Promise<void> {
  const end = performance.now() + ms;
  for (;;) {
    if (await holds()) return;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
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

/**
 * Whether something accepts connections on `port`, and still does a moment later: the gateway binds its
 * ports once to see whether they are free, before its workers bind them to serve.
 */
async function acceptsForGood(port: number): Promise<boolean> {
  if (!await accepts(port)) return false;
  await new Promise((resolve) => setTimeout(resolve, 20));
  return accepts(port);
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

  /** Ends the process: asks first, insists after half a minute. Resolves when its output is read. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    if (this.#status === undefined) {
      try {
        this.#child.kill(signal);
      } catch {
        // It has ended by itself.
      }
      const insist = setTimeout(() => {
        try {
          this.#child.kill("SIGKILL");
        } catch {
          // It has ended meanwhile.
        }
      }, 30_000);
      await this.ended;
      clearTimeout(insist);
    }
    await Promise.all(this.#readers);
    return this.#status!;
  }

  /** Waits until it accepts connections on `port`; fails with its output when it ends instead. */
  async listening(port: number): Promise<this> {
    await until(`something listens on port ${port}`, () => {
      if (this.#status !== undefined) {
        throw new Error(`ended with ${this.#status.code} before it listened:\n${this.output}`);
      }
      return acceptsForGood(port);
    });
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
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

/** A real nginx; its directory goes with it. */
class Nginx extends Process {
  constructor(readonly port: number, readonly dir: TempDir, config: string) {
    super(find("nginx")!, ["-c", config, "-p", dir.path, "-e", "stderr"]);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** An nginx with `http` as the body of its http block. `{port}` stands for the port it is given. */
export function nginx(http: string): Promise<Nginx> {
  const port = freePort();
  const dir = new TempDir();
  const config = dir.write(
    "nginx.conf",
    `daemon off; master_process off; worker_processes 1; pid ${dir.path}/pid; error_log stderr;
     events { worker_connections 512; }
     http { access_log off; client_body_temp_path ${dir.path}/b; proxy_temp_path ${dir.path}/p;
       fastcgi_temp_path ${dir.path}/f; uwsgi_temp_path ${dir.path}/u; scgi_temp_path ${dir.path}/s;
       ${http.replaceAll("{port}", String(port)).replaceAll("{dir}", dir.path)} }`,
  );
  return new Nginx(port, dir, config).listening(port);
}
