/**
 * The encoding of objects on disk (spec 04 section 7.3): a magic line, eight lengths, and eight strings of bytes,
 * the last of which is the body.
 *
 * @module
 */
import type { Times } from "./memory.ts";
import type { ObjectMeta } from "./meta.ts";
import { isMeta } from "./meta.ts";

const MAGIC = "FLUXHEIM-CACHE-v5\n";
const PARTS = 8;
/** Most bytes of everything but the body; objects with more are not stored on disk. */
export const MAX_HEAD_BYTES = 8192;
/** The magic line and eight lengths of at most this many digits. */
const MAX_LENGTHS_BYTES = MAGIC.length + PARTS * 17;
/** Most bytes before the body. */
export const MAX_BEGINNING_BYTES: number = MAX_LENGTHS_BYTES + MAX_HEAD_BYTES;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** An object without its body. */
export interface ObjectHead {
  /** Its name: 64 hexadecimal digits. */
  readonly key: string;
  readonly userTag: string;
  readonly meta: ObjectMeta;
  readonly times: Times;
  /** Of the body. */
  readonly sha256: string;
  readonly bodyBytes: number;
}

/** A head that was read, and where its body begins. */
export interface ReadHead extends ObjectHead {
  readonly bodyAt: number;
}

/** Everything before the body; `undefined` when it is too much. */
export function encodeHead(object: ObjectHead): Uint8Array | undefined {
  const { meta, times, sha256 } = object;
  const { status, names, values, tags, path, ...rest } = meta;
  const parts = [
    object.key,
    meta.loose,
    object.userTag,
    tags.join("\n"),
    path,
    JSON.stringify({ ...rest, ...times, sha256 }),
    JSON.stringify({ status, names, values }),
  ].map((part) => encoder.encode(part));
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (bytes > MAX_HEAD_BYTES) return undefined;
  const lengths = [...parts.map(({ length }) => length), object.bodyBytes];
  const beginning = encoder.encode(MAGIC + lengths.map((length) => `${length}\n`).join(""));
  const whole = new Uint8Array(beginning.length + bytes);
  whole.set(beginning);
  let at = beginning.length;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Reads what {@linkcode encodeHead} wrote.
 *
 * @param bytes The beginning of the file.
 * @param fileBytes Of the whole file: nothing may stand after the body.
 * @returns `undefined` for anything else.
 */
export function decodeHead(bytes: Uint8Array, fileBytes: number): ReadHead | undefined {
  const lines = lengthsIn(bytes);
  if (lines === undefined) return undefined;
  const { lengths, end } = lines;
  const parts: string[] = [];
  let at = end;
  for (const length of lengths.slice(0, PARTS - 1)) {
    if (at + length > bytes.length) return undefined;
    try {
      parts.push(decoder.decode(bytes.subarray(at, at + length)));
    } catch {
      return undefined;
    }
    at += length;
  }
  const bodyBytes = lengths[PARTS - 1];
  if (at - end > MAX_HEAD_BYTES || at + bodyBytes !== fileBytes) return undefined;
  return readParts(parts, bodyBytes, at);
}

function lengthsIn(
  bytes: Uint8Array,
): { readonly lengths: readonly number[]; readonly end: number } | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, MAX_LENGTHS_BYTES));
  if (!text.startsWith(MAGIC)) return undefined;
  const lengths: number[] = [];
  let at = MAGIC.length;
  while (lengths.length < PARTS) {
    const newline = text.indexOf("\n", at);
    const digits = text.slice(at, newline);
    if (newline < 0 || !/^[0-9]{1,15}$/.test(digits)) return undefined;
    lengths.push(Number(digits));
    at = newline + 1;
  }
  return { lengths, end: at };
}

function readParts(
  [key, loose, userTag, tags, path, metadata, head]: readonly string[],
  bodyBytes: number,
  bodyAt: number,
): ReadHead | undefined {
  let rest: Record<string, unknown>;
  let fields: Record<string, unknown>;
  try {
    rest = JSON.parse(metadata);
    fields = JSON.parse(head);
  } catch {
    return undefined;
  }
  if (typeof rest !== "object" || rest === null || typeof fields !== "object" || fields === null) {
    return undefined;
  }
  const { status, names, values } = fields;
  const { scheme, port, part, version, vary, variance, lifetimeSecs, sha256 } = rest;
  const meta: unknown = {
    status,
    names,
    values,
    loose,
    scheme,
    port,
    part,
    version,
    path,
    tags: tags === "" ? [] : tags.split("\n"),
    vary,
    variance,
    lifetimeSecs,
  };
  const times = timesIn(rest);
  if (!isMeta(meta) || times === undefined || typeof sha256 !== "string") return undefined;
  if (!/^[0-9a-f]{64}$/.test(key) || rest.loose !== loose) return undefined;
  return { key, userTag, meta, times, sha256, bodyBytes, bodyAt };
}

function timesIn(rest: Record<string, unknown>): Times | undefined {
  const { datedMs, expiresMs, whileRevalidateMs, ifErrorMs } = rest;
  const isTime = (time: unknown): time is number => typeof time === "number" && time >= 0;
  return isTime(datedMs) && isTime(expiresMs) && isTime(whileRevalidateMs) && isTime(ifErrorMs)
    ? { datedMs, expiresMs, whileRevalidateMs, ifErrorMs }
    : undefined;
}

/** Where the object `key` lies below `root`. */
export function objectPath(root: string, key: string): string {
  return `${root}/${key.slice(0, 2)}/${key}.fhc`;
}
