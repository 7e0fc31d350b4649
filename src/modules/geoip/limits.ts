/** How large databases may be. @module */

/** One database; it is held in memory, once for the process. */
export const MAX_DATABASE_BYTES = 512 * 1024 * 1024;
/** All databases together. */
export const MAX_TOTAL_BYTES = 1024 * 1024 * 1024;
