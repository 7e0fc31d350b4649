/**
 * Writes heads and trailers: HEADERS, and CONTINUATION where one frame cannot hold them.
 *
 * @module
 */
import {
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  MAX_FRAME_BYTES,
  writeFrameHeader,
} from "../wire/frames.ts";
import { Encoder } from "../hpack/mod.ts";
import type { Fields } from "../../fields.ts";
import type { Output } from "../wire/output.ts";

/** Room for a few fields that are added to a list: `:status`, `date`, a length. */
export const SPARE_HEAD_BYTES = 512;

/**
 * Encodes one head at a time straight into a connection's output. `begin`, `field` for each field in
 * order, `end`; nothing else may write to the output in between.
 */
export class HeadWriter {
  readonly #output: Output;
  readonly #encoder: Encoder;
  /** Where octets go: the output's buffer, or one of its own for a head that may need several frames. */
  #into: Uint8Array = NOTHING;
  /** Where they begin; 0 only in a buffer of its own. */
  #start = 0;
  #at = 0;

  constructor(output: Output, encoder: Encoder) {
    this.#output = output;
    this.#encoder = encoder;
  }

  /** @param bound Octets that the head needs at most, by {@linkcode Encoder.bound}. */
  begin(bound: number): void {
    if (bound <= MAX_FRAME_BYTES) {
      this.#start = this.#output.reserve(FRAME_HEADER_BYTES + bound) + FRAME_HEADER_BYTES;
      this.#into = this.#output.bytes;
    } else {
      this.#start = 0;
      this.#into = new Uint8Array(bound);
    }
    this.#at = this.#encoder.begin(this.#into, this.#start);
  }

  /** @param name In lower case. */
  field(name: string, value: string): void {
    this.#at = this.#encoder.field(name, value, this.#into, this.#at);
  }

  end(streamId: number, endStream: boolean): void {
    const flags = endStream ? Flag.END_STREAM : 0;
    const length = this.#at - this.#start;
    const into = this.#into;
    this.#into = NOTHING;
    const output = this.#output;
    if (this.#start > 0) {
      const at = this.#start - FRAME_HEADER_BYTES;
      writeFrameHeader(into, at, length, FrameType.HEADERS, flags | Flag.END_HEADERS, streamId);
      output.size = this.#at;
      return;
    }
    let sent = 0;
    do {
      const count = Math.min(MAX_FRAME_BYTES, length - sent);
      const type = sent === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
      const last = sent + count === length ? Flag.END_HEADERS : 0;
      const at = output.frame(count, type, last | (sent === 0 ? flags : 0), streamId);
      output.bytes.set(into.subarray(sent, sent + count), at);
      sent += count;
    } while (sent < length);
  }

  /** A whole block of trailers: always the end of its stream. */
  trailers(fields: Fields, streamId: number): void {
    const { names, values } = fields;
    this.begin(Encoder.bound(names, values));
    for (let i = 0; i < names.length; i++) {
      if (!isConnectionField(names[i])) this.field(names[i], values[i]);
    }
    this.end(streamId, true);
  }
}

const NOTHING = new Uint8Array(0);

/**
 * Whether a field speaks of an HTTP/1 connection and must not appear in HTTP/2 (RFC 9113 section 8.2.2).
 * By length first: this is asked of every field of every head.
 */
export function isConnectionField(name: string): boolean {
  switch (name.length) {
    case 7:
      return name === "upgrade";
    case 10:
      return name === "connection" || name === "keep-alive";
    case 16:
      return name === "proxy-connection";
    case 17:
      return name === "transfer-encoding";
    default:
      return false;
  }
}
