/**
 * The logger of one thread: makes lines and puts them into the thread's ring.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Counter } from "../../gateway/reports/metrics.ts";
import type { Logger, LogLevel, LogTarget } from "../../gateway/reports/log.ts";
import type { AccessField } from "../../gateway/reports/access_field.ts";
import { LEVELS, type LogFormat, logLine, type LogThreshold, syslogHeader } from "./lines.ts";
import { isLeftOut, ratesOf } from "./sampling.ts";
import type { RingWriter } from "../../zones/ring.ts";
import type { AccessLogSettings, AccessRecords, Records } from "./record_types.ts";
import { withoutRequest } from "./zero_retention.ts";

/** What a thread's logger needs to know; the level and format of a process never change. */
export interface LogSettings {
  readonly level: LogThreshold;
  readonly format: LogFormat;
  /** Whether nothing about a request may be said (spec 01 section 9). */
  readonly zeroRetention: boolean;
}

/** `[logging.access]`. */
export interface AccessLogConfig extends AccessLogSettings {
  readonly enabled: boolean;
  /** How many of a thousand records are written, by status or class. */
  readonly sample_per_mille: Readonly<Record<string, number>>;
}

/** Writes log records into a ring. */
export class RingLogger implements Logger {
  readonly #ring: RingWriter;
  readonly #settings: LogSettings;
  /** How many of {@linkcode LEVELS} are written. */
  readonly #written: number;
  readonly #records: Records | undefined;
  #access: AccessRecords | undefined;
  #isCombined = false;
  /** Parts of the records that are written, by status; `undefined` for all. */
  #rates: Float32Array | undefined;

  /** Counts lines that find no room. */
  lost: Counter | undefined;

  /** @param records What this build has; without it no access record is ever made. */
  constructor(ring: RingWriter, settings: LogSettings, records: Records | undefined) {
    this.#ring = ring;
    this.#records = records;
    this.#settings = settings;
    this.#written = settings.level === "off" ? 0 : LEVELS.indexOf(settings.level) + 1;
  }

  /**
   * Takes the access log settings of a snapshot. Access records are of level `info`, so a stricter
   * level silences them whatever `config` says.
   *
   * @param fields Those that modules add.
   */
  useAccessLog(config: AccessLogConfig, fields: readonly AccessField[] = []): void {
    const { format } = this.#settings;
    this.#access = undefined;
    if (!config.enabled || !this.enabled("info") || this.#records === undefined) return;
    this.#access = this.#records.accessRecord(config, fields, format === "human");
    this.#isCombined = config.format === "combined";
    this.#rates = ratesOf(config.sample_per_mille);
  }

  get logsAccess(): boolean {
    return this.#access !== undefined;
  }

  enabled(level: LogLevel): boolean {
    return LEVELS.indexOf(level) < this.#written;
  }

  log(level: LogLevel, target: LogTarget, message: string): void {
    if (!this.enabled(level)) return;
    const { format, zeroRetention } = this.#settings;
    const said = zeroRetention ? withoutRequest(target, message) : message;
    if (said === undefined) return;
    this.#append(logLine(format, Date.now(), level, target, said));
  }

  #append(line: string): void {
    if (!this.#ring.append(line)) this.lost?.count();
  }

  access(exchange: Exchange): void {
    const record = this.#access;
    if (record === undefined) return;
    const rates = this.#rates;
    if (rates !== undefined && isLeftOut(rates, exchange)) return;
    const line = record.of(exchange);
    const { format } = this.#settings;
    if (typeof format === "object") {
      this.#append(`${syslogHeader(format, Date.now(), "info", "access")} ${line}\n`);
    } else if (format === "text" && !this.#isCombined) {
      this.#append(Date.now() + " INFO fluxheim::access: " + line + "\n");
    } else this.#append(line + "\n");
  }
}
