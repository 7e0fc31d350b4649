/**
 * What a build can put down about what it did, as types: a build that cannot does not even load the files
 * that would do it.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange.ts";
import type { Logger } from "../../gateway/log.ts";
import type { LogTargetStream } from "./sink.ts";

/** `[logging.access]`, as far as it shapes the record. */
export interface AccessLogSettings {
  readonly include_host: boolean;
  readonly include_client_ip: boolean;
  readonly include_cache_phase: boolean;
  readonly include_path: boolean;
  readonly include_route: boolean;
  /** Governs `upstream` and `upstream_alias`. */
  readonly include_upstream: boolean;
  readonly include_listener: boolean;
  readonly request_id: boolean;
}

/** `[logging.file]`. */
export interface LogFileConfig {
  readonly path: string;
  /** `false` empties the file. */
  readonly append: boolean;
}

/** An opened log file. */
export interface LogFile extends LogTargetStream {
  close(): void;
}

/** Makes access records of one shape. */
export interface AccessRecords {
  /** The record of `exchange`, without a line end. */
  of(exchange: Exchange): string;
}

/** The pid file of a gateway that runs. */
export interface PidFile {
  /** Removes it, unless a later process has written its own. To be called once. */
  remove(): void;
}

/** What a build can put down about what it did; `records.ts` has it. */
export interface Records {
  accessRecord(settings: AccessLogSettings, withGeo: boolean): AccessRecords;
  /** @throws When it cannot be opened. */
  openLogFile(config: LogFileConfig): LogFile;
  /** @returns What was written, if it could be. */
  writePidFile(path: string, log: Logger): PidFile | undefined;
}
