/**
 * Writes a message on an HTTP/1 connection, in either direction: head and first body bytes in one
 * write, the rest as it comes.
 *
 * @module
 */
import type { Body } from "../body.ts";
import type { Fields } from "../fields.ts";
import { LARGE, LARGE_BYTES } from "../../net/buffers.ts";
import { writeText } from "./head.ts";

/** What a message is written through. */
export interface Outlet {
  /** Writes all of `bytes`, within the time limits that apply. */
  send(bytes: Uint8Array): Promise<void>;
  /** Told of each piece of the body, without its framing, before it is sent. */
  countBody(bytes: number): void;
}

/** Room in front of a piece of a chunked body for its size: at most `ffff` and CRLF. */
const PREFIX_BYTES = 6;
/** CRLF behind a piece. */
const SUFFIX_BYTES = 2;
/** Less room than this is not worth another read before what is there is sent. */
const MIN_ROOM_BYTES = 4096;

/**
 * Sends `head`, and `body` behind it, in chunks if `chunked`. Throws what the body or the outlet throws.
 */
export async function writeMessage(
  outlet: Outlet,
  head: string,
  body: Uint8Array | Body | undefined,
  chunked: boolean,
): Promise<void> {
  const out = LARGE.take();
  let at = writeText(head, out, 0);
  if (at < 0) {
    // A head this large is rare: it leaves on its own.
    const large = new Uint8Array(head.length);
    await outlet.send(large.subarray(0, writeText(head, large, 0)));
    at = 0;
  }
  if (body === undefined) {
    if (at > 0) await outlet.send(out.subarray(0, at));
  } else if (body instanceof Uint8Array) {
    await sendBytes(outlet, out, at, body);
  } else {
    await sendStream(outlet, out, at, body, chunked);
  }
  // Not in a `finally`: after a failed write or read the runtime may still hold the buffer.
  LARGE.give(out);
}

async function sendBytes(
  outlet: Outlet,
  out: Uint8Array,
  at: number,
  body: Uint8Array,
): Promise<void> {
  outlet.countBody(body.length);
  const first = Math.min(out.length - at, body.length);
  if (first === body.length) {
    out.set(body, at);
    await outlet.send(out.subarray(0, at + first));
  } else {
    out.set(body.subarray(0, first), at);
    await outlet.send(out);
    await outlet.send(body.subarray(first));
  }
}

/**
 * Sends a streamed body. What is at hand is collected until the buffer is full; when the body must
 * wait, what was collected is sent meanwhile.
 */
async function sendStream(
  outlet: Outlet,
  out: Uint8Array,
  at: number,
  body: Body,
  chunked: boolean,
): Promise<void> {
  const prefix = chunked ? PREFIX_BYTES : 0;
  const overhead = chunked ? PREFIX_BYTES + SUFFIX_BYTES : 0;
  // Unsent bytes are out[from, at).
  let from = 0;
  let waiting: Promise<number | null> | undefined;
  try {
    for (;;) {
      const room = out.subarray(at + prefix, LARGE_BYTES - (overhead - prefix));
      let count = body.read(room);
      if (typeof count === "object" && count !== null) {
        waiting = count;
        if (at > from) await outlet.send(out.subarray(from, at));
        from = at;
        count = await waiting;
        waiting = undefined;
      }
      if (count === null) break;
      outlet.countBody(count);
      if (chunked) {
        from = frame(out, from, at, count);
        at += overhead + count;
      } else {
        at += count;
      }
      if (LARGE_BYTES - at - overhead < MIN_ROOM_BYTES) {
        await outlet.send(out.subarray(from, at));
        from = at = 0;
      }
    }
  } catch (error) {
    waiting?.catch(() => {});
    throw error;
  }
  if (chunked) {
    const end = "0\r\n" + trailerLines(body.trailers) + "\r\n";
    const behind = writeText(end, out, at);
    if (behind < 0) {
      await outlet.send(out.subarray(from, at));
      const large = new Uint8Array(end.length);
      await outlet.send(large.subarray(0, writeText(end, large, 0)));
      return;
    }
    at = behind;
  }
  if (at > from) await outlet.send(out.subarray(from, at));
}

/**
 * Frames the piece of `count` bytes that stands at `at + PREFIX_BYTES`, and moves what is unsent in
 * front of it up to its size line.
 *
 * @returns The new start of the unsent bytes.
 */
function frame(out: Uint8Array, from: number, at: number, count: number): number {
  const data = at + PREFIX_BYTES;
  const size = count.toString(16);
  const gap = PREFIX_BYTES - 2 - size.length;
  if (gap > 0) out.copyWithin(from + gap, from, at);
  let position = at + gap;
  for (let i = 0; i < size.length; i++) out[position++] = size.charCodeAt(i);
  out[position++] = 13;
  out[position] = 10;
  out[data + count] = 13;
  out[data + count + 1] = 10;
  return from + gap;
}

function trailerLines(trailers: Fields | undefined): string {
  let text = "";
  if (trailers !== undefined) {
    for (let i = 0; i < trailers.size; i++) {
      text += trailers.names[i] + ": " + trailers.values[i] + "\r\n";
    }
  }
  return text;
}
