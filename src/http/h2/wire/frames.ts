/**
 * The frame layout of HTTP/2: RFC 9113 sections 4.1 and 6.
 *
 * @module
 */

/** Octets in front of every payload. */
export const FRAME_HEADER_BYTES = 9;

/**
 * Largest payload: what every peer accepts, and all that this side accepts. Larger frames would only let
 * one stream hold the connection for longer.
 */
export const MAX_FRAME_BYTES = 16_384;

/** What a client sends first (RFC 9113 section 3.4). */
export const PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Largest stream identifier. */
export const MAX_STREAM_ID = 0x7fff_ffff;

/** Types of frames: RFC 9113 section 6. */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** Flags of frames; which apply depends on the type. */
export const Flag = {
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Writes a frame's header at `at`; the payload's place is {@linkcode FRAME_HEADER_BYTES} after it. */
export function writeFrameHeader(
  into: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  into[at] = length >>> 16;
  into[at + 1] = length >>> 8;
  into[at + 2] = length;
  into[at + 3] = type;
  into[at + 4] = flags;
  writeUint32(into, at + 5, streamId);
}

/** Writes 32 bits in network byte order, as all numbers of frames are. */
export function writeUint32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

/** 16 bits: the identifier of a setting. */
export function readUint16(from: Uint8Array, at: number): number {
  return from[at] << 8 | from[at + 1];
}

/** 24 bits: the length of a payload. */
export function readUint24(from: Uint8Array, at: number): number {
  return from[at] << 16 | from[at + 1] << 8 | from[at + 2];
}

/** 32 bits: an error code, the value of a setting. */
export function readUint32(from: Uint8Array, at: number): number {
  return (from[at] << 24 | from[at + 1] << 16 | from[at + 2] << 8 | from[at + 3]) >>> 0;
}

/** 31 bits after a reserved one, which is ignored: stream identifiers and window increments. */
export function readUint31(from: Uint8Array, at: number): number {
  return (from[at] & 0x7f) << 24 | from[at + 1] << 16 | from[at + 2] << 8 | from[at + 3];
}
