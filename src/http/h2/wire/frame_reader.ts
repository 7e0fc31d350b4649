/**
 * Cuts what arrives on a connection into frames. Payloads stay where they are: nothing is copied.
 *
 * @module
 */
import type { Inbox } from "../../../net/inbox.ts";
import { ConnectionError, ErrorCode } from "./errors.ts";
import { Flag, FRAME_HEADER_BYTES, MAX_FRAME_BYTES, readUint24, readUint31 } from "./frames.ts";

/** The current frame of a connection. */
export class FrameReader {
  type = 0;
  flags = 0;
  streamId = 0;
  /** Octets of the payload as announced, padding included: what flow control counts. */
  length = 0;
  /** The payload, less its padding, is `bytes[start, end)`, until the next bytes are read. */
  start = 0;
  end = 0;

  constructor(readonly inbox: Inbox) {}

  get bytes(): Uint8Array {
    return this.inbox.bytes;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /**
   * Steps to the next frame, if all of it has arrived.
   *
   * @throws {ConnectionError} FRAME_SIZE_ERROR for one that is larger than any may be.
   */
  next(): boolean {
    const { inbox } = this;
    const { bytes, start } = inbox;
    const arrived = inbox.end - start;
    if (arrived < FRAME_HEADER_BYTES) return false;
    const length = readUint24(bytes, start);
    if (length > MAX_FRAME_BYTES) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a frame is too large");
    }
    if (arrived < FRAME_HEADER_BYTES + length) return false;
    this.length = length;
    this.type = bytes[start + 3];
    this.flags = bytes[start + 4];
    this.streamId = readUint31(bytes, start + 5);
    this.start = start + FRAME_HEADER_BYTES;
    this.end = inbox.start = this.start + length;
    return true;
  }

  /**
   * Takes the padding of a DATA or HEADERS frame off its payload.
   *
   * @throws {ConnectionError} when there is more padding than payload (RFC 9113 section 6.1).
   */
  unpad(): void {
    if (!this.has(Flag.PADDED)) return;
    if (this.length === 0) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a padded frame has no pad length");
    }
    const padding = this.bytes[this.start++];
    if (padding > this.end - this.start) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame has more padding than payload");
    }
    this.end -= padding;
  }
}
