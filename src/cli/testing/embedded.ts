/** What `deno compile` has put behind the base binary, read back. @module */
import { Buffer } from "node:buffer";

/** Marks each part of what is appended to the base binary; it occurs as plain data in the base, too. */
const MAGIC = new TextEncoder().encode("d3n0l4nd");
const LENGTH_BYTES = 8;
const OPENING_BRACE = 0x7b;
/** No description of a program is larger. */
const MAX_JSON_BYTES = 10_000_000;

/** The part of the description of a compiled program that tests look at. */
export interface Embedded {
  readonly argv: readonly string[];
  readonly permissions: Readonly<Record<string, readonly string[] | boolean | null>>;
  readonly code_cache_key: unknown;
  readonly v8_flags: readonly string[];
  readonly env_vars_from_env_file: Readonly<Record<string, string>>;
  readonly unsafely_ignore_certificate_errors: unknown;
  readonly otel_config: { readonly tracing_enabled: boolean; readonly metrics_enabled: boolean };
  readonly unstable_config: { readonly features: readonly string[] };
  readonly entrypoint_key: string;
  readonly app_name: string;
  readonly app_version: string;
}

/** The description in `program`. */
export function readEmbedded(program: Uint8Array): Embedded {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let found: Embedded | undefined;
  for (let at = indexOf(program, MAGIC, 0); at >= 0; at = indexOf(program, MAGIC, at + 1)) {
    const start = at + MAGIC.length + LENGTH_BYTES;
    if (start >= program.length || program[start] !== OPENING_BRACE) continue;
    const length = Number(view.getBigUint64(at + MAGIC.length, true));
    if (length > MAX_JSON_BYTES) continue;
    found = JSON.parse(new TextDecoder().decode(program.subarray(start, start + length)));
  }
  if (found === undefined) throw new Error("no description of a program is embedded");
  return found;
}

/** Whether `text` stands anywhere in `program`. */
export function contains(program: Uint8Array, text: string): boolean {
  return indexOf(program, new TextEncoder().encode(text), 0) >= 0;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(wanted, from);
}
