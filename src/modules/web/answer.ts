/**
 * The answer to a request for a file that is there: whole, in part, unchanged, or not under these
 * conditions (spec 02 sections 7.2 to 7.4).
 *
 * @module
 */
import type { Body } from "../../http/body.ts";
import {
  isConditional,
  isDated,
  isNotModified,
  preconditionHolds,
  rangeStillMeans,
  wantsFresh,
} from "../../http/content/conditional.ts";
import { type ByteRange, parseRange, parseRanges } from "../../http/content/ranges.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { SOUGHT_FILE } from "../../gateway/exchange/served_file.ts";
import { UNSENT } from "../../gateway/exchange/unsent.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { FileBody } from "./files/file_body.ts";
import type { OpenFile } from "./files/open_file.ts";
import { newBoundary, RangesBody, type RangeSource } from "./files/ranges_body.ts";
import type { Representation } from "./files/representation.ts";

const TOO_LARGE: Refusal = {
  status: 413,
  text: "static response too large",
  cause: "static_too_large",
};

/** Says `content-length: 0`, to HEAD too. */
const NOTHING = new Uint8Array(0);

/** Where the bytes of a file come from. Exactly one of the methods is called, once. */
export interface Content {
  readonly representation: Representation;
  /** `length` bytes from `first`. */
  part(first: number, length: number): Uint8Array | FileBody;
  /** The bytes, to read several parts of. */
  source(): RangeSource;
  /** The bytes are not wanted. */
  discard(): void;
}

/** An open file, read while it is sent. */
export class DiskContent implements Content {
  /** @param grown Called when the file became longer while it was sent. */
  constructor(
    readonly representation: Representation,
    private readonly file: OpenFile,
    private readonly grown: () => void,
  ) {}

  part(first: number, length: number): FileBody {
    return new FileBody(this.file, first, length, this.grown);
  }

  source(): RangeSource {
    return this.file;
  }

  discard(): void {
    this.file.close();
  }
}

/**
 * Answers a GET or HEAD with `content`.
 *
 * @param hasSiblings Whether there are further encodings of the file, which may have the same date.
 */
export function answer(exchange: Exchange, content: Content, hasSiblings = false): void {
  const { representation } = content;
  const { request } = exchange;
  const sought = SOUGHT_FILE.of(exchange);
  if (sought !== undefined) sought.file = representation;
  // The order is that of spec 02 section 7.3.
  if (isConditional(request)) {
    if (!preconditionHolds(request, representation)) {
      return answerWithout(exchange, content, 412);
    }
    if (!wantsFresh(request) && isNotModified(request, representation)) {
      content.discard();
      exchange.status = 304;
      exchange.response = representation.notModifiedFields();
      UNSENT.set(exchange, representation);
      exchange.responseBody = undefined;
      return;
    }
    // Range is for GET alone (RFC 9110 section 14.2).
    const range = exchange.method === "GET" ? request.joined("range") : undefined;
    if (range !== undefined && !isAmbiguous(exchange, content, hasSiblings)) {
      const asked = parseRange(range, representation.length);
      if (typeof asked === "object") {
        const length = asked.last - asked.first + 1;
        if (!send(exchange, content, 206, asked.first, length)) return;
        exchange.response.append(
          "content-range",
          `bytes ${asked.first}-${asked.last}/${representation.length}`,
        );
        return;
      }
      const { maxRanges, length } = representation;
      const ranges = asked !== "several"
        ? asked
        : maxRanges > 1
        ? parseRanges(range, length, maxRanges)
        : undefined;
      if (typeof ranges === "string") {
        answerWithout(exchange, content, 416);
        exchange.response.append("content-range", `bytes */${length}`);
        return;
      }
      if (ranges !== undefined) return sendRanges(exchange, content, ranges);
    }
  }
  send(exchange, content, 200, 0, representation.length);
}

/**
 * Whether a part of `content` may not go with what the client has: another version, or, since a date is all
 * that it has of a compressed answer, another encoding.
 */
function isAmbiguous(exchange: Exchange, content: Content, hasSiblings: boolean): boolean {
  const { request, plan, namePolicy } = exchange;
  const { representation } = content;
  if (!rangeStillMeans(request, representation)) return true;
  if (!isDated(request)) return false;
  const { recodes } = namePolicy ?? plan ?? NEVER_RECODED;
  const { mediaType, length } = representation;
  return hasSiblings || recodes?.(exchange, mediaType, length) === true;
}

const NEVER_RECODED = { recodes: undefined };

/** @returns Whether it is sent; otherwise it is refused as too large. */
function send(
  exchange: Exchange,
  content: Content,
  status: number,
  first: number,
  length: number,
): boolean {
  if (length > content.representation.maxBytes && exchange.method !== "HEAD") {
    content.discard();
    refuse(exchange, TOO_LARGE);
    return false;
  }
  const body: Uint8Array | Body = content.part(first, length);
  // Closed when the exchange is over, even if a later step puts another body in its place.
  if (body instanceof FileBody) exchange.hold(body);
  exchange.status = status;
  exchange.response = content.representation.fields();
  exchange.responseBody = body;
  return true;
}

/** One range is sent as such, several with a frame (RFC 9110 section 15.3.7). */
function sendRanges(exchange: Exchange, content: Content, ranges: readonly ByteRange[]): void {
  const { representation } = content;
  const { length, maxBytes, mediaType } = representation;
  if (ranges.length === 1) {
    const [{ first, last }] = ranges;
    if (!send(exchange, content, 206, first, last - first + 1)) return;
    exchange.response.append("content-range", `bytes ${first}-${last}/${length}`);
    return;
  }
  if (ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0) > maxBytes) {
    content.discard();
    return refuse(exchange, TOO_LARGE);
  }
  const boundary = newBoundary();
  const body = new RangesBody(content.source(), ranges, boundary, mediaType, length);
  exchange.hold(body);
  exchange.status = 206;
  exchange.response = representation.fields();
  exchange.response.set("content-type", `multipart/byteranges; boundary=${boundary}`);
  exchange.responseBody = body;
}

/** An answer that says what the file is but has nothing of it, and must not be cached as the file. */
function answerWithout(exchange: Exchange, content: Content, status: number): void {
  content.discard();
  exchange.status = status;
  exchange.response = content.representation.notModifiedFields();
  exchange.response.delete("cache-control");
  exchange.response.delete("expires");
  exchange.responseBody = NOTHING;
}
