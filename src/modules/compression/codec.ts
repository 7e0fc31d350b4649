/**
 * What a content codec is to compression. Each codec is a module of its own, so that a build holds only
 * those its profile names.
 *
 * @module
 */
import type { Transform } from "node:stream";
import { idleModule } from "../../gateway/idle_module.ts";
import { type EdgeModule, ExtensionPoint } from "../../gateway/module.ts";
import type { CompressionConfig } from "./schema.ts";

/** A content coding and how to produce it. Levels are those of the configuration. */
export interface Codec {
  /** As `Content-Encoding` names it. */
  readonly coding: "br" | "zstd" | "gzip";
  /** The key of the `compression` table that offers it. */
  readonly key: "brotli" | "zstd" | "gzip";
  /** Its level in a `compression` table. */
  level(config: CompressionConfig): number;
  /**
   * Whether this level compresses some kilobytes in well under a millisecond: then doing it at once
   * takes less of this thread than handing it to another.
   */
  isQuick(level: number): boolean;
  /** About how much memory a stream takes, in bytes, for a body of `inputBytes`. */
  stateBytes(level: number, inputBytes: number): number;
  /** Compresses a whole body at once. */
  whole(bytes: Uint8Array, level: number): Uint8Array;
  /** Compresses a body of exactly `inputBytes` piece by piece, on another thread. */
  stream(level: number, inputBytes: number): Transform;
}

/** The content codings of a build. */
export const CODECS = new ExtensionPoint<Codec>("compression.codec");

/** Codings in the order they are preferred where a client likes several the same (spec 02 section 12). */
const PREFERENCE = ["br", "zstd", "gzip"] as const;

/** Those of `codecs` that `config` offers, the preferred one first. */
export function offeredCodecs(config: CompressionConfig, codecs: readonly Codec[]): Codec[] {
  const offered: Codec[] = [];
  for (const coding of PREFERENCE) {
    const codec = codecs.find((codec) => codec.coding === coding);
    if (codec !== undefined && config[codec.key]) offered.push(codec);
  }
  return offered;
}

/** A module that adds `codec` and has nothing else to do. */
export function codecModule(name: string, codec: Codec): EdgeModule {
  return { ...idleModule(name), extends: [CODECS.entry(codec)] };
}
