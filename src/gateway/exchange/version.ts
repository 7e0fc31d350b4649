/** The version this program is; `deno.json` says the same. @module */

/** In the numbering of Fluxheim. */
export const VERSION = "1.5.19";
