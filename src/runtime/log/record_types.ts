/**
 * What a build can put down about what it did, and the files that it makes, as types: a build that may not
 * does not even load the code for it.
 *
 * @module
 */
import type { AccessField } from "../../gateway/reports/access_field.ts";
import type { Config, Problem } from "../../config/types.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { Metrics } from "../../gateway/reports/metrics.ts";
import type { Role } from "../../gateway/module.ts";
import type { UnixSockets } from "../../net/listen/unix_sockets.ts";
import type { ZoneRequest } from "../../zones/layout.ts";
import type { ZoneRegistry } from "../../zones/registry.ts";
import type { SeriesValue } from "../../zones/series.ts";
import type { Zones } from "../../zones/zones.ts";
import type { LogTargetStream } from "./sink.ts";

/** `[logging.access]`, as far as it shapes the record. */
export interface AccessLogSettings {
  /** Fill `host`. */
  readonly include_host: boolean;
  /** Fill `client_ip`. */
  readonly include_client_ip: boolean;
  /** Fill `cache_phase`. */
  readonly include_cache_phase: boolean;
  /** Fill `path`. */
  readonly include_path: boolean;
  /** Fill `route`. */
  readonly include_route: boolean;
  /** Governs `upstream` and `upstream_alias`. */
  readonly include_upstream: boolean;
  /** Add `listener`. */
  readonly include_listener: boolean;
  /** Fill `request_id`. */
  readonly request_id: boolean;
  /** The object, or the combined format of the Apache HTTP Server. */
  readonly format: "record" | "combined";
  /** Those that a record has, in their order; `undefined` for the usual ones. */
  readonly fields?: readonly string[];
  /** Other names of fields. */
  readonly rename: Readonly<Record<string, string>>;
}

/** `[logging.file]`. */
export interface LogFileConfig {
  /** Absolute. */
  readonly path: string;
  /** `false` empties the file. */
  readonly append: boolean;
  /** Size at which it is put aside; `undefined` for never. */
  readonly max_bytes?: number;
  /** How many files that were put aside are kept. */
  readonly max_files: number;
}

/** An opened log file. */
export interface LogFile extends LogTargetStream {
  /**
   * Goes on in the file that has the path now, from the next whole line on. Where that cannot be opened the
   * old one stays.
   */
  reopen(): void;
  /** Closes the file. */
  close(): void;
}

/** `[logging.syslog]`. */
export interface SyslogConfig {
  /** `udp:` with address and port, or `unix:` and the path of a socket. */
  readonly address: string;
  /** Path of the socket that messages to another socket are sent from. */
  readonly own: string;
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

/** What has started the process, and wants to know how it is. */
export interface ServiceManager {
  /** The gateway serves. */
  ready(): void;
  /** It has begun to stop. */
  stopping(): void;
  /** What it does now, in a line. */
  status(text: string): void;
  /** To be called on every tick of the keeper's clock. */
  tick(): void;
  /** The process ends. */
  close(): void;
}

/** Of a process that nothing waits for. */
export const NO_MANAGER: ServiceManager = Object.freeze({
  ready() {},
  stopping() {},
  status() {},
  tick() {},
  close() {},
});

/** Counters of a process. */
export interface Counters {
  /** The memory in which threads count, where this configuration has a use for counts. */
  zones(config: Config): readonly ZoneRequest<Role>[];
  /** Those of one thread. */
  open(zones: Zones, log: Logger): Metrics;
  /** Those of all threads, for the keeper. */
  ofProcess(log: Logger): CounterTotals;
}

/** The sums over all threads of a process. */
export interface CounterTotals {
  /** Every series of the process: name, labels and sum. */
  read(zones: ZoneRegistry): SeriesValue[];
  /** A copy of what lost threads have counted until now: a memory of the kind `series`. */
  readonly past: SharedArrayBuffer;
  /** The keeper's own metrics. */
  readonly metrics: Metrics;
  /** The memory that they are in. */
  readonly own: SharedArrayBuffer;
  /** Thread `index` is lost, and its memory is about to be given up. */
  retire(zones: ZoneRegistry, index: number): void;
}

/** What a build can put down about what it did, and which files it makes; `records.ts` has it. */
export interface Records {
  /**
   * Makes the shape of access records.
   *
   * @param fields Those that modules add.
   * @param forPeople Lines to be read at a terminal.
   */
  accessRecord(
    settings: AccessLogSettings,
    fields: readonly AccessField[],
    forPeople: boolean,
  ): AccessRecords;
  /**
   * Opens `[logging.file]`.
   *
   * @param onFailure Gets a line when the file could not be put aside or opened again.
   * @throws When it cannot be opened.
   */
  openLogFile(config: LogFileConfig, onFailure: (what: string) => void): LogFile;
  /**
   * Opens `[logging.syslog]`.
   *
   * @throws When no socket can be opened.
   */
  openSyslog(config: SyslogConfig): LogTargetStream & { close(): void };
  /** Counters, which outlive requests. */
  readonly counters: Counters;
  /**
   * Opens the way to the service manager that has started this process, if one has.
   *
   * @returns Or what speaks against starting.
   */
  openServiceManager(config: Config, log: Logger): ServiceManager | Problem;
  /**
   * Writes the pid file.
   *
   * @returns The file, or `undefined` where it could not be written.
   */
  writePidFile(path: string, log: Logger): PidFile | undefined;
  /** Listeners that have files. */
  readonly sockets: UnixSockets;
}
