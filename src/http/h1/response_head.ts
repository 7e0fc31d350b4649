/**
 * The head of an HTTP/1 answer to a client, and how its body is framed. RFC 9112 section 6.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Clock } from "../../net/clock.ts";
import type { HttpExchange } from "../exchange.ts";
import type { ReadonlyFields } from "../fields.ts";
import { isBodyless, statusLine } from "../status.ts";
import { LastHead, type ResponseFraming } from "./last_head.ts";
import type { MessageWriter } from "./message_writer.ts";

/** Which framing the answer of `exchange` gets. */
export function responseFraming(exchange: HttpExchange): ResponseFraming {
  const body = exchange.responseBody;
  if (body === undefined || exchange.method === "HEAD" || isBodyless(exchange.status)) {
    return "none";
  }
  if (body.length !== undefined) return "length";
  return exchange.version === 10 ? "close" : "chunked";
}

/** An interim answer, whole. */
export function interimHead(status: number, { names, values }: ReadonlyFields): Uint8Array {
  let text = statusLine(status);
  for (let i = 0; i < names.length; i++) text += `${names[i]}: ${values[i]}\r\n`;
  return Buffer.from(text + "\r\n", "latin1");
}

/** Heads are alike whichever connection they leave by. */
const LAST = new LastHead();

/**
 * Writes the head, at the beginning of a message, CRLFCRLF included. Fields that belong to the connection
 * are the codec's: the gateway's own `connection`, `keep-alive`, `transfer-encoding` and `content-length`
 * are not copied, but for the length of an answer to HEAD, or of a 304, which describes a body that is not
 * sent.
 */
export function writeResponseHead(
  writer: MessageWriter,
  exchange: HttpExchange,
  framing: ResponseFraming,
  persistent: boolean,
  clock: Clock,
): void {
  const date = dateLine(clock);
  const isRepeated = LAST.isSame(exchange, framing, persistent, date);
  if (isRepeated && LAST.bytes !== undefined) {
    writer.bytes(LAST.bytes);
    return;
  }
  const isMeasured = writeFields(writer, exchange, date);
  writeFraming(writer, exchange, framing, persistent, isMeasured);
  if (isRepeated) LAST.keep(exchange, writer.unsent);
}

/** Whether the answer's length is that of a body which is not sent. */
function describesOther({ method, status }: HttpExchange): boolean {
  return method === "HEAD" || status === 304;
}

/** Writes the status line and the fields; returns whether `content-length` is among them. */
function writeFields(writer: MessageWriter, exchange: HttpExchange, date: string): boolean {
  const { names, values } = exchange.response;
  let dated = false;
  let measured = false;
  writer.text(statusLine(exchange.status));
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    switch (name) {
      case "connection":
      case "keep-alive":
      case "proxy-connection":
      case "transfer-encoding":
        continue;
      case "content-length":
        if (measured || !describesOther(exchange)) continue;
        measured = true;
        break;
      case "upgrade":
        if (exchange.version === 10) continue;
        break;
      case "date":
        dated = true;
        break;
    }
    writer.field(name, values[i]);
  }
  if (!dated) writer.text(date);
  return measured;
}

/** Writes how the body is framed, and what becomes of the connection. */
function writeFraming(
  writer: MessageWriter,
  exchange: HttpExchange,
  framing: ResponseFraming,
  persistent: boolean,
  isMeasured: boolean,
): void {
  const { status } = exchange;
  if (status === 101) {
    writer.text("connection: upgrade\r\n\r\n");
    return;
  }
  const isOther = describesOther(exchange);
  if (framing === "length" || (!isMeasured && isOther && status !== 304)) {
    const length = exchange.responseBody?.length;
    if (length !== undefined) writer.text("content-length: " + length + "\r\n");
  } else if (framing === "chunked") {
    writer.text("transfer-encoding: chunked\r\n");
  } else if (framing === "none" && !isOther && !isBodyless(status)) {
    writer.text("content-length: 0\r\n");
  }
  // A sender of `Upgrade` lists it (RFC 9110 section 7.8).
  if (status === 426 && exchange.version === 11 && exchange.response.has("upgrade")) {
    writer.text(persistent ? "connection: upgrade\r\n\r\n" : "connection: close, upgrade\r\n\r\n");
  } else if (!persistent) writer.text("connection: close\r\n\r\n");
  else if (exchange.version === 10) writer.text("connection: keep-alive\r\n\r\n");
  else writer.text("\r\n");
}

let datedAt = -1;
let line = "";

/** The `date` line, made anew once a tick. */
function dateLine(clock: Clock): string {
  if (clock.now !== datedAt) {
    datedAt = clock.now;
    line = "date: " + new Date().toUTCString() + "\r\n";
  }
  return line;
}
