/**
 * What is stored of an object beside its body: the answer's head, what it was asked for, and what it is purged by.
 *
 * @module
 */
import { FIELD_VALUE, isAll, isToken } from "../../../http/chars.ts";
import { parseHttpDate } from "../../../http/content/dates.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";

/** Most bytes of it: it lies in one block. */
export const MAX_META_BYTES: number = 60 * 1024;

/** An object without its body. */
export interface ObjectMeta {
  readonly status: number;
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** Primary key without scheme and port, and these. */
  readonly loose: string;
  readonly scheme: string;
  readonly port: string;
  /** Which part of what the key is for it is, as a component of keys; `""` for all of it. */
  readonly part: string;
  /** What slices of one version of a whole have in common; `""` for anything else. */
  readonly version: string;
  /** Its path, by which it is purged. */
  readonly path: string;
  readonly tags: readonly string[];
  /** Names of request fields that it was chosen by, sorted, and the hash of what the request had in them. */
  readonly vary: readonly string[];
  readonly variance: string;
  /** Seconds of freshness that it got. */
  readonly lifetimeSecs: number;
}

/** The same as it is used, with what is worked out once. */
export class DecodedMeta {
  readonly etag: string | undefined;
  readonly modifiedMs: number | undefined;
  readonly mediaType: string;

  constructor(readonly meta: ObjectMeta) {
    const { names, values } = meta;
    const get = (name: string) => {
      const at = names.indexOf(name);
      return at < 0 ? undefined : values[at];
    };
    this.etag = get("etag");
    this.modifiedMs = parseHttpDate(get("last-modified") ?? "");
    this.mediaType = get("content-type") ?? "";
  }
}

/** Fields that a stored head does not have: framing, what is computed for each answer, and what is a client's. */
const NOT_STORED: ReadonlySet<string> = new Set([
  "age",
  "connection",
  "content-length",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The field lines of an answer that are stored. */
export function storedFields(
  fields: ReadonlyFields,
  without: readonly (string | undefined)[],
): { names: string[]; values: string[] } {
  const names: string[] = [];
  const values: string[] = [];
  for (let i = 0; i < fields.names.length; i++) {
    const name = fields.names[i];
    if (NOT_STORED.has(name) || without.includes(name)) continue;
    names.push(name);
    values.push(fields.values[i]);
  }
  if (!fields.has("date")) {
    names.push("date");
    values.push(new Date().toUTCString());
  }
  return { names, values };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** As bytes; `undefined` when they are too many. */
export function encodeMeta(meta: ObjectMeta): Uint8Array | undefined {
  const bytes = encoder.encode(JSON.stringify(meta));
  return bytes.length > MAX_META_BYTES ? undefined : bytes;
}

/** Reads it back; `undefined` when it is not such a thing. */
export function decodeMeta(bytes: Uint8Array): ObjectMeta | undefined {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
  return isMeta(value) ? value : undefined;
}

/** Whether a value that was read can be used. */
export function isMeta(value: unknown): value is ObjectMeta {
  if (typeof value !== "object" || value === null) return false;
  const meta = value as Partial<Record<keyof ObjectMeta, unknown>>;
  if (typeof meta.status !== "number" || meta.status < 200 || meta.status > 599) return false;
  if (!isTexts(meta.names) || !isTexts(meta.values) || !isTexts(meta.tags) || !isTexts(meta.vary)) {
    return false;
  }
  for (
    const text of [
      meta.loose,
      meta.scheme,
      meta.port,
      meta.path,
      meta.variance,
      meta.part,
      meta.version,
    ]
  ) {
    if (typeof text !== "string") return false;
  }
  if (typeof meta.lifetimeSecs !== "number") return false;
  return meta.names.length === meta.values.length && meta.names.every(isToken) &&
    meta.values.every((text) => text === "" || isAll(text, FIELD_VALUE));
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** A hash of names of variance; 0 for none. */
export function varyHash(vary: readonly string[]): number {
  if (vary.length === 0) return 0;
  let hash = 0x811c9dc5;
  for (const name of vary) {
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 44, 0x01000193);
  }
  return hash | 1;
}
