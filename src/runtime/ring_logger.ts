/**
 * The logger of one thread: makes lines and puts them into the thread's ring.
 *
 * @module
 */
import type { Exchange } from "../gateway/exchange.ts";
import type { Logger, LogLevel, LogTarget } from "../gateway/log.ts";
import { type AccessLogSettings, AccessRecord } from "./access_log.ts";
import { LEVELS, type LogFormat, logLine, type LogThreshold } from "./log_lines.ts";
import type { LogRingWriter } from "./log_ring.ts";

/** What a thread's logger needs to know; the level and format of a process never change. */
export interface LogSettings {
  readonly level: LogThreshold;
  readonly format: LogFormat;
  /** Whether the access record has the two GeoIP fields. */
  readonly withGeo: boolean;
}

/** `[logging.access]`. */
export interface AccessLogConfig extends AccessLogSettings {
  readonly enabled: boolean;
}

/** Writes log records into a ring. */
export class RingLogger implements Logger {
  readonly #ring: LogRingWriter;
  readonly #settings: LogSettings;
  /** How many of {@linkcode LEVELS} are written. */
  readonly #written: number;
  #access: AccessRecord | undefined;

  constructor(ring: LogRingWriter, settings: LogSettings) {
    this.#ring = ring;
    this.#settings = settings;
    this.#written = settings.level === "off" ? 0 : LEVELS.indexOf(settings.level) + 1;
  }

  /**
   * Takes the access log settings of a snapshot. Access records are of level `info`, so a stricter
   * level silences them whatever `config` says.
   */
  useAccessLog(config: AccessLogConfig): void {
    this.#access = config.enabled && this.enabled("info")
      ? new AccessRecord(config, this.#settings.withGeo)
      : undefined;
  }

  enabled(level: LogLevel): boolean {
    return LEVELS.indexOf(level) < this.#written;
  }

  log(level: LogLevel, target: LogTarget, message: string): void {
    if (!this.enabled(level)) return;
    this.#ring.append(logLine(this.#settings.format, Date.now(), level, target, message));
  }

  access(exchange: Exchange): void {
    const record = this.#access;
    if (record === undefined) return;
    const json = record.of(exchange);
    this.#ring.append(
      this.#settings.format === "json"
        ? json + "\n"
        : Date.now() + " INFO fluxheim::access: " + json + "\n",
    );
  }
}
