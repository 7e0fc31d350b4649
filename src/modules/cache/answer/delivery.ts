/**
 * The one place where an object becomes an answer: conditions and ranges of the client are applied here, to
 * whatever is served in the end (spec 04 section 6.1).
 *
 * @module
 */
import { type Body, BodyError } from "../../../http/body.ts";
import {
  isConditional,
  isDated,
  isNotModified,
  rangeStillMeans,
} from "../../../http/content/conditional.ts";
import { Fields } from "../../../http/fields.ts";
import { parseRange } from "../../../http/content/ranges.ts";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { UNSENT } from "../../../gateway/exchange/unsent.ts";
import { type CacheStatus, cacheStatus } from "./cache_status.ts";
import { type Ended, ObjectBody } from "./object_body.ts";
import type { Held } from "../store/index.ts";
import type { MemoryStore } from "../store/memory.ts";
import type { DecodedMeta } from "../store/meta.ts";
import { DATED, LENGTH } from "../store/slot_words.ts";

export type { CacheStatus } from "./cache_status.ts";

/** Names of the headers that show the status and its reason. */
export interface StatusHeaders {
  readonly status: string | undefined;
  readonly reason: string | undefined;
  /** `Cache-Status` as well. */
  readonly standard: boolean;
}

/** Writes how the cache took part into the fields of an answer. */
export function showStatus(
  fields: Fields,
  headers: StatusHeaders,
  status: CacheStatus,
  reason: string,
): void {
  if (headers.standard) fields.append("cache-status", cacheStatus(status, reason));
  if (headers.status !== undefined) fields.set(headers.status, status);
  if (headers.reason === undefined) return;
  if (reason === "") fields.delete(headers.reason);
  else fields.set(headers.reason, reason);
}

/** An answer in the making. */
export interface Delivered {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Uint8Array | Body | undefined;
}

const NOTHING = new Uint8Array(0);

/**
 * The answer to `exchange` with the object in `held`, which is released when the answer's body has ended.
 *
 * @param exchange `undefined` for work of the gateway's own, which wants the whole.
 */
export function deliver(
  store: MemoryStore,
  held: Held,
  object: DecodedMeta,
  exchange: Exchange | undefined,
  ended?: Ended,
): Delivered {
  const { names, values, status } = object.meta;
  const fields = new Fields(names.slice(), values.slice());
  const { index } = store;
  const age = Math.floor((Date.now() - index.float(held.slot, DATED)) / 1000);
  fields.append("age", String(Math.max(0, age)));
  const known = index.float(held.slot, LENGTH);
  const length = known < 0 ? undefined : known;
  if (exchange !== undefined && status === 200 && isConditional(exchange.request)) {
    const part = partOf(exchange, object, length);
    if (part === "not-modified") {
      const unsent = { mediaType: object.mediaType, length: length ?? 0 };
      release(store, held, ended);
      return notModified(exchange, fields, unsent);
    }
    if (part === "unsatisfiable") {
      release(store, held, ended);
      fields.delete("content-type");
      fields.append("content-range", `bytes */${length}`);
      return { status: 416, fields, body: NOTHING };
    }
    if (part !== undefined) {
      fields.append("content-range", `bytes ${part.first}-${part.last}/${length}`);
      const body = new ObjectBody(store, held, part.first, part.last + 1, ended);
      return { status: 206, fields, body };
    }
  }
  return { status, fields, body: new ObjectBody(store, held, 0, length, ended) };
}

function release(store: MemoryStore, held: Held, ended: Ended | undefined): void {
  ended?.(true);
  store.index.release(held);
}

function notModified(
  exchange: Exchange,
  fields: Fields,
  unsent: { readonly mediaType: string; readonly length: number },
): Delivered {
  for (const name of ["content-length", "content-range", "accept-ranges"]) fields.delete(name);
  UNSENT.set(exchange, unsent);
  return { status: 304, fields, body: undefined };
}

/** What of a whole the client wants. */
export type Part =
  | "not-modified"
  | "unsatisfiable"
  | { readonly first: number; readonly last: number }
  | undefined;

/**
 * What conditions and range of the client come to, for a 200 with these validators: `undefined` for the whole.
 */
export function partOf(
  exchange: Exchange,
  validators: Pick<DecodedMeta, "etag" | "modifiedMs" | "mediaType">,
  length: number | undefined,
): Part {
  const { request } = exchange;
  if (isNotModified(request, validators)) return "not-modified";
  if (length === undefined || exchange.method !== "GET") return undefined;
  const range = request.joined("range");
  if (range === undefined || !rangeStillMeans(request, validators)) return undefined;
  // By a date alone, the client may have bytes of another coding of the same version.
  const recodes = (exchange.namePolicy ?? exchange.plan)?.recodes;
  if (isDated(request) && recodes?.(exchange, validators.mediaType, length) === true) {
    return undefined;
  }
  const asked = parseRange(range, length);
  if (typeof asked === "object") return asked;
  return asked === "unsatisfiable" ? asked : undefined;
}

/** A part of a body that comes from its beginning. */
export class PartOfBody implements Body {
  readonly length: number;
  readonly trailers: undefined = undefined;
  #skip: number;
  #left: number;

  constructor(readonly inner: Body, first: number, last: number) {
    this.#skip = first;
    this.#left = this.length = last - first + 1;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#left > 0) {
      const count = await this.inner.read(into);
      if (count === null) throw new BodyError(502, "the answer is shorter than its length");
      if (count <= this.#skip) {
        this.#skip -= count;
        continue;
      }
      const kept = Math.min(count - this.#skip, this.#left);
      if (this.#skip > 0) into.copyWithin(0, this.#skip, this.#skip + kept);
      this.#skip = 0;
      this.#left -= kept;
      if (this.#left === 0) this.inner.cancel();
      return kept;
    }
    return null;
  }

  cancel(): void {
    this.inner.cancel();
  }
}
