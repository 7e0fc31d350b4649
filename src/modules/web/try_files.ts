/** The word that stands for the path that was asked for in `try_files`. @module */

/** Every entry begins with it, but for the page of an application. */
export const ASKED_PATH = "{path}";
