/** Names of memories that the runtime makes and services read. @module */

/** In which each thread counts; of the kind `series`. */
export const SERIES_ZONE_NAME = "runtime/series";
