/** Calls of workers to the service of the cache. @module */

/** Their names. */
export const DISK_CALLS = [
  "disk.find",
  "disk.save",
  "disk.drop",
  "disk.invalidate",
] as const;
