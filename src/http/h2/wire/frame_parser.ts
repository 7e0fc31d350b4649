/**
 * Frames to events: each frame is checked for what can be said without knowing its stream (lengths,
 * padding, stream 0 or not, field blocks in one piece), then handed on. RFC 9113 section 6.
 *
 * @module
 */
import type { Inbox } from "../../../net/inbox.ts";
import { PING_BYTES } from "./control_frames.ts";
import { ConnectionError, ErrorCode } from "./errors.ts";
import { FrameReader } from "./frame_reader.ts";
import { Flag, FrameType, readUint31, readUint32 } from "./frames.ts";
import { HeaderBlock } from "../heads/header_block.ts";
import { SETTING_BYTES } from "./settings.ts";

/** Octets of the priority that HEADERS may have and PRIORITY is. */
const PRIORITY_BYTES = 5;

/** What arrives on a connection. Payloads are `bytes[start, end)` and are not kept by the parser. */
export interface FrameEvents {
  /** @param length What flow control counts: the payload and its padding. */
  onData(
    streamId: number,
    length: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void;
  /** A whole field block, of however many frames. It must be decoded in any case. */
  onBlock(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void;
  /**
   * A stream's priority, which is not used: on its own, or after the `onBlock` that it came with.
   *
   * @param errorCode What is wrong with it: it depends on itself, or has a wrong length.
   */
  onPriority(streamId: number, errorCode: number | undefined): void;
  onWindowUpdate(streamId: number, increment: number): void;
  onReset(streamId: number, code: number): void;
  /** A CONTINUATION, in front of the `onBlock` that it may bring about. */
  onContinuation(): void;
  onSettings(bytes: Uint8Array, start: number, end: number): void;
  /** The peer has taken over settings of ours. */
  onSettingsAck(): void;
  /** A PING to be answered: eight octets from `start` on. */
  onPing(bytes: Uint8Array, start: number): void;
  /** The answer to a PING of ours. */
  onPong(mark: number): void;
  onGoAway(lastId: number, code: number): void;
  /** A frame of a type that no RFC known here defines. */
  onUnknown(): void;
}

/** The receiving side of a connection, from bytes to events. */
export class FrameParser {
  /** `Clock.now` at the first frame of a field block that is not complete; 0 when there is none. */
  blockSince = 0;
  readonly #frame: FrameReader;
  readonly #events: FrameEvents;
  readonly #maxBlockBytes: number;
  readonly #block = new HeaderBlock();
  #begun = false;

  /** @param maxBlockBytes Most octets of one field block as sent. */
  constructor(inbox: Inbox, events: FrameEvents, maxBlockBytes: number) {
    this.#frame = new FrameReader(inbox);
    this.#events = events;
    this.#maxBlockBytes = maxBlockBytes;
  }

  /**
   * Handles the next frame, if all of it has arrived.
   *
   * @param now `Clock.now`.
   * @returns Whether there was one.
   * @throws {ConnectionError} when it breaks a rule.
   */
  next(now: number): boolean {
    const frame = this.#frame;
    if (!frame.next()) return false;
    if (!this.#begun) {
      if (frame.type !== FrameType.SETTINGS || frame.has(Flag.ACK)) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS");
      }
      this.#begun = true;
    }
    if (this.#block.isOpen && frame.type !== FrameType.CONTINUATION) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a field block is interrupted");
    }
    this.#dispatch(frame, now);
    return true;
  }

  #dispatch(frame: FrameReader, now: number): void {
    switch (frame.type) {
      case FrameType.DATA:
        return this.#data(frame);
      case FrameType.HEADERS:
        return this.#headers(frame, now);
      case FrameType.CONTINUATION:
        return this.#continuation(frame);
      case FrameType.WINDOW_UPDATE:
        exactly(frame, 4);
        return this.#events.onWindowUpdate(frame.streamId, readUint31(frame.bytes, frame.start));
      case FrameType.RST_STREAM:
        ofStream(frame);
        exactly(frame, 4);
        return this.#events.onReset(frame.streamId, readUint32(frame.bytes, frame.start));
      case FrameType.SETTINGS:
        return this.#settings(frame);
      case FrameType.PING:
        return this.#ping(frame);
      case FrameType.GOAWAY:
        return this.#goAway(frame);
      case FrameType.PRIORITY:
        return this.#priority(frame);
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "push is not allowed");
      default:
        return this.#events.onUnknown();
    }
  }

  #data(frame: FrameReader): void {
    ofStream(frame);
    frame.unpad();
    const { streamId, length, bytes, start, end } = frame;
    this.#events.onData(streamId, length, bytes, start, end, frame.has(Flag.END_STREAM));
  }

  #headers(frame: FrameReader, now: number): void {
    ofStream(frame);
    frame.unpad();
    const { streamId } = frame;
    let isSelfDependent = false;
    if (frame.has(Flag.PRIORITY)) {
      if (frame.end - frame.start < PRIORITY_BYTES) {
        throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "HEADERS has no room for a priority");
      }
      isSelfDependent = readUint31(frame.bytes, frame.start) === streamId;
      frame.start += PRIORITY_BYTES;
    }
    const endStream = frame.has(Flag.END_STREAM);
    if (!frame.has(Flag.END_HEADERS)) {
      this.blockSince = now;
      this.#block.open(streamId, endStream, isSelfDependent);
      this.#block.add(frame.bytes, frame.start, frame.end, this.#maxBlockBytes);
      return;
    }
    this.#events.onBlock(streamId, frame.bytes, frame.start, frame.end, endStream);
    if (isSelfDependent) this.#events.onPriority(streamId, ErrorCode.PROTOCOL_ERROR);
  }

  #continuation(frame: FrameReader): void {
    ofStream(frame);
    const block = this.#block;
    if (frame.streamId !== block.streamId) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a CONTINUATION of nothing");
    }
    this.#events.onContinuation();
    block.add(frame.bytes, frame.start, frame.end, this.#maxBlockBytes);
    if (!frame.has(Flag.END_HEADERS)) return;
    const { streamId, endStream, isSelfDependent, bytes, size } = block;
    block.close();
    this.blockSince = 0;
    this.#events.onBlock(streamId, bytes, 0, size, endStream);
    if (isSelfDependent) this.#events.onPriority(streamId, ErrorCode.PROTOCOL_ERROR);
  }

  #settings(frame: FrameReader): void {
    ofConnection(frame);
    if (frame.has(Flag.ACK)) {
      exactly(frame, 0);
      return this.#events.onSettingsAck();
    }
    if (frame.length % SETTING_BYTES !== 0) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS has a wrong length");
    }
    this.#events.onSettings(frame.bytes, frame.start, frame.end);
  }

  #ping(frame: FrameReader): void {
    ofConnection(frame);
    exactly(frame, PING_BYTES);
    if (frame.has(Flag.ACK)) this.#events.onPong(readUint32(frame.bytes, frame.start + 4));
    else this.#events.onPing(frame.bytes, frame.start);
  }

  #goAway(frame: FrameReader): void {
    ofConnection(frame);
    if (frame.length < 8) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY is too short");
    }
    const { bytes, start } = frame;
    this.#events.onGoAway(readUint31(bytes, start), readUint32(bytes, start + 4));
  }

  #priority(frame: FrameReader): void {
    ofStream(frame);
    const { streamId } = frame;
    const errorCode = frame.length !== PRIORITY_BYTES
      ? ErrorCode.FRAME_SIZE_ERROR
      : readUint31(frame.bytes, frame.start) === streamId
      ? ErrorCode.PROTOCOL_ERROR
      : undefined;
    this.#events.onPriority(streamId, errorCode);
  }
}

function ofStream(frame: FrameReader): void {
  if (frame.streamId === 0) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame of a stream without its number");
  }
}

function ofConnection(frame: FrameReader): void {
  if (frame.streamId !== 0) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame of the connection on a stream");
  }
}

function exactly(frame: FrameReader, length: number): void {
  if (frame.length !== length) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a frame has a wrong length");
  }
}
