/** A logger for tests and for `fluxheim explain`: keeps nothing. @module */
import type { Logger } from "./log.ts";

/** Says nothing. */
export const SILENT: Logger = { logsAccess: false, enabled: () => false, log() {}, access() {} };
