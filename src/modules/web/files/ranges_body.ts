/**
 * Several ranges of a file as one body, `multipart/byteranges` (RFC 9110 section 14.6).
 *
 * @module
 */
import { type Body, BodyError } from "../../../http/body.ts";
import type { ByteRange } from "../../../http/content/ranges.ts";
import type { Held } from "../../../gateway/exchange/exchange.ts";

/** Most bytes of one read, as for whole files. */
const PIECE_BYTES = 256 * 1024;

const encoder = new TextEncoder();

/** Where the bytes of the ranges come from. */
export interface RangeSource {
  /** Puts bytes from `position` at the start of `into`. @returns How many; 0 where the file has ended. */
  read(into: Uint8Array, length: number, position: number): number;
  /** Whether all that was read is of one version. */
  isUnchanged(): boolean;
  close(): void;
}

/** Bytes in memory as a source. */
export class MemorySource implements RangeSource {
  constructor(readonly bytes: Uint8Array) {}

  read(into: Uint8Array, length: number, position: number): number {
    const piece = this.bytes.subarray(position, position + length);
    into.set(piece);
    return piece.length;
  }

  isUnchanged(): boolean {
    return true;
  }

  close(): void {}
}

/** A boundary that no content has: 128 random bits. */
export function newBoundary(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** A part of the body: text of the frame, then bytes of the file. */
interface Part {
  readonly head: Uint8Array;
  readonly first: number;
  readonly length: number;
}

/** Reads the ranges one after the other; closes the source at the end, on failure or when cancelled. */
export class RangesBody implements Body, Held {
  readonly trailers = undefined;
  readonly length: number;
  readonly #parts: readonly Part[];
  #source: RangeSource | undefined;
  #part = 0;
  /** Bytes of the part that were read, its head included. */
  #at = 0;

  /** @param mediaType Of each part. @param total Length of the file. */
  constructor(
    source: RangeSource,
    ranges: readonly ByteRange[],
    boundary: string,
    mediaType: string,
    total: number,
  ) {
    this.#source = source;
    const parts = ranges.map(({ first, last }, index): Part => ({
      head: encoder.encode(
        `${index === 0 ? "" : "\r\n"}--${boundary}\r\ncontent-type: ${mediaType}\r\n` +
          `content-range: bytes ${first}-${last}/${total}\r\n\r\n`,
      ),
      first,
      length: last - first + 1,
    }));
    parts.push({ head: encoder.encode(`\r\n--${boundary}--\r\n`), first: 0, length: 0 });
    this.#parts = parts;
    this.length = parts.reduce((sum, { head, length }) => sum + head.length + length, 0);
  }

  read(into: Uint8Array): number | null {
    if (this.#part === this.#parts.length) return null;
    const source = this.#source;
    if (source === undefined) throw new BodyError(500, "the file was closed before its end");
    try {
      const { head, first, length } = this.#parts[this.#part];
      const count = this.#at < head.length
        ? copied(head, this.#at, into)
        : this.#readFile(source, into, first + this.#at - head.length, length);
      this.#at += count;
      if (this.#at === head.length + length) {
        this.#part++;
        this.#at = 0;
      }
      if (this.#part === this.#parts.length) this.cancel();
      return count;
    } catch (error) {
      this.cancel();
      if (error instanceof BodyError) throw error;
      throw new BodyError(500, `the file could not be read: ${String(error)}`);
    }
  }

  #readFile(source: RangeSource, into: Uint8Array, position: number, length: number): number {
    const { head, first } = this.#parts[this.#part];
    const left = length - (this.#at - head.length);
    const count = source.read(into, Math.min(into.length, left, PIECE_BYTES), position);
    if (count === 0) throw new BodyError(500, "the file became shorter while it was sent");
    const isLast = this.#part === this.#parts.length - 2 && position + count === first + length;
    if (isLast && !source.isUnchanged()) {
      throw new BodyError(500, "the file changed while it was sent");
    }
    return count;
  }

  cancel(): void {
    this.#source?.close();
    this.#source = undefined;
  }

  release(): void {
    this.cancel();
  }
}

function copied(from: Uint8Array, at: number, into: Uint8Array): number {
  const piece = from.subarray(at, at + into.length);
  into.set(piece);
  return piece.length;
}
