/**
 * The frames that carry no message: SETTINGS, PING, GOAWAY, RST_STREAM, WINDOW_UPDATE.
 *
 * @module
 */
import { Flag, FrameType, writeUint32 } from "./frames.ts";
import type { Output } from "./output.ts";
import { MAX_SETTINGS_BYTES, type OwnSettings, writeSettings } from "./settings.ts";

/** Octets of a PING's payload. */
export const PING_BYTES = 8;

/** Longest explanation in a GOAWAY. */
const MAX_DEBUG_BYTES = 120;

const scratch = new Uint8Array(MAX_SETTINGS_BYTES);
const encoder = new TextEncoder();

/** Announces what this side allows. */
export function sendSettings(output: Output, own: OwnSettings): void {
  const length = writeSettings(own, scratch, 0);
  const at = output.frame(length, FrameType.SETTINGS, 0, 0);
  output.bytes.set(scratch.subarray(0, length), at);
}

/** Says that the peer's settings apply from here on. */
export function acknowledgeSettings(output: Output): void {
  output.frame(0, FrameType.SETTINGS, Flag.ACK, 0);
}

/** Answers the PING whose payload is `bytes[start, start + 8)`. */
export function acknowledgePing(output: Output, bytes: Uint8Array, start: number): void {
  const at = output.frame(PING_BYTES, FrameType.PING, Flag.ACK, 0);
  output.bytes.set(bytes.subarray(start, start + PING_BYTES), at);
}

/** @param mark Comes back in the acknowledgement's last four octets. */
export function sendPing(output: Output, mark: number): void {
  const at = output.frame(PING_BYTES, FrameType.PING, 0, 0);
  writeUint32(output.bytes, at, 0);
  writeUint32(output.bytes, at + 4, mark);
}

/** @param reason ASCII, for readers of the peer's log. */
export function sendGoAway(output: Output, lastId: number, code: number, reason: string): void {
  const text = encoder.encode(reason).subarray(0, MAX_DEBUG_BYTES);
  const at = output.frame(8 + text.length, FrameType.GOAWAY, 0, 0);
  writeUint32(output.bytes, at, lastId);
  writeUint32(output.bytes, at + 4, code);
  output.bytes.set(text, at + 8);
}

/** Ends a stream. */
export function sendReset(output: Output, streamId: number, code: number): void {
  const at = output.frame(4, FrameType.RST_STREAM, 0, streamId);
  writeUint32(output.bytes, at, code);
}

/** @param streamId 0 for the connection. */
export function sendWindowUpdate(output: Output, streamId: number, increment: number): void {
  const at = output.frame(4, FrameType.WINDOW_UPDATE, 0, streamId);
  writeUint32(output.bytes, at, increment);
}
