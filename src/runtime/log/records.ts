/**
 * Everything that puts something down about what the gateway did: access records, the log file, the pid
 * file, and the files of unix sockets. A build that keeps nothing does not import this, so that it has no code that could.
 *
 * @module
 */
import { accessRecordOf } from "./access_log.ts";
import { openLogFile } from "./file.ts";
import { openSyslog } from "./syslog.ts";
import { openSeriesMetrics } from "../../gateway/reports/series_metrics.ts";
import { ProcessSeries, seriesZones } from "../metrics/process_series.ts";
import { unixSockets } from "../../net/listen/unix.ts";
import { openServiceManager } from "../service_manager.ts";
import { writePidFile } from "../pid_file.ts";
import type { Records } from "./record_types.ts";

/** The records of every build but those with the module `privacy-mode`. */
export const records: Records = {
  accessRecord: accessRecordOf,
  openLogFile,
  openSyslog,
  counters: {
    zones: seriesZones,
    open: openSeriesMetrics,
    ofProcess: (log) => new ProcessSeries(log),
  },
  openServiceManager,
  writePidFile,
  sockets: unixSockets,
};
