/**
 * What a request is known by: the text that a selection hashes or a session is kept under (spec 03 sections 6.6
 * and 9.1). One byte a character, as field values and targets are.
 *
 * @module
 */
import type { ClientRequest } from "../../../http/client.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";
import type { Call } from "../../../gateway/origin.ts";
import type { HashSource } from "../selection/selection.ts";
import { MAX_KEY_BYTES } from "../memory/session_memory.ts";

/** Gives the text of one request; `""` where it has none. */
export type KeyOf = (request: ClientRequest, call: Call) => string;

/** What a key is made of, beside its source. */
export interface KeyNames {
  readonly header?: string | undefined;
  readonly cookie?: string | undefined;
  /** The values of a header are joined by commas. */
  readonly isPlain?: boolean;
}

/** How the keys of `source` are made. */
export function keyOf(
  source: HashSource | undefined,
  { header = "", cookie = "", isPlain = false }: KeyNames,
): KeyOf {
  switch (source) {
    case undefined:
      return () => "";
    case "source":
      return (_request, { exchange }) => exchange?.clientAddress ?? "";
    case "uri":
      return (request, { exchange }) => exchange?.target ?? request.target;
    case "header":
      if (isPlain) return (request, call) => joinedKey(fieldsOf(request, call), header);
      return (request, call) => headerKey(fieldsOf(request, call), header);
    case "cookie":
      return (request, call) => cookieKey(fieldsOf(request, call), cookie);
  }
}

/** As the client sent them: the header policy may have taken some away. */
export function fieldsOf(request: ClientRequest, { exchange }: Call): ReadonlyFields {
  return exchange?.request ?? request.fields;
}

/** All values of a header, each after its length, so that no two lists look the same. */
function headerKey(fields: ReadonlyFields, name: string): string {
  let key = "";
  let bytes = 0;
  for (let i = 0; i < fields.size; i++) {
    if (fields.names[i] !== name) continue;
    const value = fields.values[i];
    bytes += value.length;
    if (bytes > MAX_KEY_BYTES) return "";
    key += String.fromCharCode(value.length & 0xff, value.length >>> 8, 0, 0, 0, 0, 0, 0) + value;
  }
  return key.length > MAX_KEY_BYTES ? "" : key;
}

function joinedKey(fields: ReadonlyFields, name: string): string {
  const key = fields.joined(name) ?? "";
  return key.length > MAX_KEY_BYTES ? "" : key;
}

/** The value of the first cookie called `name`; names are case-sensitive. */
export function cookieKey(fields: ReadonlyFields, name: string): string {
  for (let i = 0; i < fields.size; i++) {
    if (fields.names[i] !== "cookie") continue;
    const line = fields.values[i];
    for (let start = 0; start < line.length;) {
      let end = line.indexOf(";", start);
      if (end < 0) end = line.length;
      const equals = line.indexOf("=", start);
      if (equals > 0 && equals < end && line.slice(start, equals).trim() === name) {
        const value = line.slice(equals + 1, end).trim();
        return value.length > MAX_KEY_BYTES ? "" : value;
      }
      start = end + 1;
    }
  }
  return "";
}
