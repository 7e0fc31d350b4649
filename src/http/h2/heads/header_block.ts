/**
 * Field blocks that came in several frames: HEADERS and its CONTINUATIONs (RFC 9113 section 4.3).
 *
 * @module
 */
import { ConnectionError, ErrorCode } from "../wire/errors.ts";
import { MAX_FRAME_BYTES } from "../wire/frames.ts";

/**
 * Most frames of one block. Senders fill frames before they begin another; one that cuts a block into
 * slivers only makes work.
 */
const MAX_FRAMES = 32;

/** What all but the last frame of a block brought. There is one at a time on a connection. */
export class HeaderBlock {
  /** The stream it belongs to; 0 when none is open. */
  streamId = 0;
  /** The first frame had END_STREAM. */
  endStream = false;
  /** The first frame had a priority that makes the stream depend on itself. */
  isSelfDependent = false;
  bytes: Uint8Array = NOTHING;
  size = 0;
  #frames = 0;

  get isOpen(): boolean {
    return this.streamId !== 0;
  }

  /** A first frame without END_HEADERS. */
  open(streamId: number, endStream: boolean, isSelfDependent: boolean): void {
    this.streamId = streamId;
    this.endStream = endStream;
    this.isSelfDependent = isSelfDependent;
    this.size = this.#frames = 0;
  }

  /**
   * Adds the fragment `from[start, end)`.
   *
   * @param limit Most octets of a whole block.
   * @throws {ConnectionError} ENHANCE_YOUR_CALM when there are too many octets or frames: the block cannot
   * be skipped, since the peer's later ones build on it.
   */
  add(from: Uint8Array, start: number, end: number, limit: number): void {
    const size = this.size + end - start;
    if (size > limit || ++this.#frames > MAX_FRAMES) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "a field block is too long");
    }
    if (this.bytes.length < size) {
      const grown = new Uint8Array(Math.max(size, MAX_FRAME_BYTES, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    }
    this.bytes.set(from.subarray(start, end), this.size);
    this.size = size;
  }

  /** The block has been used. */
  close(): void {
    this.streamId = 0;
    this.bytes = NOTHING;
  }
}

const NOTHING = new Uint8Array(0);
