/** What `deno compile` has put after the base binary, read back. @module */
import { Buffer } from "node:buffer";
import { partsOf } from "../tasks/embedded.ts";

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
  const { start, end } = partsOf(program).description;
  return JSON.parse(new TextDecoder().decode(program.subarray(start, end)));
}

/** One entry of the list of files. */
interface Entry {
  readonly Dir?: { readonly n: string; readonly e: readonly Entry[] };
  readonly File?: { readonly n: string; readonly o: readonly [offset: number, length: number] };
}

/** The files in `program`, by their path from where it was compiled. */
export function embeddedFiles(program: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const { files, contents } = partsOf(program);
  const found = new Map<string, Uint8Array>();
  const visit = (entries: readonly Entry[], folder: string): void => {
    for (const { Dir, File } of entries) {
      if (Dir !== undefined) visit(Dir.e, `${folder}${Dir.n}/`);
      if (File === undefined) continue;
      const start = contents.start + File.o[0];
      found.set(folder + File.n, program.subarray(start, start + File.o[1]));
    }
  };
  visit(JSON.parse(new TextDecoder().decode(program.subarray(files.start, files.end))), "");
  return found;
}

/** Whether `text` is anywhere in `program`. */
export function contains(program: Uint8Array, text: string): boolean {
  return Buffer.from(program.buffer, program.byteOffset, program.byteLength).includes(text);
}
