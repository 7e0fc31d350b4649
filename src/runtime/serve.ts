/**
 * A gateway from its start to the end of its process, steered by signals.
 *
 * @module
 */
import { EXIT_STATUS } from "./exit_status.ts";
import { Keeper } from "./keeper.ts";
import { paceOf } from "./pace.ts";
import type { KeeperOptions } from "./start.ts";

/** Signals that end the gateway; all alike (spec 01 section 8). */
const END_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/**
 * One Ctrl-C arrives several times where something is between the terminal and this program: from the
 * terminal, and again from each of `npx`, `deno task` and `supervise` that hands it on. All within this
 * time of the first is that one.
 */
export const SAME_END_MS = 500;

/**
 * Serves until a signal ends it. The first SIGTERM, SIGINT or SIGQUIT drains, one that comes later than
 * {@linkcode SAME_END_MS} ends at once; SIGHUP reloads; SIGUSR2 opens the log file again. A signal that comes during the start is obeyed
 * when that is over.
 *
 * @param onReady Called once it serves.
 * @returns The status to end the process with. It must be given to `Deno.exit`: a thread in an endless
 * loop would otherwise keep the process.
 * @throws {StartError} when it cannot start.
 */
export async function serve(
  options: KeeperOptions,
  onReady: (keeper: Keeper) => void = () => {},
): Promise<number> {
  // Before anything else: a worker serves, and so invites signals, before the keeper is ready.
  using signals = new Signals(SAME_END_MS / paceOf(options.pace).keeper);
  const keeper = await Promise.race([Keeper.start(options), signals.impatience]);
  if (keeper === undefined) return EXIT_STATUS.stopped;
  onReady(keeper);
  signals.steer(keeper);
  return await keeper.finished;
}

/** Hands signals to a keeper, as soon as there is one. */
class Signals implements Disposable {
  /** Resolves when the end is asked for a second time, and there is still no keeper to ask. */
  readonly impatience: Promise<undefined>;
  readonly #handlers: readonly (readonly [signal: Deno.Signal, handler: () => void])[];
  readonly #giveUp: (value: undefined) => void;
  #keeper: Keeper | undefined;
  #reload = false;
  #end: string | undefined;
  #endedAt = 0;
  readonly #sameEndMs: number;

  constructor(sameEndMs: number) {
    this.#sameEndMs = sameEndMs;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.impatience = promise;
    this.#giveUp = resolve;
    this.#handlers = [
      ["SIGHUP", () => this.#onReload()],
      ["SIGUSR2", () => this.#keeper?.reopenLog()],
      ...END_SIGNALS.map((signal) => [signal, () => this.#onEnd(signal)] as const),
    ];
    for (const [signal, handler] of this.#handlers) Deno.addSignalListener(signal, handler);
  }

  /** From now on `keeper` gets signals; of what came before, an end outweighs a reload. */
  steer(keeper: Keeper): void {
    this.#keeper = keeper;
    if (this.#end !== undefined) void keeper.stop(this.#end);
    else if (this.#reload) void keeper.reload();
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
  }

  #onReload(): void {
    if (this.#keeper === undefined) this.#reload = true;
    else void this.#keeper.reload();
  }

  #onEnd(signal: string): void {
    const now = performance.now();
    const second = this.#end !== undefined;
    if (second && now - this.#endedAt < this.#sameEndMs) return;
    if (!second) this.#endedAt = now;
    this.#end = signal;
    if (this.#keeper === undefined) {
      if (second) this.#giveUp(undefined);
    } else if (second) void this.#keeper.abort(signal);
    else void this.#keeper.stop(signal);
  }
}
