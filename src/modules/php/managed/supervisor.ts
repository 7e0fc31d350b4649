/** Keeps one php-fpm running (spec 07 section 19, supervision). @module */
import type { Logger, LogLevel } from "../../../gateway/reports/log.ts";
import { Master, type MasterOptions } from "./master.ts";

/** A master that has run for so long has settled. */
const SETTLED_MS = 30_000;
const LONGEST_PAUSE_SECS = 30;

/** Seconds to wait before the next start, after so many failures in a row. */
export function pauseSecs(failures: number): number {
  return Math.min(2 ** Math.min(failures, 5), LONGEST_PAUSE_SECS);
}

/** The masters of one pool, one after another. */
export class Supervisor {
  readonly #scope: string;
  readonly #options: MasterOptions;
  readonly #log: Logger;
  /** Why it may not be started now; asked before each start. */
  readonly #fault: () => string | undefined;
  #master: Master | undefined;
  #failures = 0;
  #isStopping = false;
  #wake: (() => void) | undefined;
  #watching: Promise<void> = Promise.resolve();

  /** @param scope As the log names it: `shop/default`. */
  constructor(scope: string, options: MasterOptions, log: Logger, fault: () => string | undefined) {
    this.#scope = scope;
    this.#options = options;
    this.#log = log;
    this.#fault = fault;
  }

  /** Starts the first one. @throws Why it could not be started. */
  async start(): Promise<void> {
    try {
      await this.#launch();
    } catch (error) {
      throw new Error(
        `${this.#scope}: managed php-fpm failed to become ready: ${messageOf(error)}`,
      );
    }
    this.#watching = this.#watch();
  }

  /** Ends it, and does not start another one. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake?.();
    await this.#master?.stop();
    await this.#watching;
  }

  async #launch(): Promise<void> {
    const fault = this.#fault();
    if (fault !== undefined) throw new Error(fault);
    const master = await Master.start(this.#options);
    this.#master = master;
    // It took its time, and meanwhile it is not wanted any more.
    if (this.#isStopping) await master.stop();
  }

  async #watch(): Promise<void> {
    while (!this.#isStopping) {
      const master = this.#master;
      if (master !== undefined) {
        const startedAt = performance.now();
        const reason = await master.ended;
        if (this.#isStopping) return;
        this.#failures = performance.now() - startedAt < SETTLED_MS ? this.#failures + 1 : 0;
        this.#say("warn", `managed php-fpm stopped (${reason}); attempting restart`);
        this.#master = undefined;
        await master.clean();
      }
      await this.#pause(pauseSecs(this.#failures) * 1000);
      if (!this.#isStopping) await this.#restart();
    }
  }

  async #restart(): Promise<void> {
    try {
      await this.#launch();
      this.#say("info", "managed php-fpm restarted");
    } catch (error) {
      this.#failures++;
      this.#say("error", `managed php-fpm restart failed: ${messageOf(error)}`);
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = () => {
      clearTimeout(timer);
      resolve();
    };
    return promise;
  }

  #say(level: LogLevel, message: string): void {
    this.#log.log(level, "fluxheim::php_fpm", `${this.#scope}: ${message}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
