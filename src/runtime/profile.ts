/**
 * What a build contains. A profile is the only place that names modules; whatever it does not import
 * is not in the program.
 *
 * @module
 */
import type { Logger } from "../gateway/log.ts";
import type { Module } from "../gateway/module.ts";
import type { AccessLogSettings, AccessRecord } from "./access_log.ts";
import type { LogFileConfig } from "./log_file.ts";

/** What a build can put down about what it did; `records.ts` has it. */
export interface Records {
  accessRecord(settings: AccessLogSettings, withGeo: boolean): Pick<AccessRecord, "of">;
  /** @throws When it cannot be opened. */
  openLogFile(config: LogFileConfig): Deno.FsFile;
  /** @returns Whether it was written. */
  writePidFile(path: string, log: Logger): boolean;
  removePidFile(path: string): void;
}

/** One build of the program: the modules in it, and the entry of its edge workers. */
export interface Profile {
  /** As the command line, manifests and messages name it: `development`. */
  readonly name: string;
  readonly modules: readonly Module[];
  /** Absent in a build that keeps nothing: it writes no access log and no file. */
  readonly records?: Records;
  /**
   * The module an edge worker runs: it imports the same profile and hands it to `runEdgeWorker`. Written
   * as `new URL("./<name>_worker.ts", import.meta.url)`, so that bundling tools find the file.
   */
  readonly workerUrl: URL;
}
