/** Defaults of the `web` tables. @module */

/** What `[web_memory]` is when it is not written: bytes, and seconds. */
export const DEFAULT_MEMORY = {
  max_bytes: 64 * 1024 * 1024,
  max_file_bytes: 1024 * 1024,
  revalidate_secs: 1,
} as const;
