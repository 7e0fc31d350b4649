/** Calls to the service of the cache. @module */

/** Those of workers. */
export const DISK_CALLS = [
  "disk.find",
  "disk.load",
  "disk.save",
  "disk.drop",
  "disk.invalidate",
] as const;

/** Those of the admin API: names as its endpoints below `cache/` have them. */
export const OPERATIONS = [
  "status",
  "activity/reset",
  "purge",
  "purge-bulk",
  "purge-index",
  "purge-prefix",
  "purge-tag",
  "purge-wildcard",
  "purge-stale",
] as const;
