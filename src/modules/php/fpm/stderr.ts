/** What a script wrote to standard error: its beginning for the log, all of it for the patterns (spec 07 section 17). @module */
import { Buffer } from "node:buffer";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Errors of one answer. */
export class ErrorText {
  /** Bytes in all. */
  length = 0;
  /** A pattern was found. */
  isFailure = false;
  readonly #maxBytes: number;
  readonly #patterns: readonly Uint8Array[];
  readonly #beginning: Uint8Array[] = [];
  #kept = 0;
  /** The end of what came last, for patterns that are cut by the next record. */
  #tail: Uint8Array = new Uint8Array(0);

  /**
   * @param maxBytes Kept for the log.
   * @param patterns As {@linkcode encodePatterns} gives them.
   */
  constructor(maxBytes: number, patterns: readonly Uint8Array[]) {
    this.#maxBytes = maxBytes;
    this.#patterns = patterns;
  }

  /** Takes the next bytes. */
  append(bytes: Uint8Array): void {
    this.length += bytes.length;
    if (this.#kept < this.#maxBytes) {
      const part = bytes.slice(0, this.#maxBytes - this.#kept);
      this.#beginning.push(part);
      this.#kept += part.length;
    }
    if (this.#patterns.length > 0 && !this.isFailure) this.#look(bytes);
  }

  /** One line for the log. */
  text(): string {
    const text = decoder.decode(Buffer.concat(this.#beginning)).replace(CONTROLS, " ").trimEnd();
    return this.length > this.#maxBytes ? `${text} ... <truncated>` : text;
  }

  #look(bytes: Uint8Array): void {
    const seen = Buffer.concat([this.#tail, bytes]);
    this.isFailure = this.#patterns.some((pattern) => seen.indexOf(pattern) >= 0);
    const longest = Math.max(...this.#patterns.map(({ length }) => length));
    this.#tail = seen.subarray(Math.max(0, seen.length - longest + 1));
  }
}

/** Patterns as bytes. */
export function encodePatterns(patterns: readonly string[]): readonly Uint8Array[] {
  return patterns.map((pattern) => encoder.encode(pattern));
}

// deno-lint-ignore no-control-regex -- what must not reach the log
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;
