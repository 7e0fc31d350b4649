/**
 * The head of an HTTP/1 answer to a client, and how its body is framed. RFC 9112 section 6.
 *
 * @module
 */
import type { Clock } from "../../net/clock.ts";
import type { HttpExchange } from "../exchange.ts";
import { isBodyless, statusLine } from "../status.ts";
import type { HeadSink } from "./message_writer.ts";

/** How the bytes behind an answer's head are framed. */
export type ResponseFraming = "none" | "length" | "chunked" | "close";

/** Which framing the answer of `exchange` gets. */
export function responseFraming(exchange: HttpExchange): ResponseFraming {
  const body = exchange.responseBody;
  if (body === undefined || exchange.method === "HEAD" || isBodyless(exchange.status)) {
    return "none";
  }
  if (body.length !== undefined) return "length";
  return exchange.version === 10 ? "close" : "chunked";
}

/**
 * Writes the head, CRLFCRLF included. Fields that belong to the connection are the codec's: the
 * gateway's own `connection`, `keep-alive`, `transfer-encoding` and `content-length` are not copied,
 * but for the length of an answer to HEAD, or of a 304, which describes a body that is not sent.
 */
export function writeResponseHead(
  sink: HeadSink,
  exchange: HttpExchange,
  framing: ResponseFraming,
  persistent: boolean,
  clock: Clock,
): void {
  const { names, values } = exchange.response;
  const { status } = exchange;
  const describesOther = exchange.method === "HEAD" || status === 304;
  sink.text(statusLine(status));
  let dated = false;
  let measured = false;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    switch (name) {
      case "connection":
      case "keep-alive":
      case "proxy-connection":
      case "transfer-encoding":
        continue;
      case "content-length":
        if (!describesOther || measured) continue;
        measured = true;
        break;
      case "date":
        dated = true;
        break;
    }
    sink.field(name, values[i]);
  }
  if (!dated) sink.text(dateLine(clock));
  if (status === 101) {
    sink.text("connection: upgrade\r\n\r\n");
    return;
  }
  if (framing === "length" || (!measured && describesOther && status !== 304)) {
    const length = exchange.responseBody?.length;
    if (length !== undefined) sink.text("content-length: " + length + "\r\n");
  } else if (framing === "chunked") {
    sink.text("transfer-encoding: chunked\r\n");
  } else if (framing === "none" && !describesOther && !isBodyless(status)) {
    sink.text("content-length: 0\r\n");
  }
  if (!persistent) sink.text("connection: close\r\n\r\n");
  else if (exchange.version === 10) sink.text("connection: keep-alive\r\n\r\n");
  else sink.text("\r\n");
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
