/** The output of a script, collected or passed on as it comes. @module */
import { type Body, BodyError, BytesBody } from "../../../http/body.ts";
import { LARGE, LARGE_BYTES } from "../../../net/buffers.ts";
import { type CgiHead, headEnd, readCgiHead } from "../answer/cgi_head.ts";
import type { Attempt } from "./attempt.ts";
import { failureOf, PhpFailure } from "./failure.ts";

/** A head and the beginning of the body. */
export interface Beginning {
  readonly head: CgiHead;
  /** What came with the head. */
  readonly body: Uint8Array;
}

/** A head and all of the body. */
export interface Output {
  readonly head: CgiHead;
  readonly body: BytesBody | CollectedOutput;
}

/** Reads an attempt's output. */
export class OutputReader {
  #bytes = NOTHING;
  #length = 0;
  readonly #maxHeadBytes: number;

  constructor(maxHeadBytes: number) {
    this.#maxHeadBytes = maxHeadBytes;
  }

  /** All of it. @throws {PhpFailure} for output that is not an answer, and what `next` of the attempt throws. */
  async whole(attempt: Attempt): Promise<Output> {
    const { head, body: first } = await this.beginning(attempt);
    let piece = await attempt.next();
    if (piece === null) return { head, body: new BytesBody(first) };
    const body = new CollectedOutput();
    try {
      body.append(first);
      while (piece !== null) {
        body.append(piece);
        piece = attempt.ready() ?? await attempt.next();
      }
      return { head, body };
    } catch (error) {
      body.cancel();
      throw error;
    }
  }

  /** The head, and what came with it. */
  async beginning(attempt: Attempt): Promise<Beginning> {
    for (let looked = 0;;) {
      const piece = await attempt.next();
      if (piece === null) {
        throw invalid(this.#length === 0 ? "it sent nothing" : "its head does not end");
      }
      this.#append(piece);
      const end = headEnd(this.#bytes, looked, this.#length);
      if (end >= 0) return this.#output(end);
      if (this.#length > this.#maxHeadBytes) throw invalid(LARGE_HEAD);
      looked = Math.max(0, this.#length - 1);
    }
  }

  #output(end: number): Beginning {
    if (end > this.#maxHeadBytes) throw invalid(LARGE_HEAD);
    const head = readCgiHead(this.#bytes, end);
    if (typeof head === "string") throw invalid(head);
    return { head, body: this.#bytes.subarray(end, this.#length) };
  }

  #append(piece: Uint8Array): void {
    if (this.#length === 0) {
      // Most answers come in one piece.
      this.#bytes = piece.slice();
      this.#length = piece.length;
      return;
    }
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }
}

/** All of the output of a script, in buffers that go back as it is read. */
export class CollectedOutput implements Body {
  readonly trailers: undefined = undefined;
  length = 0;
  /** All but the last are full. */
  readonly #buffers: Uint8Array[] = [];
  /** Bytes in the last one. */
  #filled = LARGE_BYTES;
  /** Bytes of the first one that have been read. */
  #at = 0;
  #isGivenUp = false;

  append(bytes: Uint8Array): void {
    this.length += bytes.length;
    for (let rest = bytes; rest.length > 0;) {
      if (this.#filled === LARGE_BYTES) {
        this.#buffers.push(LARGE.take());
        this.#filled = 0;
      }
      const count = Math.min(rest.length, LARGE_BYTES - this.#filled);
      this.#buffers[this.#buffers.length - 1].set(rest.subarray(0, count), this.#filled);
      this.#filled += count;
      rest = rest.subarray(count);
    }
  }

  read(into: Uint8Array): number | null {
    if (this.#isGivenUp) throw new BodyError(500, "the body was given up");
    const buffers = this.#buffers;
    if (buffers.length === 0) return null;
    const end = buffers.length === 1 ? this.#filled : LARGE_BYTES;
    const count = Math.min(into.length, end - this.#at);
    into.set(buffers[0].subarray(this.#at, this.#at + count));
    this.#at += count;
    if (this.#at === end) {
      LARGE.give(buffers.shift()!);
      this.#at = 0;
    }
    return count;
  }

  cancel(): void {
    this.#isGivenUp = this.#buffers.length > 0;
    for (const buffer of this.#buffers) LARGE.give(buffer);
    this.#buffers.length = 0;
  }
}

/** The body of an answer that is passed on as it comes: its reader's pull is the script's pace. */
export class StreamedBody implements Body {
  readonly trailers: undefined = undefined;
  readonly #attempt: Attempt;
  #rest: Uint8Array;
  #isOver = false;
  #sent = 0;

  /**
   * @param length As the script has declared it.
   * @param beginning What has been read already.
   */
  constructor(attempt: Attempt, readonly length: number | undefined, beginning: Uint8Array) {
    this.#attempt = attempt;
    this.#rest = beginning;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#rest.length > 0 && this.#sent !== this.length) return this.#take(into);
    return this.#isOver || this.#sent === this.length ? null : this.#readOn(into);
  }

  cancel(): void {
    this.#isOver = true;
    this.#rest = NOTHING;
    this.#attempt.abandon();
  }

  async #readOn(into: Uint8Array): Promise<number | null> {
    try {
      const piece = await this.#attempt.next();
      if (piece !== null) {
        this.#rest = piece;
        return this.#take(into);
      }
      this.#isOver = true;
      if (this.length !== undefined && this.#sent < this.length) {
        throw invalid(`it sent ${this.#sent} of the ${this.length} bytes that it declared`);
      }
      return null;
    } catch (error) {
      this.#isOver = true;
      // Not the end of the answer, whatever it looks like: the client must not take it for the whole.
      throw new BodyError(502, `php-fpm: ${failureOf(error)?.message ?? String(error)}`);
    }
  }

  #take(into: Uint8Array): number {
    // What goes beyond the declared length would be taken for the next answer.
    const room = Math.min(into.length, (this.length ?? Infinity) - this.#sent);
    const part = this.#rest.subarray(0, room);
    into.set(part);
    this.#rest = this.#rest.subarray(part.length);
    this.#sent += part.length;
    if (this.#sent === this.length && !this.#isOver) this.cancel();
    return part.length;
  }
}

const NOTHING = new Uint8Array(0);
const LARGE_HEAD = "its head is larger than max_response_header_bytes";

function invalid(message: string): PhpFailure {
  return new PhpFailure("invalid_response", message, false, true);
}
