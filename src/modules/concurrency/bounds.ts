/** Bounds of the `concurrency` tables. @module */

/** Most requests that may wait for one limit, whatever `max_in_flight` is. */
export const MAX_QUEUE = 1_000_000;
