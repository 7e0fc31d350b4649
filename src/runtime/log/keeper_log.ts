/**
 * The keeper's own logger, together with the sink that writes for every thread.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Logger, LogLevel, LogTarget } from "../../gateway/reports/log.ts";
import { KEEPER, newMemory } from "../../zones/layout.ts";
import { ring, RingReader } from "../../zones/ring.ts";
import { type LogThreshold, parseThreshold } from "./lines.ts";
import { LogSink } from "./sink.ts";
import { within } from "../within.ts";
import { LEVEL_VARIABLE } from "../permissions/own_permissions.ts";
import { syslogSocket } from "../pid_file_draft.ts";
import { readableVariable } from "../preflight.ts";
import type { Profile } from "../threads/profile.ts";
import type { SyslogHeader } from "./lines.ts";
import { type LogSettings, RingLogger } from "./ring_logger.ts";

/** What the log depends on of a build. */
export type LoggedProfile = Pick<Profile, "modules" | "records">;

/** The log of the process, as the keeper has it. */
export class KeeperLog implements Logger {
  /** How every thread makes its lines. */
  readonly settings: LogSettings;
  readonly #own: RingLogger;
  readonly #sink: LogSink;
  /** What was opened for the log, beside the streams of the process. */
  readonly #opened: { reopen?(): void; close(): void } | undefined;

  /**
   * Opens what `[logging]` names, for the keeper and all workers of `config`.
   *
   * @throws When the log file cannot be opened.
   */
  constructor(config: Config, { modules, records }: LoggedProfile) {
    const { level, format, target, file, syslog } = config.logging;
    const override = readableVariable(LEVEL_VARIABLE);
    const overridden: LogThreshold | undefined = override && parseThreshold(override) || undefined;
    const has = (module: string) => modules.some(({ name }) => name === module);
    this.settings = {
      level: overridden ?? level,
      format: syslog.enabled && records !== undefined
        ? headerOf(syslog)
        : format ?? (isTerminal(config) ? "human" : "json"),
      zeroRetention: has("privacy-mode"),
    };
    const opened = file.enabled && file.path !== undefined
      ? records?.openLogFile(
        { ...file, path: file.path },
        (what) => this.log("warn", "fluxheim", what),
      )
      : syslog.enabled
      ? records?.openSyslog({
        address: syslog.address,
        own: syslogSocket(config.server.process.pid_file),
      })
      : undefined;
    this.#opened = opened;
    const stream = opened ?? (target === "stdout" ? Deno.stdout : Deno.stderr);
    this.#sink = new LogSink(stream, this.settings, (reason) => {
      void writeToStderr(`the log cannot be written, and lines wait or are dropped: ${reason}`);
    });
    const memory = newMemory(ring, undefined, 1);
    this.#sink.add(new RingReader(memory), true);
    const own = ring.open(memory, { index: KEEPER, count: 1 });
    own.onSealed = () => this.pump();
    this.#own = new RingLogger(own, this.settings, records);
    if (override !== undefined && overridden === undefined) {
      this.log("warn", "fluxheim", `${LEVEL_VARIABLE}="${override}" is no log level; ignored`);
    }
  }

  get logsAccess(): boolean {
    return this.#own.logsAccess;
  }

  enabled(level: LogLevel): boolean {
    return this.#own.enabled(level);
  }

  log(level: LogLevel, target: LogTarget, message: string): void {
    this.#own.log(level, target, message);
  }

  access(exchange: Exchange): void {
    this.#own.access(exchange);
  }

  /**
   * Goes on in the file that has the path of the log now: something has put the old one aside.
   *
   * @returns Whether the log is a file.
   */
  reopen(): boolean {
    this.#opened?.reopen?.();
    return this.#opened?.reopen !== undefined;
  }

  /** Takes a worker's ring on, until its reader has ended and is empty. */
  add(reader: RingReader): void {
    this.#sink.add(reader);
  }

  /** Begins to write what all threads have said. */
  pump(): void {
    this.#sink.pump();
  }

  /** Writes what all threads have said so far, for at most `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    await this.#sink.flush(limitMs);
  }

  /** Writes what is left, for at most `limitMs`, and closes the log file. */
  async close(limitMs: number): Promise<void> {
    const isWhole = await this.#sink.flush(limitMs);
    if (this.#sink.isWriting) return;
    this.#opened?.close();
    if (isWhole) return;
    const written = writeToStderr(`${this.#sink.abandon()} log lines were lost at the end`);
    await within(limitMs, written);
  }
}

/** Whether a person reads along. */
function isTerminal({ logging: { target, file } }: Config): boolean {
  if (file.enabled) return false;
  return (target === "stdout" ? Deno.stdout : Deno.stderr).isTerminal();
}

/** Codes of RFC 5424 section 6.2.1. */
const FACILITIES: Readonly<Record<string, number>> = { user: 1, daemon: 3 };
const LOCAL0 = 16;

function headerOf(
  { facility, app_name: appName }: Config["logging"]["syslog"],
): SyslogHeader {
  const code = FACILITIES[facility] ?? LOCAL0 + Number(facility.slice("local".length));
  return { facility: 8 * code, appName };
}

/** A log that cannot be written must be noticed somewhere else. */
async function writeToStderr(text: string): Promise<void> {
  // There is no place left to report that standard error is gone, too.
  await Deno.stderr.write(new TextEncoder().encode(`fluxheim: ${text}\n`)).catch(() => {});
}
