/**
 * Answers to ranges of large objects, put together of slices of one version (spec 04 section 10.3).
 *
 * @module
 */
import { BodyError, BytesBody } from "../../../http/body.ts";
import { ClientResponse } from "../../../http/client.ts";
import { isNotModified, rangeStillMeans } from "../../../http/content/conditional.ts";
import { Fields } from "../../../http/fields.ts";
import type { ByteRange } from "../../../http/content/ranges.ts";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { bytesOf } from "../answer/answers.ts";
import { PHASE_OF } from "../cache.ts";
import { type CacheStatus, showStatus } from "../answer/delivery.ts";
import type { Asked } from "../lookup/task.ts";
import { ObjectBody } from "../answer/object_body.ts";
import { DATED } from "../store/slot_words.ts";
import { askedRanges, resolved } from "./range_field.ts";
import { JoinedBody, type OpenPart } from "./sliced_body.ts";
import { type Slice, type SliceFetch, type Version, versionOf } from "./slice_fetch.ts";

/** Bytes that one part of several is taken to have beside its content, and their end. */
const MULTIPART_PART_BYTES = 256;
const MULTIPART_END_BYTES = 128;

/** What of a version is asked for. */
interface Wanted {
  readonly ranges: readonly ByteRange[];
  readonly slices: readonly number[];
}

/** Answers with slices. */
export class Slices {
  constructor(readonly fetching: SliceFetch) {}

  /** @returns Nothing where the request is to be answered in the ordinary way. */
  async answer(asked: Asked): Promise<ClientResponse | "over-budget" | undefined> {
    const { fetching } = this;
    const { uses } = fetching.cache.parts;
    const { exchange } = asked;
    const ranges = exchange && askedRanges(exchange.request);
    if (exchange === undefined || ranges === undefined) return undefined;
    const first = { index: 0, version: undefined };
    const lookup = fetching.lookupOf(asked.lookup, first);
    if (uses.passes(lookup.key, 1, true)) return undefined;
    const reference = await this.#reference(asked);
    if (typeof reference === "string") {
      return reference === "over-budget" ? reference : undefined;
    }
    const { index } = fetching.cache.parts.store;
    try {
      const version = versionOf(reference.object);
      if (version === undefined || !rangeStillMeans(exchange.request, reference.object)) {
        return undefined;
      }
      if (isNotModified(exchange.request, reference.object)) {
        return this.#without(asked, reference, 304, undefined);
      }
      const found = resolved(ranges, version.total);
      if (found.length === 0) {
        return this.#without(asked, reference, 416, `bytes */${version.total}`);
      }
      const wanted = { ranges: found, slices: this.#touched(found) };
      if (!this.#isAllowed(wanted)) return undefined;
      return await this.#compose(asked, reference, version, wanted);
    } finally {
      index.release(reference.held);
    }
  }

  async #reference(asked: Asked): Promise<Slice | "unavailable" | "over-budget"> {
    const { fetching } = this;
    const first = { index: 0, version: undefined };
    const lookup = fetching.lookupOf(asked.lookup, first);
    const { fill_missing } = fetching.cache.parts.policy.config.range.slice;
    if (fill_missing) return await fetching.open(asked, first);
    const stored = fetching.stored(asked, lookup);
    if (stored !== undefined) return stored;
    return await fetching.isOnDisk(lookup) ? await fetching.open(asked, first) : "unavailable";
  }

  #touched(ranges: readonly ByteRange[]): number[] {
    const { sliceBytes, cache } = this.fetching;
    const most = cache.parts.policy.config.range.slice.max_slices;
    const touched = new Set<number>();
    for (const { first, last } of ranges) {
      const end = Math.floor(last / sliceBytes);
      for (let index = Math.floor(first / sliceBytes); index <= end; index++) {
        touched.add(index);
        if (touched.size > most) return [...touched];
      }
    }
    return [...touched];
  }

  #isAllowed({ ranges, slices }: Wanted): boolean {
    const { range } = this.fetching.cache.parts.policy.config;
    if (slices.length > range.slice.max_slices) return false;
    let bytes = ranges.length > 1 ? MULTIPART_END_BYTES : 0;
    for (const { first, last } of ranges) {
      bytes += last - first + 1 + (ranges.length > 1 ? MULTIPART_PART_BYTES : 0);
    }
    return bytes <= range.max_bytes;
  }

  async #compose(
    asked: Asked,
    reference: Slice,
    version: Version,
    { ranges, slices }: Wanted,
  ): Promise<ClientResponse | "over-budget" | undefined> {
    const { fetching } = this;
    const { store, policy } = fetching.cache.parts;
    const fills = policy.config.range.slice.fill_missing;
    const held = new Map<number, Slice>();
    const release = () => {
      for (const slice of held.values()) store.index.release(slice.held);
      held.clear();
    };
    let isAllStored = reference.wasStored;
    let dated = store.index.float(reference.held.slot, DATED);
    try {
      for (const index of slices) {
        if (index === 0) continue;
        const slice = { index, version };
        const lookup = fetching.lookupOf(asked.lookup, slice);
        const stored = fetching.stored(asked, lookup);
        if (stored !== undefined) {
          dated = Math.min(dated, store.index.float(stored.held.slot, DATED));
          // What may not be fetched has to stay.
          if (fills) store.index.release(stored.held);
          else held.set(index, stored);
        } else if (!await fetching.isOnDisk(lookup)) {
          isAllStored = false;
          if (!fills) return release(), undefined;
        }
      }
      // Before the head is sent: what cannot be had is proxied.
      const first = Math.floor(ranges[0].first / fetching.sliceBytes);
      if (!held.has(first)) {
        const opened = await fetching.open(asked, sliceOf(first, version));
        if (typeof opened === "string") {
          release();
          this.#drop(reference, first);
          return opened === "over-budget" ? opened : undefined;
        }
        held.set(first, opened);
      }
    } catch (error) {
      release();
      throw error;
    }
    const head = new Fields([...reference.object.meta.names], [...reference.object.meta.values]);
    for (const name of ["content-range", "content-length"]) head.delete(name);
    head.append("age", String(Math.max(0, Math.floor((Date.now() - dated) / 1000))));
    const open = (index: number, from: number, to: number): OpenPart => async () => {
      const kept = held.get(index);
      held.delete(index);
      const slice = kept ?? await fetching.open(asked, sliceOf(index, version));
      if (typeof slice === "string") {
        this.#drop(reference, index);
        throw new BodyError(502, "a slice of the answer could not be fetched");
      }
      const start = index * fetching.sliceBytes;
      return new ObjectBody(store, slice.held, from - start, to - start + 1);
    };
    const parts: OpenPart[] = [];
    const length = ranges.length === 1
      ? this.#single(head, ranges[0], version.total, parts, open)
      : this.#multiple(head, ranges, version.total, parts, open);
    const reason = isAllStored ? "slice" : "slice-fill";
    this.#show(asked.exchange, head, isAllStored ? "HIT" : "MISS", reason);
    return new ClientResponse(206, head, new JoinedBody(length, parts, release), undefined);
  }

  #single(
    head: Fields,
    range: ByteRange,
    total: number,
    parts: OpenPart[],
    open: (index: number, from: number, to: number) => OpenPart,
  ): number {
    head.append("content-range", `bytes ${range.first}-${range.last}/${total}`);
    return this.#addRange(range, parts, open);
  }

  #multiple(
    head: Fields,
    ranges: readonly ByteRange[],
    total: number,
    parts: OpenPart[],
    open: (index: number, from: number, to: number) => OpenPart,
  ): number {
    const boundary = `fluxheim-${crypto.getRandomValues(new Uint8Array(16)).toHex()}`;
    const type = (head.get("content-type") ?? "").replaceAll(/[\r\n]/g, "");
    head.set("content-type", `multipart/byteranges; boundary=${boundary}`);
    let length = 0;
    const text = (bytes: Uint8Array) => {
      length += bytes.length;
      parts.push(() => new BytesBody(bytes));
    };
    for (const range of ranges) {
      text(encoder.encode(
        `\r\n--${boundary}\r\nContent-Type: ${type}\r\n` +
          `Content-Range: bytes ${range.first}-${range.last}/${total}\r\n\r\n`,
      ));
      length += this.#addRange(range, parts, open);
    }
    text(encoder.encode(`\r\n--${boundary}--\r\n`));
    return length;
  }

  #addRange(
    { first, last }: ByteRange,
    parts: OpenPart[],
    open: (index: number, from: number, to: number) => OpenPart,
  ): number {
    const { sliceBytes } = this.fetching;
    for (let at = first; at <= last;) {
      const index = Math.floor(at / sliceBytes);
      const end = Math.min(last, (index + 1) * sliceBytes - 1);
      parts.push(open(index, at, end));
      at = end + 1;
    }
    return last - first + 1;
  }

  /** A slice does not fit the first one: that one may be of an older version. */
  #drop({ held, object }: Slice, index: number): void {
    if (index === 0) return;
    const { store, disk } = this.fetching.cache.parts;
    store.index.remove(held.slot, held.generation);
    disk?.drop(object.meta);
  }

  #without(
    { exchange }: Asked,
    { object, wasStored }: Slice,
    status: number,
    range: string | undefined,
  ): ClientResponse {
    const head = new Fields([...object.meta.names], [...object.meta.values]);
    for (const name of ["content-range", "content-length", "accept-ranges"]) head.delete(name);
    if (range !== undefined) {
      head.delete("content-type");
      head.append("content-range", range);
    }
    if (wasStored) this.#show(exchange, head, "HIT", "slice");
    else this.#show(exchange, head, "MISS", "slice-fill");
    return new ClientResponse(
      status,
      head,
      range === undefined ? undefined : bytesOf(""),
      undefined,
    );
  }

  #show(
    exchange: Exchange | undefined,
    head: Fields,
    status: CacheStatus,
    reason: string,
  ): void {
    showStatus(head, this.fetching.cache.parts.headers, status, reason);
    if (exchange !== undefined) exchange.findings.cachePhase = PHASE_OF[status];
    const { store, events } = this.fetching.cache.parts;
    store.index.count(status === "HIT" ? "hits" : "misses");
    (status === "HIT" ? events.hit : events.miss).count();
  }
}

function sliceOf(index: number, version: Version) {
  return { index, version: index === 0 ? undefined : version };
}

const encoder = new TextEncoder();
