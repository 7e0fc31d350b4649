/** Answers of the gateway's own in place of a script's. @module */
import { BytesBody } from "../../../http/body.ts";
import { ClientResponse } from "../../../http/client.ts";
import { Fields } from "../../../http/fields.ts";

const encoder = new TextEncoder();

/** A text that no cache keeps. */
export function textAnswer(
  status: number,
  text: string,
  more: readonly (readonly [name: string, value: string])[] = [],
): ClientResponse {
  const fields = Fields.of(
    ["content-type", "text/plain; charset=utf-8"],
    ["cache-control", "no-store"],
    ...more,
  );
  return new ClientResponse(status, fields, new BytesBody(encoder.encode(text)), undefined);
}

/** An answer without a body, which no cache keeps. */
export function emptyAnswer(status: number): ClientResponse {
  const fields = Fields.of(["cache-control", "private, no-store"], ["content-length", "0"]);
  return new ClientResponse(status, fields, undefined, undefined);
}
