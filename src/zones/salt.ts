/**
 * Random bytes that all threads of the process share: for decisions that are the same in every thread and that
 * nothing outside can foresee.
 *
 * @module
 */
import type { Layout } from "./layout.ts";

const SALT_BYTES = 16;

/** The kind `salt`. */
export const salt: Layout<Uint8Array> = {
  kind: "salt",
  parts: "shared",
  bytes: () => SALT_BYTES,
  init(memory) {
    new Uint8Array(memory).set(crypto.getRandomValues(new Uint8Array(SALT_BYTES)));
  },
  open: (memory) => new Uint8Array(memory).slice(),
};
