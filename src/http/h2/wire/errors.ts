/**
 * Error codes of HTTP/2 (RFC 9113 section 7) and the error that ends a connection.
 *
 * @module
 */
import { BodyError } from "../../body.ts";

/** The codes that RST_STREAM and GOAWAY carry. */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

const NAMES: readonly string[] = Object.keys(ErrorCode);

/** `PROTOCOL_ERROR` for 1, and so on; a code that no RFC names as hexadecimal. */
export function errorName(code: number): string {
  return NAMES[code] ?? `0x${code.toString(16)}`;
}

/** A body that ends because its sender reset the stream. */
export class ResetBody extends BodyError {
  /** @param code Of the RST_STREAM. */
  constructor(readonly code: number, message: string) {
    super(502, message);
  }

  /**
   * The code for the client whose answer it was: what it says of the request is passed on, and so gRPC sees
   * the same status as without a gateway. REFUSED_STREAM is not: part of the answer has been seen.
   */
  get codeForClient(): number {
    const { code } = this;
    const isKept = code === ErrorCode.CANCEL || code === ErrorCode.ENHANCE_YOUR_CALM ||
      code === ErrorCode.INADEQUATE_SECURITY;
    return isKept ? code : ErrorCode.INTERNAL_ERROR;
  }
}

/**
 * The peer broke a rule that the whole connection rests on. Thrown only between the frame that broke it and
 * the read loop, which says GOAWAY with the code and ends the connection (RFC 9113 section 5.4.1).
 */
export class ConnectionError extends Error {
  /** @param message Sent as GOAWAY debug data: short, ASCII, nothing of the peer's own text in it. */
  constructor(readonly code: number, message: string) {
    super(message);
    this.name = "ConnectionError";
  }
}
