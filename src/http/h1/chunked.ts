/**
 * The chunked transfer coding of RFC 9112 section 7.1, decoded on demand from a connection's inbox.
 *
 * @module
 */
import { type Body, BodyError } from "../body.ts";
import { Fields } from "../fields.ts";
import { FIELD_VALUE, HEX, TOKEN } from "../chars.ts";
import { mayTrail } from "../trailers.ts";
import type { Inbox } from "../../net/inbox.ts";
import { findHeadEnd, headText, readFieldLines } from "./head.ts";
import type { BodyHost } from "./length_body.ts";

/** What a decoder accepts. */
export interface ChunkedRules {
  /** Status of the `BodyError` for broken framing: 400 from a client, 502 from an upstream. */
  readonly errorStatus: 400 | 502;
  readonly maxChunkBytes: number;
  readonly maxChunks: number;
  /** Whether white space is taken where the previous grammar allowed it (RFC 9110 section 5.6.3). */
  readonly badWhiteSpace: boolean;
  /** Whether trailer fields are read; else anything but a bare CRLF after the last chunk is refused. */
  readonly trailers: boolean;
}

/** Bounds for bodies that clients send (spec 01 section 3.3). */
export const CLIENT_CHUNKS: ChunkedRules = {
  errorStatus: 400,
  maxChunkBytes: 1024 * 1024,
  maxChunks: 1_048_576,
  badWhiteSpace: false,
  trailers: false,
};

/** Bounds for bodies that upstreams send: their chunks are as large and as many as they like. */
export const UPSTREAM_CHUNKS: ChunkedRules = {
  errorStatus: 502,
  maxChunkBytes: Number.MAX_SAFE_INTEGER,
  maxChunks: Infinity,
  badWhiteSpace: true,
  trailers: true,
};

/** Longest line with a chunk size, its extensions included. */
const MAX_SIZE_LINE_BYTES = 8192;
/** Most bytes of chunk extensions in one body. */
const MAX_EXTENSION_BYTES = 64 * 1024;
/** Framing that may come on top of the decoded limit before the body counts as an attack. */
const MAX_FRAMING_BYTES = 8 * 1024 * 1024;
/** Largest trailer section. */
const MAX_TRAILER_BYTES = 16 * 1024;
const MAX_TRAILER_FIELDS = 100;

const CR = 13;
const LF = 10;
const SEMICOLON = 59;
const QUOTE = 34;
const SPACE = 32;
const TAB = 9;

type State = "size" | "data" | "data-end" | "trailers" | "done" | "failed";

/** `read` needs more bytes than the inbox has. */
const MORE = -1;

/** A chunked body on a connection. */
export class ChunkedBody implements Body {
  readonly length = undefined;
  trailers: Fields | undefined = undefined;
  #state: State = "size";
  #left = 0;
  #chunks = 0;
  #extensionBytes = 0;
  #framingBytes = 0;
  readonly #inbox: Inbox;
  readonly #rules: ChunkedRules;
  readonly #host: BodyHost;

  constructor(inbox: Inbox, rules: ChunkedRules, host: BodyHost) {
    this.#inbox = inbox;
    this.#rules = rules;
    this.#host = host;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    const count = this.#take(into);
    return count === MORE ? this.#wait(into) : count;
  }

  /** Decodes and drops what has arrived so far, without waiting. Throws like `read`. */
  skim(scratch: Uint8Array): void {
    for (let count: number | null = 0; count !== null && count !== MORE;) {
      count = this.#take(scratch);
    }
  }

  cancel(): void {
    if (this.#state === "done" || this.#state === "failed") return;
    this.#state = "failed";
    this.#host.onBodyEnd(false);
  }

  async #wait(into: Uint8Array): Promise<number | null> {
    const inbox = this.#inbox;
    try {
      for (;;) {
        this.#host.onBodyWait();
        if (this.#state === "data" && inbox.isEmpty && !inbox.isReading) {
          const room = into.length > this.#left ? into.subarray(0, this.#left) : into;
          const count = await inbox.direct(room);
          this.#host.onBodyBytes();
          this.#refuseGivenUp();
          if (count === null) this.#fail("the body ends inside a chunk");
          this.#left -= count;
          if (this.#left === 0) this.#state = "data-end";
          return count;
        }
        const capacity = this.#state === "trailers" ? MAX_TRAILER_BYTES : MAX_SIZE_LINE_BYTES;
        const more = await inbox.more(capacity);
        this.#host.onBodyBytes();
        this.#refuseGivenUp();
        if (more === null) this.#fail("the body ends before its last chunk");
        if (more === -1) this.#fail("a chunk size line or the trailer section is too long");
        const count = this.#take(into);
        if (count !== MORE) return count;
      }
    } catch (error) {
      if (error instanceof BodyError) throw error;
      this.cancel();
      throw new BodyError(this.#rules.errorStatus, this.#host.reasonOf(error));
    }
  }

  /** Decodes what is in the inbox: bytes put into `into`, `null` at the end, or {@linkcode MORE}. */
  #take(into: Uint8Array): number | null {
    const inbox = this.#inbox;
    for (;;) {
      switch (this.#state) {
        case "data": {
          if (inbox.isEmpty) return MORE;
          const count = inbox.take(into, this.#left);
          this.#left -= count;
          if (this.#left === 0) this.#state = "data-end";
          return count;
        }
        case "data-end":
          if (inbox.end - inbox.start < 2) return MORE;
          if (inbox.bytes[inbox.start] !== CR || inbox.bytes[inbox.start + 1] !== LF) {
            this.#fail("a chunk is not followed by CRLF");
          }
          inbox.start += 2;
          this.#state = "size";
          break;
        case "size":
          if (!this.#readSize()) return MORE;
          break;
        case "trailers":
          if (!this.#readTrailers()) return MORE;
          break;
        case "done":
          return null;
        case "failed":
          this.#refuseGivenUp();
      }
    }
  }

  #refuseGivenUp(): void {
    if (this.#state === "failed") {
      throw new BodyError(this.#rules.errorStatus, "the body was given up");
    }
  }

  /** Reads a size line; `false` when it is not complete yet. */
  #readSize(): boolean {
    const inbox = this.#inbox;
    const { bytes, start, end } = inbox;
    const lf = bytes.indexOf(LF, start);
    if (lf < 0 || lf >= end) {
      if (end - start > MAX_SIZE_LINE_BYTES) this.#fail("a chunk size line is too long");
      return false;
    }
    if (lf === start || bytes[lf - 1] !== CR) this.#fail("a chunk size line ends with a bare LF");
    if (lf - start > MAX_SIZE_LINE_BYTES) this.#fail("a chunk size line is too long");
    let at = start;
    let size = 0;
    while (HEX[bytes[at]] !== 255) {
      size = size * 16 + HEX[bytes[at++]];
      if (size > this.#rules.maxChunkBytes) this.#fail("a chunk is too large");
    }
    if (at === start) this.#fail("a chunk size is not hexadecimal");
    const extensionBytes = lf - 1 - at;
    if (extensionBytes > 0) {
      this.#extensionBytes += extensionBytes;
      const { badWhiteSpace } = this.#rules;
      const known = areExtensions(bytes, at, lf - 1, badWhiteSpace);
      if (this.#extensionBytes > MAX_EXTENSION_BYTES || !known) {
        this.#fail("a chunk extension is malformed or too long");
      }
    }
    if (++this.#chunks > this.#rules.maxChunks) this.#fail("there are too many chunks");
    this.#framingBytes += lf + 1 - start + 2;
    if (this.#framingBytes > MAX_FRAMING_BYTES && this.#rules.errorStatus === 400) {
      this.#fail("the framing is larger than the body it may frame");
    }
    inbox.start = lf + 1;
    this.#left = size;
    this.#state = size === 0 ? "trailers" : "data";
    return true;
  }

  /** Reads what follows the last chunk; `false` when it is not complete yet. */
  #readTrailers(): boolean {
    const inbox = this.#inbox;
    const { bytes, start, end } = inbox;
    if (end - start < 2) return false;
    if (bytes[start] === CR && bytes[start + 1] === LF) {
      inbox.start += 2;
    } else {
      if (!this.#rules.trailers) this.#fail("trailer fields are not accepted");
      const behind = findHeadEnd(bytes, start, end);
      if (behind < 0) return false;
      const fields = new Fields();
      const problem = readFieldLines(
        bytes,
        headText(bytes, start, behind),
        start,
        start,
        behind,
        MAX_TRAILER_BYTES,
        MAX_TRAILER_FIELDS,
        fields,
      );
      if (problem !== undefined) this.#fail(problem.reason);
      for (const name of [...fields.names]) if (!mayTrail(name)) fields.delete(name);
      this.trailers = fields;
      inbox.start = behind;
    }
    this.#state = "done";
    this.#host.onBodyEnd(true);
    return true;
  }

  #fail(reason: string): never {
    this.cancel();
    const { errorStatus } = this.#rules;
    const whose = errorStatus === 502 ? "the upstream's" : "the client's";
    throw new BodyError(errorStatus, `${whose} chunked body is broken: ${reason}`);
  }
}

/**
 * `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )` of RFC 9112 section 7.1.1, and white
 * space at the end, which old servers wrote.
 *
 * @param spaced Whether the white space is taken, which the grammar itself calls bad.
 */
function areExtensions(bytes: Uint8Array, at: number, end: number, spaced: boolean): boolean {
  const skip = (from: number): number => {
    while (spaced && from < end && (bytes[from] === SPACE || bytes[from] === TAB)) from++;
    return from;
  };
  for (at = skip(at); at < end; at = skip(at)) {
    if (bytes[at] !== SEMICOLON) return false;
    const nameStart = at = skip(at + 1);
    while (at < end && TOKEN[bytes[at]] === 1) at++;
    if (at === nameStart) return false;
    at = skip(at);
    if (bytes[at] !== 61 /* = */ || at === end) continue;
    at = skip(at + 1);
    if (bytes[at] === QUOTE) {
      at = behindQuoted(bytes, at, end);
      if (at < 0) return false;
    } else {
      const valueStart = at;
      while (at < end && TOKEN[bytes[at]] === 1) at++;
      if (at === valueStart) return false;
    }
  }
  return true;
}

/** Index after the quoted string that starts at `at`, or -1. */
function behindQuoted(bytes: Uint8Array, at: number, end: number): number {
  for (at++; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === 92 /* \ */) at++;
    if (at < end && FIELD_VALUE[bytes[at]] === 0) return -1;
  }
  return -1;
}
