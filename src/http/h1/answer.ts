/**
 * Writes an answer to an HTTP/1 client: head and first body bytes in one write, the rest as it comes.
 *
 * @module
 */
import type { Body } from "../body.ts";
import type { Fields } from "../fields.ts";
import type { HttpExchange } from "../exchange.ts";
import { LARGE, LARGE_BYTES } from "../../net/buffers.ts";
import { writeText } from "./head.ts";
import type { ResponseFraming } from "./response_head.ts";

/** What an answer is written through: counts bytes and sets the time limit of each write. */
export interface Outlet {
  /** Writes all of `bytes` within the exchange's time limits. */
  send(bytes: Uint8Array, exchange: HttpExchange): Promise<void>;
}

/** Room in front of a piece of a chunked body for its size: at most `ffff` and CRLF. */
const PREFIX_BYTES = 6;
/** CRLF behind a piece. */
const SUFFIX_BYTES = 2;
/** Less room than this is not worth another read before what is there is sent. */
const MIN_ROOM_BYTES = 4096;

/** Sends `head`, and `body` framed as `framing` says. Throws what `body` or the outlet throws. */
export async function sendAnswer(
  outlet: Outlet,
  exchange: HttpExchange,
  head: string,
  framing: ResponseFraming,
): Promise<void> {
  const out = LARGE.take();
  let at = writeText(head, out, 0);
  if (at < 0) {
    // A head this large is rare: it leaves on its own.
    const large = new Uint8Array(head.length);
    await outlet.send(large.subarray(0, writeText(head, large, 0)), exchange);
    at = 0;
  }
  const body = exchange.responseBody;
  if (framing === "none" || body === undefined) {
    if (at > 0) await outlet.send(out.subarray(0, at), exchange);
  } else if (body instanceof Uint8Array) {
    await sendBytes(outlet, exchange, out, at, body);
  } else {
    await sendStream(outlet, exchange, out, at, body, framing === "chunked");
  }
  // Not in a `finally`: after a failed write or read the runtime may still hold the buffer.
  LARGE.give(out);
}

async function sendBytes(
  outlet: Outlet,
  exchange: HttpExchange,
  out: Uint8Array,
  at: number,
  body: Uint8Array,
): Promise<void> {
  const first = Math.min(out.length - at, body.length);
  if (first === body.length) {
    out.set(body, at);
    await outlet.send(out.subarray(0, at + first), exchange);
  } else {
    out.set(body.subarray(0, first), at);
    await outlet.send(out, exchange);
    await outlet.send(body.subarray(first), exchange);
  }
  exchange.responseBodyBytes = body.length;
}

/**
 * Sends a streamed body. What is at hand is collected until the buffer is full; when the body must
 * wait, what was collected is sent meanwhile.
 */
async function sendStream(
  outlet: Outlet,
  exchange: HttpExchange,
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
        if (at > from) await outlet.send(out.subarray(from, at), exchange);
        from = at;
        count = await waiting;
        waiting = undefined;
      }
      if (count === null) break;
      exchange.responseBodyBytes += count;
      if (chunked) {
        from = frame(out, from, at, count);
        at += overhead + count;
      } else {
        at += count;
      }
      if (LARGE_BYTES - at - overhead < MIN_ROOM_BYTES) {
        await outlet.send(out.subarray(from, at), exchange);
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
      await outlet.send(out.subarray(from, at), exchange);
      const large = new Uint8Array(end.length);
      await outlet.send(large.subarray(0, writeText(end, large, 0)), exchange);
      return;
    }
    at = behind;
  }
  if (at > from) await outlet.send(out.subarray(from, at), exchange);
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
