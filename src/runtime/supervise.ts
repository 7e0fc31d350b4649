/**
 * A launcher that keeps the gateway's process running where no other supervisor does. It may start
 * this program and nothing else, has no network, and gives the gateway exactly the permissions that
 * its configuration needs.
 *
 * A process is what survives a full heap or an endless loop, so this must be one of its own.
 *
 * @module
 */

/** A gateway that ran so long had started well; its next failure is a new story. */
const SETTLED_MS = 10_000;
/** Wait before a gateway that had not settled is started again; twice as long each time. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** Signals that end the gateway; it is sent SIGTERM for each. */
const END_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/** What is supervised. */
export interface SuperviseOptions {
  /**
   * Permission flags for `deno run`, worked out anew for every start: a configuration that needs more
   * than the running process has gets it by a restart. `undefined` when the configuration is wrong, which
   * has been reported.
   */
  flags(): Promise<readonly string[] | undefined>;
  /** Module that is run, as a path or URL. A compiled program runs itself instead, without flags. */
  readonly entry: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Called with what happens, in one line. */
  say(line: string): void;
}

/**
 * Starts the gateway, and starts it again whenever it fails, until a signal ends it or it ends well. A
 * gateway that cannot start in the first place is not started again; later, what cannot be started is
 * tried again, since its configuration may be in the midst of a change.
 *
 * @returns The status to end with: the gateway's own.
 */
export function supervise(options: SuperviseOptions): Promise<number> {
  return new Supervisor(options).run();
}

class Supervisor {
  readonly #options: SuperviseOptions;
  #child: Deno.ChildProcess | undefined;
  #stopping = false;
  #wake: (() => void) | undefined;

  constructor(options: SuperviseOptions) {
    this.#options = options;
  }

  async run(): Promise<number> {
    const reload = () => this.#send("SIGHUP");
    const stop = () => this.#stop();
    Deno.addSignalListener("SIGHUP", reload);
    for (const signal of END_SIGNALS) Deno.addSignalListener(signal, stop);
    try {
      return await this.#keepRunning();
    } finally {
      Deno.removeSignalListener("SIGHUP", reload);
      for (const signal of END_SIGNALS) Deno.removeSignalListener(signal, stop);
    }
  }

  async #keepRunning(): Promise<number> {
    let failures = 0;
    for (let isFirst = true;; isFirst = false) {
      const began = performance.now();
      const code = await this.#runOnce();
      if (code === 0 || this.#stopping) return code ?? 0;
      const settled = code !== undefined && performance.now() - began >= SETTLED_MS;
      // What never served is wrong; what has once served may do so again.
      if (isFirst && !settled && (code ?? 1) <= 2) return code ?? 1;
      failures = settled ? 0 : failures + 1;
      await this.#pause(failures, code);
      if (this.#stopping) return 0;
    }
  }

  /** Waits before the next life, and says why and for how long. */
  async #pause(failures: number, code: number | undefined): Promise<void> {
    const ms = failures === 0
      ? 0
      : Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
    const what = code === undefined
      ? "the gateway could not be started; trying"
      : `the gateway ended with status ${code}; starting it`;
    this.#options.say(`${what} again${inWords(ms)}`);
    await this.#sleep(ms);
  }

  /**
   * One life of the gateway.
   *
   * @returns Its status, or 128 and the number of the signal that ended it; `undefined` when it could not
   * be started, which has been reported.
   */
  async #runOnce(): Promise<number | undefined> {
    try {
      this.#child = await this.#start();
      return (await this.#child?.status)?.code;
    } catch (error) {
      // The machine may be short of something for a moment: memory, descriptors, processes.
      this.#options.say(error instanceof Error ? error.message : String(error));
      return undefined;
    } finally {
      this.#child = undefined;
    }
  }

  /** Starts the gateway, unless its configuration is wrong or its end was asked for. */
  async #start(): Promise<Deno.ChildProcess | undefined> {
    const { flags, entry, args } = this.#options;
    let command: readonly string[] = args;
    if (!Deno.build.standalone) {
      const permissions = await flags();
      if (permissions === undefined) return undefined;
      command = ["run", "--quiet", ...permissions, entry, ...args];
    }
    if (this.#stopping) return undefined;
    // Outside the terminal's process group: Ctrl-C reaches it through here, and so once.
    return new Deno.Command(Deno.execPath(), {
      args: [...command],
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
      detached: true,
    }).spawn();
  }

  #stop(): void {
    this.#stopping = true;
    this.#wake?.();
    this.#send("SIGTERM");
  }

  #send(signal: Deno.Signal): void {
    try {
      this.#child?.kill(signal);
    } catch {
      // It has just ended by itself.
    }
  }

  async #sleep(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
      if (this.#stopping) resolve();
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }
}

function inWords(pause: number): string {
  return pause === 0 ? "" : ` in ${pause / 1000} s`;
}
