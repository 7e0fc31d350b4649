/**
 * Answers the gateway makes itself instead of content. Every refusal goes through {@linkcode refuse},
 * so its status, its fields and its log line cannot drift apart (spec 02 section 3.4).
 *
 * @module
 */
import { Fields } from "../../http/fields.ts";
import type { Exchange, Refusal } from "./exchange.ts";

export type { Refusal } from "./exchange.ts";

const encoder = new TextEncoder();

/** Makes `refusal` the answer of `exchange`. Response header policy is not applied to it. */
export function refuse(exchange: Exchange, refusal: Refusal): void {
  const fields = new Fields();
  if (refusal.text !== "") {
    fields.append("content-type", "text/plain; charset=utf-8");
    fields.append("cache-control", "no-store");
    exchange.responseBody = encoder.encode(refusal.text);
  } else {
    fields.append("cache-control", "private, no-store");
    fields.append("content-length", "0");
    exchange.responseBody = undefined;
  }
  if (refusal.fields !== undefined) {
    for (const [name, value] of refusal.fields) fields.append(name, value);
  }
  exchange.status = refusal.status;
  exchange.response = fields;
  exchange.refusal = refusal;
  exchange.hasErrorPage = false;
  if (refusal.close === true) exchange.closeAfter = true;
}
