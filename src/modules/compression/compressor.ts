/**
 * The compression policy of one scope: picks a coding, changes the head, wraps the body.
 *
 * @module
 */
import { CodingChoice } from "../../http/content/accept_encoding.ts";
import { type Body, BytesBody } from "../../http/body.ts";
import { trimBlanks } from "../../http/chars.ts";
import { isDated } from "../../http/content/conditional.ts";
import type { Fields, ReadonlyFields } from "../../http/fields.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { UNSENT } from "../../gateway/exchange/unsent.ts";
import type { Counter } from "../../gateway/reports/metrics.ts";
import type { Codec } from "./codec.ts";
import { CompressedBody } from "./compressed_body.ts";
import { isAnonymous, isCompressible, isTextType } from "./eligibility.ts";
import type { CompressionConfig } from "./schema.ts";
import { SMALL_BYTES, SmallBody } from "./small_body.ts";
import type { StateBudget } from "./state_budget.ts";
import { TOO_MUCH } from "./too_much.ts";

/** Fields that describe the bytes as they were: their tag, their digests, what parts can be asked for. */
const FIELDS_OF_THE_ORIGINAL = [
  "content-length",
  "etag",
  "accept-ranges",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
];

/** Taken for the type of what a 304 of an upstream is about, which need not name it. */
const PERHAPS_TEXT = "text/plain";

/** A codec this scope offers. */
export interface Offer {
  readonly codec: Codec;
  readonly level: number;
  readonly counter: Counter;
}

/** Compresses the answers of one scope. */
export class Compressor {
  readonly #config: CompressionConfig;
  readonly #offers: ReadonlyMap<string, Offer>;
  readonly #choice: CodingChoice;
  readonly #budget: StateBudget;

  /** @param offers By coding, the preferred one first. */
  constructor(
    config: CompressionConfig,
    offers: ReadonlyMap<string, Offer>,
    budget: StateBudget,
  ) {
    this.#config = config;
    this.#offers = offers;
    this.#choice = new CodingChoice([...offers.keys()]);
    this.#budget = budget;
  }

  /** The `response` step. */
  respond(exchange: Exchange): void {
    const { responseBody: body, status, method } = exchange;
    if (status === 304) return this.#revalidate(exchange);
    if (status === 206) {
      if (isCompressible(exchange.response, "", true)) addVary(exchange.response);
      return;
    }
    if (status !== 200 || (method !== "GET" && method !== "HEAD")) return;
    const length = body?.length ??
      (method === "HEAD" ? lengthFieldOf(exchange.response) : undefined);
    if (length === undefined || !this.#isWorthIt(length)) return;
    if (!isCompressible(exchange.response)) return;
    // For every client: a cache must not give the plain answer to all, nor a compressed one.
    addVary(exchange.response);
    if (method === "HEAD" || body === undefined) return;
    const offer = this.#offerFor(exchange.request);
    if (offer === undefined || !isAnonymous(exchange.request)) return;
    const compressed = this.#compress(exchange, body, length, offer);
    if (compressed === undefined) return;
    exchange.responseBody = compressed;
    describe(exchange.response, offer.codec.coding);
    exchange.findings.contentCoding = offer.codec.coding;
    offer.counter.count();
  }

  /** Whether the answer with this content would be compressed for this client. */
  recodes({ request }: Exchange, mediaType: string, length: number): boolean {
    return this.#isWorthIt(length) && isTextType(mediaType) && this.#compressesFor(request);
  }

  /**
   * The `lookup` step: asks an upstream for the whole where a date is to say that a part fits to what the
   * client has. It may have a compressed answer, which has the same date and no tag.
   */
  askForTheWhole(exchange: Exchange): void {
    const { request } = exchange;
    if (!request.has("if-range") || !isDated(request) || !this.#compressesFor(request)) return;
    const fields = request.clone();
    fields.delete("range");
    fields.delete("if-range");
    exchange.request = fields;
  }

  /** What a request would be answered in, if the answer may be compressed; in words. */
  explain(request: ReadonlyFields): string {
    const offer = this.#offerFor(request);
    if (offer === undefined) return "the request accepts no coding offered here: not compressed";
    if (!isAnonymous(request)) return "the request has a cookie or credentials: not compressed";
    const { min_bytes, max_input_bytes } = this.#config;
    return `${offer.codec.coding} for text of ${min_bytes} to ${max_input_bytes} bytes`;
  }

  #compressesFor(request: ReadonlyFields): boolean {
    return this.#offerFor(request) !== undefined && isAnonymous(request);
  }

  #isWorthIt(bytes: number): boolean {
    return bytes >= this.#config.min_bytes && bytes <= this.#config.max_input_bytes;
  }

  /**
   * A 304 says of caches' copies what the 200 in its place would say (RFC 9110 section 15.4.5). A tag of
   * the original, put on a compressed copy, would let parts of the one be joined to the other.
   */
  #revalidate(exchange: Exchange): void {
    const { request, response } = exchange;
    const unsent = UNSENT.of(exchange);
    const bytes = unsent?.length ?? lengthFieldOf(response);
    if (bytes !== undefined && !this.#isWorthIt(bytes)) return;
    if (!isCompressible(response, unsent?.mediaType ?? PERHAPS_TEXT)) return;
    addVary(response);
    if (!this.#compressesFor(request)) return;
    const isText = unsent !== undefined || response.has("content-type");
    // A client that asks with a tag has an answer that was not compressed: of an unknown type, it was no text.
    if (isText || !request.has("if-none-match")) removeOriginal(response);
  }

  #offerFor(request: ReadonlyFields): Offer | undefined {
    const [best] = this.#choice.of(request);
    return best === undefined ? undefined : this.#offers.get(best);
  }

  /** @returns `undefined` when there is no memory left for it. */
  #compress(
    exchange: Exchange,
    body: Uint8Array | Body,
    inputBytes: number,
    { codec, level }: Offer,
  ): Uint8Array | Body | undefined {
    const maxBytes = this.#config.max_output_bytes;
    if (inputBytes <= SMALL_BYTES && codec.isQuick(level)) {
      const whole = (bytes: Uint8Array) => codec.whole(bytes, level);
      const small = body instanceof Uint8Array
        ? whole(body)
        : new SmallBody(body, inputBytes, whole, maxBytes);
      const bytes = small instanceof SmallBody ? small.atOnce() : small;
      if (bytes === undefined) return small;
      return bytes.length <= maxBytes ? bytes : TOO_MUCH;
    }
    const stateBytes = codec.stateBytes(level, inputBytes);
    if (!this.#budget.take(stateBytes)) return undefined;
    const compressed = new CompressedBody(
      body instanceof Uint8Array ? new BytesBody(body) : body,
      codec.stream(level, inputBytes),
      maxBytes,
      () => this.#budget.giveBack(stateBytes),
    );
    exchange.hold(compressed);
    return compressed;
  }
}

/** The length in a 304 of an upstream, which need not have one. */
function lengthFieldOf(response: Fields): number | undefined {
  const length = response.get("content-length");
  return length === undefined ? undefined : Number(length);
}

function removeOriginal(response: Fields): void {
  for (const name of FIELDS_OF_THE_ORIGINAL) response.delete(name);
}

/** Makes the fields say what the body has become. */
function describe(response: Fields, coding: string): void {
  removeOriginal(response);
  response.set("content-encoding", coding);
}

/** Says that the answer depends on `Accept-Encoding`, unless it says so or says more. */
function addVary(response: Fields): void {
  const vary = response.joined("vary");
  if (vary === undefined) {
    response.append("vary", "accept-encoding");
    return;
  }
  for (const member of vary.toLowerCase().split(",")) {
    const name = trimBlanks(member);
    if (name === "*" || name === "accept-encoding") return;
  }
  response.set("vary", `${vary}, accept-encoding`);
}
