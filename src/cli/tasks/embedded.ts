/**
 * What `deno compile` puts after the base binary: a description of the program, then a list of its files,
 * then their contents.
 *
 *     "d3n0l4nd" <u64 length> {"argv":[], ...}
 *     ... packages, remote modules ...
 *     <u64 length> [{"Dir":{"n":"src","e":[{"File":{"n":"main.ts","o":[0,866],"t":1795251133253}}]}}]
 *     <u64 length> contents
 *
 * Numbers are little-endian. `o` is offset and length of a file among the contents, `t` its time of
 * modification in milliseconds.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Marks each part of what is appended; it occurs as plain data in the base binary, too. */
const MAGIC = "d3n0l4nd";
const LENGTH_BYTES = 8;
const DESCRIPTION_BEGINS = '{"argv":';
const FILES_BEGIN = '[{"Dir":{"n":';

/** A range of bytes. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Where in a compiled program its parts are. */
export interface Parts {
  /** JSON. */
  readonly description: Range;
  /** JSON. */
  readonly files: Range;
  readonly contents: Range;
}

/**
 * Finds the parts of a compiled program.
 *
 * @throws {Error} when `program` is not laid out as this version of the runtime does it.
 */
export function partsOf(program: Uint8Array): Parts {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const description = descriptionOf(bytes);
  const files = measured(bytes, bytes.indexOf(FILES_BEGIN, description.end) - LENGTH_BYTES);
  return { description, files, contents: measured(bytes, files.end) };
}

function descriptionOf(bytes: Buffer): Range {
  for (let at = bytes.lastIndexOf(MAGIC); at > 0; at = bytes.lastIndexOf(MAGIC, at - 1)) {
    const start = at + MAGIC.length + LENGTH_BYTES;
    const begin = bytes.subarray(start, start + DESCRIPTION_BEGINS.length).toString("latin1");
    if (begin === DESCRIPTION_BEGINS) return measured(bytes, start - LENGTH_BYTES);
  }
  throw new Error("no description of a program is embedded");
}

/** The range that a length at `at` announces. */
function measured(bytes: Buffer, at: number): Range {
  const start = at + LENGTH_BYTES;
  const end = at < 0 ? NaN : start + Number(bytes.readBigUInt64LE(at));
  if (!(end <= bytes.length)) throw new Error("what is embedded is not laid out as expected");
  return { start, end };
}
