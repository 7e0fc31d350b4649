/**
 * Frames and fields as tests write them.
 *
 * @module
 */
import { Flag, FrameType, writeFrameHeader, writeUint32 } from "../wire/frames.ts";

/** A field. */
export type Pair = readonly [name: string, value: string];

/** Value of a field in a head. */
export function valueOf(head: readonly Pair[], name: string): string | undefined {
  return head.find(([each]) => each === name)?.[1];
}

/** A whole frame. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | readonly number[] = [],
): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  writeFrameHeader(bytes, 0, payload.length, type, flags, streamId);
  bytes.set(payload, 9);
  return bytes;
}

/** A DATA frame. */
export function data(streamId: number, payload: Uint8Array, endStream = false): Uint8Array {
  return frame(FrameType.DATA, endStream ? Flag.END_STREAM : 0, streamId, payload);
}

/** A WINDOW_UPDATE frame; stream 0 is the connection. */
export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frame(FrameType.WINDOW_UPDATE, 0, streamId, uint32(increment));
}

/** An RST_STREAM frame. */
export function reset(streamId: number, code: number): Uint8Array {
  return frame(FrameType.RST_STREAM, 0, streamId, uint32(code));
}

/** One setting as it is in SETTINGS. */
export function setting(id: number, value: number): Uint8Array {
  return Uint8Array.of(0, id, ...uint32(value));
}

/** Four octets in network byte order. */
export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, value);
  return bytes;
}

/** All parts in one array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The pseudo-header fields of a GET. */
export function get(path = "/"): Pair[] {
  return [[":method", "GET"], [":scheme", "http"], [":path", path], [":authority", "test"]];
}

/** The fields of a POST to `/`. */
export function post(...more: Pair[]): Pair[] {
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "test"],
    ...more,
  ];
}
