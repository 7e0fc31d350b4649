/** Defaults of cache tables that workers need as well. @module */

/** Extensions of paths that may be cached, where none are given. */
export const DEFAULT_EXTENSIONS: readonly string[] =
  "avif css eot gif ico jpeg jpg js mjs otf png svg ttf wasm webp woff woff2".split(" ");
