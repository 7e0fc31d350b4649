/** Small parts of answers that the cache makes. @module */
import { type Body, BytesBody } from "../../../http/body.ts";
import { ClientResponse } from "../../../http/client.ts";
import { isConditional } from "../../../http/content/conditional.ts";
import { formatHttpDate, parseHttpDate } from "../../../http/content/dates.ts";
import { Fields, type ReadonlyFields } from "../../../http/fields.ts";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { type Delivered, partOf, PartOfBody } from "./delivery.ts";
import type { Admitted } from "../policy/admission.ts";
import type { Times } from "../store/memory.ts";
import type { DecodedMeta, ObjectMeta } from "../store/meta.ts";

const encoder = new TextEncoder();

/** Fields of a plain text that must not be stored. */
export function textFields(text: string): Fields {
  return Fields.of(
    ["content-type", "text/plain; charset=utf-8"],
    ["cache-control", "no-store"],
    ["content-length", String(text.length)],
  );
}

/** A text as a body. */
export function bytesOf(text: string): Body {
  return new BytesBody(encoder.encode(text));
}

/** An answer as origins give it. */
export function respond({ status, fields, body }: Delivered): ClientResponse {
  const given = body instanceof Uint8Array ? new BytesBody(body) : body;
  return new ClientResponse(status, fields, given, undefined);
}

/** The times of an object that has just arrived. */
export function timesOf(admitted: Admitted): Times {
  const datedMs = Date.now() - admitted.ageSecs * 1000;
  const expiresMs = datedMs + admitted.lifetimeSecs * 1000;
  return {
    datedMs,
    expiresMs,
    whileRevalidateMs: expiresMs + admitted.staleWhileRevalidateSecs * 1000,
    ifErrorMs: expiresMs + admitted.staleIfErrorSecs * 1000,
  };
}

/** `Last-Modified` of an object. */
export function lastModifiedOf({ meta: { names, values } }: DecodedMeta): string | undefined {
  const at = names.indexOf("last-modified");
  return at < 0 ? undefined : values[at];
}

/** Fields of a 304 that say nothing about what is stored (spec 04 section 6.2). */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "keep-alive",
  "transfer-encoding",
]);

/** The stored head with the fields of a 304. */
export function mergedFields(stored: ObjectMeta, confirmed: ReadonlyFields): Fields {
  const { names, values } = confirmed;
  const replaced = new Set(names.filter((name) => !NOT_TAKEN.has(name)));
  const merged = new Fields();
  for (let i = 0; i < stored.names.length; i++) {
    if (!replaced.has(stored.names[i])) merged.append(stored.names[i], stored.values[i]);
  }
  for (let i = 0; i < names.length; i++) {
    if (replaced.has(names[i])) merged.append(names[i], values[i]);
  }
  const now = Date.now();
  // Its age begins with the confirmation, whatever the first answer's date was.
  if (!confirmed.has("date")) merged.set("date", formatHttpDate(now));
  const saysNothing = !confirmed.has("cache-control") && !confirmed.has("expires");
  if (saysNothing && merged.has("expires")) {
    merged.set("expires", formatHttpDate(now + stored.lifetimeSecs * 1000));
  }
  return merged;
}

/** A whole 200 as the client has asked for it: conditions and a range apply though it is not stored. */
export function partly(exchange: Exchange, response: ClientResponse): ClientResponse {
  const { status, fields, body } = response;
  if (status !== 200 || !isConditional(exchange.request)) return response;
  const validators = {
    etag: fields.get("etag"),
    modifiedMs: parseHttpDate(fields.get("last-modified") ?? ""),
    mediaType: fields.get("content-type") ?? "",
  };
  const length = body?.length;
  const part = partOf(exchange, validators, length);
  if (part === undefined) return response;
  if (part === "not-modified") {
    body?.cancel();
    for (const name of ["content-length", "content-range", "accept-ranges"]) fields.delete(name);
    return new ClientResponse(304, fields, undefined, undefined);
  }
  fields.delete("content-length");
  if (part === "unsatisfiable") {
    body?.cancel();
    fields.delete("content-type");
    fields.append("content-range", `bytes */${length}`);
    return new ClientResponse(416, fields, bytesOf(""), undefined);
  }
  fields.append("content-range", `bytes ${part.first}-${part.last}/${length}`);
  const rest = body && new PartOfBody(body, part.first, part.last);
  return new ClientResponse(206, fields, rest, undefined);
}
