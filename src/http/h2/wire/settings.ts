/**
 * SETTINGS: what this side announces and what the peer announced. RFC 9113 section 6.5.
 *
 * @module
 */
import { ConnectionError, ErrorCode } from "./errors.ts";
import { DEFAULT_WINDOW, MAX_WINDOW } from "./flow_control.ts";
import { MAX_FRAME_BYTES, readUint16, readUint32, writeUint32 } from "./frames.ts";
import { DEFAULT_TABLE_BYTES } from "../hpack/mod.ts";

/** Octets of one setting: identifier and value. */
export const SETTING_BYTES = 6;

const HEADER_TABLE_SIZE = 0x1;
const ENABLE_PUSH = 0x2;
const MAX_CONCURRENT_STREAMS = 0x3;
const INITIAL_WINDOW_SIZE = 0x4;
const MAX_FRAME_SIZE = 0x5;
const MAX_HEADER_LIST_SIZE = 0x6;
/** RFC 9218 section 2.1: this side does not read priorities of RFC 7540. */
const NO_RFC7540_PRIORITIES = 0x9;

const MAX_FRAME_SIZE_LIMIT = 0xff_ffff;

/** What the peer allows; the values of RFC 9113 section 6.5.2 until it has spoken. */
export class PeerSettings {
  headerTableSize = DEFAULT_TABLE_BYTES;
  maxConcurrentStreams = Infinity;
  initialWindowSize = DEFAULT_WINDOW;

  /**
   * Takes over the settings in `bytes[start, end)`. Unknown ones are ignored, and so is
   * MAX_HEADER_LIST_SIZE, which is advice: a head is sent as it is and the peer decides.
   *
   * @param fromServer A server must not offer push.
   * @throws {ConnectionError} with the code that RFC 9113 section 6.5.2 gives for the value.
   */
  read(bytes: Uint8Array, start: number, end: number, fromServer: boolean): void {
    for (let at = start; at < end; at += SETTING_BYTES) {
      const value = readUint32(bytes, at + 2);
      switch (readUint16(bytes, at)) {
        case HEADER_TABLE_SIZE:
          this.headerTableSize = value;
          break;
        case ENABLE_PUSH:
          if (value > (fromServer ? 0 : 1)) {
            throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH has a wrong value");
          }
          break;
        case MAX_CONCURRENT_STREAMS:
          this.maxConcurrentStreams = value;
          break;
        case INITIAL_WINDOW_SIZE:
          if (value > MAX_WINDOW) {
            throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "the window is too large");
          }
          this.initialWindowSize = value;
          break;
        case MAX_FRAME_SIZE:
          // Checked and not used: frames of the least size suit every peer.
          if (value < MAX_FRAME_BYTES || value > MAX_FRAME_SIZE_LIMIT) {
            throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE is out of range");
          }
          break;
      }
    }
  }
}

/** What this side announces. */
export interface OwnSettings {
  readonly initialWindowSize: number;
  readonly maxHeaderListSize: number;
  /** Servers only: a client opens streams, it does not accept them. */
  readonly maxConcurrentStreams: number | undefined;
}

/** Octets that {@linkcode writeSettings} writes at most. */
export const MAX_SETTINGS_BYTES = 5 * SETTING_BYTES;

/**
 * Writes the payload of a SETTINGS frame.
 *
 * @returns The place after its last octet.
 */
export function writeSettings(own: OwnSettings, into: Uint8Array, at: number): number {
  if (own.maxConcurrentStreams === undefined) {
    at = writeSetting(ENABLE_PUSH, 0, into, at);
  } else {
    at = writeSetting(MAX_CONCURRENT_STREAMS, own.maxConcurrentStreams, into, at);
    at = writeSetting(NO_RFC7540_PRIORITIES, 1, into, at);
  }
  at = writeSetting(INITIAL_WINDOW_SIZE, own.initialWindowSize, into, at);
  at = writeSetting(MAX_FRAME_SIZE, MAX_FRAME_BYTES, into, at);
  return writeSetting(MAX_HEADER_LIST_SIZE, own.maxHeaderListSize, into, at);
}

function writeSetting(id: number, value: number, into: Uint8Array, at: number): number {
  into[at] = 0;
  into[at + 1] = id;
  writeUint32(into, at + 2, value);
  return at + SETTING_BYTES;
}
