/** The Zstandard codec at work. @module */
import { constants, createZstdCompress, zstdCompressSync, type ZstdOptions } from "node:zlib";
import type { EdgeModule } from "../../gateway/module.ts";
import { type Codec, codecModule } from "../compression/edge.ts";

const MIB = 1024 * 1024;
/** Levels up to here take little time and memory. */
const QUICK_LEVEL = 6;

/**
 * The size of the body fits the tables to it; without it the highest levels clear more memory than
 * compressing takes time. It may not be in types of the runtime: it is an option of the library.
 */
function options(level: number, inputBytes: number): ZstdOptions & { pledgedSrcSize: number } {
  return {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    pledgedSrcSize: inputBytes,
  };
}

const zstd: Codec = {
  coding: "zstd",
  key: "zstd",
  level: (config) => config.zstd_level,
  isQuick: (level) => level <= QUICK_LEVEL,
  stateBytes: (level, inputBytes) =>
    level <= QUICK_LEVEL ? MIB + inputBytes : 4 * MIB + 16 * inputBytes,
  whole: (bytes, level) => zstdCompressSync(bytes, options(level, bytes.length)),
  stream: (level, inputBytes) => createZstdCompress(options(level, inputBytes)),
};

/** The capability, for workers. */
export const edge: EdgeModule = codecModule("compression-zstd", zstd);
