/** The gzip codec at work. @module */
import { createGzip, gzipSync, type ZlibOptions } from "node:zlib";
import type { EdgeModule } from "../../gateway/module.ts";
import { type Codec, codecModule } from "../compression/edge.ts";

/** The window, the hash table and its chains, and what the library keeps beside them. */
const STATE_BYTES = 320 * 1024;

/** Window sizes zlib takes, as powers of two. */
const MIN_WINDOW_BITS = 9;
const MAX_WINDOW_BITS = 15;

/** A window larger than the body would only take memory to clear. */
function options(level: number, inputBytes: number): ZlibOptions {
  const bits = Math.ceil(Math.log2(inputBytes));
  return { level, windowBits: Math.min(MAX_WINDOW_BITS, Math.max(MIN_WINDOW_BITS, bits)) };
}

const gzip: Codec = {
  coding: "gzip",
  key: "gzip",
  level: (config) => config.gzip_level,
  isQuick: () => true,
  stateBytes: () => STATE_BYTES,
  whole: (bytes, level) => gzipSync(bytes, options(level, bytes.length)),
  stream: (level, inputBytes) => createGzip(options(level, inputBytes)),
};

/** The capability, for workers. */
export const edge: EdgeModule = codecModule("compression-gzip", gzip);
