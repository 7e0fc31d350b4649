/** The `compression` table of the root, vhosts and routes (spec 02 section 12). @module */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { Frozen } from "../../config/frozen.ts";
import {
  type Bounds,
  byteSizeWhenEnabled,
  checkWhenEnabled,
  countWhenEnabled,
} from "../../config/schema/when_enabled.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_INPUT_BYTES = 64 * MIB;
const MAX_OUTPUT_BYTES = 128 * MIB;

const bounds = {
  min_bytes: { min: 1, max: MAX_INPUT_BYTES, unit: "bytes" },
  max_input_bytes: { min: 1, max: MAX_INPUT_BYTES, unit: "bytes" },
  max_output_bytes: { min: 1, max: MAX_OUTPUT_BYTES, unit: "bytes" },
  gzip_level: { min: 0, max: 9 },
  zstd_level: { min: 1, max: 19 },
  brotli_quality: { min: 0, max: 11 },
} satisfies Record<string, Bounds>;

/** `[compression]`, `[vhosts.compression]` and `[vhosts.routes.compression]`. */
export const compressionSchema = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Compress answers for clients that ask for it. While off, nothing else is checked."),
  gzip: z.boolean().default(true).describe("Offer gzip."),
  zstd: z.boolean().default(false).describe("Offer Zstandard."),
  brotli: z.boolean().default(false).describe("Offer Brotli."),
  min_bytes: byteSizeWhenEnabled(bounds.min_bytes).default(KIB)
    .describe("Smallest body to compress; at most `max_input_bytes`."),
  max_input_bytes: byteSizeWhenEnabled(bounds.max_input_bytes).default(MIB)
    .describe("Largest body to compress."),
  max_output_bytes: byteSizeWhenEnabled(bounds.max_output_bytes).default(2 * MIB)
    .describe("Most bytes of a compressed body, at least `min_bytes`; the answer ends there."),
  gzip_level: countWhenEnabled(bounds.gzip_level).default(4)
    .describe("Effort of gzip: 0 stores, 1 is fast, 9 is small."),
  zstd_level: countWhenEnabled(bounds.zstd_level).default(3)
    .describe("Effort of Zstandard: 1 is fast, 19 is small."),
  brotli_quality: countWhenEnabled(bounds.brotli_quality).default(4)
    .describe("Effort of Brotli: 0 is fast, 11 is small and very slow."),
}).superRefine(checkWhenEnabled(bounds)).superRefine((table, context) => {
  if (!table.enabled) return;
  const problem = (key: string, message: string, ...about: string[]) =>
    refuseKey(context, { key, message, input: Reflect.get(table, key), about });
  if (!table.gzip && !table.zstd && !table.brotli) {
    problem(
      "enabled",
      "must be false unless one of gzip, zstd and brotli is true",
      "gzip",
      "zstd",
      "brotli",
    );
  }
  if (table.min_bytes > table.max_input_bytes) {
    problem("min_bytes", "must be at most max_input_bytes", "max_input_bytes");
  }
  if (table.max_output_bytes < table.min_bytes) {
    problem("max_output_bytes", "must be at least min_bytes", "min_bytes");
  }
});

/** A checked `compression` table. */
export type CompressionConfig = Frozen<z.output<typeof compressionSchema>>;

declare module "../../config/types.ts" {
  interface RootTables {
    readonly compression?: CompressionConfig;
  }
  interface VhostTables {
    readonly compression?: CompressionConfig;
  }
  interface RouteTables {
    readonly compression?: CompressionConfig;
  }
}
