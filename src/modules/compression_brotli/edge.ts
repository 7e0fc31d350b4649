/** The Brotli codec at work. @module */
import { brotliCompressSync, type BrotliOptions, constants, createBrotliCompress } from "node:zlib";
import type { EdgeModule } from "../../gateway/module.ts";
import { type Codec, codecModule } from "../compression/edge.ts";

const MIB = 1024 * 1024;
/** Qualities up to here take little time; from 10 on, a hundred times as much. */
const QUICK_QUALITY = 5;

/** Window sizes, as powers of two: the smallest there is, and the largest that browsers need take. */
const MIN_WINDOW_BITS = constants.BROTLI_MIN_WINDOW_BITS;
const MAX_WINDOW_BITS = 22;

function options(quality: number, inputBytes: number): BrotliOptions {
  const bits = Math.ceil(Math.log2(inputBytes));
  return {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_SIZE_HINT]: inputBytes,
      [constants.BROTLI_PARAM_LGWIN]: Math.min(MAX_WINDOW_BITS, Math.max(MIN_WINDOW_BITS, bits)),
    },
  };
}

const brotli: Codec = {
  coding: "br",
  key: "brotli",
  level: (config) => config.brotli_quality,
  isQuick: (quality) => quality <= QUICK_QUALITY,
  stateBytes: (quality, inputBytes) =>
    quality <= QUICK_QUALITY ? 2 * MIB + inputBytes : 4 * MIB + 16 * inputBytes,
  whole: (bytes, quality) => brotliCompressSync(bytes, options(quality, bytes.length)),
  stream: (quality, inputBytes) => createBrotliCompress(options(quality, inputBytes)),
};

/** The capability, for workers. */
export const edge: EdgeModule = codecModule("compression-brotli", brotli);
