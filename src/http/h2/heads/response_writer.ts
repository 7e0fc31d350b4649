/**
 * Writes the head of an answer to a client. RFC 9113 section 8.3.2.
 *
 * @module
 */
import type { HttpExchange } from "../../exchange.ts";
import type { Clock } from "../../../net/clock.ts";
import { formatHttpDate } from "../../content/dates.ts";
import type { ReadonlyFields } from "../../fields.ts";
import { isBodyless } from "../../status.ts";
import { type HeadWriter, isConnectionField, SPARE_HEAD_BYTES } from "./head_writer.ts";
import { Encoder } from "../hpack/mod.ts";

/** Whether the answer of `exchange` has a body to send: one of no octets ends with the head. */
export function hasBody({ responseBody, method, status }: HttpExchange): boolean {
  if (responseBody === undefined || method === "HEAD" || isBodyless(status)) return false;
  return !(responseBody instanceof Uint8Array && responseBody.length === 0);
}

/**
 * Writes the answer's head. As with HTTP/1 the codec frames the body: `content-length` is the body's own,
 * but in an answer to HEAD and in a 304, where it speaks of a body that is not sent.
 */
export function writeResponseHead(
  heads: HeadWriter,
  streamId: number,
  exchange: HttpExchange,
  clock: Clock,
  endStream: boolean,
): void {
  const { status, response } = exchange;
  const { names, values } = response;
  const describesOther = exchange.method === "HEAD" || status === 304;
  let isMeasured = false;
  let isDated = false;
  heads.begin(Encoder.bound(names, values) + SPARE_HEAD_BYTES);
  heads.field(":status", statusText(status));
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name === "content-length") {
      if (!describesOther || isMeasured) continue;
      isMeasured = true;
    } else if (name === "date") {
      isDated = true;
    } else if (isConnectionField(name)) {
      continue;
    }
    heads.field(name, values[i]);
  }
  if (!isDated) heads.field("date", currentDate(clock));
  const length = isMeasured ? undefined : bodyLength(exchange, describesOther);
  if (length !== undefined) heads.field("content-length", String(length));
  heads.end(streamId, endStream);
}

/** Writes an interim answer: `100 Continue`, or one of an upstream's. */
export function writeInterim(
  heads: HeadWriter,
  streamId: number,
  status: number,
  { names, values }: ReadonlyFields,
): void {
  heads.begin(Encoder.bound(names, values) + SPARE_HEAD_BYTES);
  heads.field(":status", statusText(status));
  for (let i = 0; i < names.length; i++) heads.field(names[i], values[i]);
  heads.end(streamId, false);
}

/** What `content-length` says, if anything. */
function bodyLength(exchange: HttpExchange, describesOther: boolean): number | undefined {
  const { status, responseBody } = exchange;
  if (responseBody !== undefined) return isBodyless(status) ? undefined : responseBody.length;
  return describesOther || isBodyless(status) ? undefined : 0;
}

const STATUS_TEXTS: readonly string[] = Array.from({ length: 600 }, (_, status) => `${status}`);

function statusText(status: number): string {
  return STATUS_TEXTS[status] ?? String(status);
}

let datedAt = -1;
let date = "";

/** The `date` field, made anew once a tick. */
function currentDate(clock: Clock): string {
  if (clock.now !== datedAt) {
    datedAt = clock.now;
    date = formatHttpDate(Date.now());
  }
  return date;
}
