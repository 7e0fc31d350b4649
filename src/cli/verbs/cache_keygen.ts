/** `fluxheim cache-keygen`: a fresh key for cache encryption. @module */
import type { Command } from "../command.ts";

/** Prints 256 random bits as 64 lower-case hexadecimal digits; stores nothing (spec 01 section 6.2). */
export const cacheKeygen: Command = {
  name: "cache-keygen",
  summary: "print a new key for cache encryption; nothing is stored",
  options: [],
  run({ io }) {
    io.out(crypto.getRandomValues(new Uint8Array(32)).toHex());
    return 0;
  },
};
