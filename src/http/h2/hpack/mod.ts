/**
 * HPACK, the header compression of HTTP/2 (RFC 7541).
 *
 * @module
 */
export { Classifier, Decoder, DEFAULT_TABLE_BYTES, type FieldSink } from "./decoder.ts";
export { Encoder } from "./encoder.ts";
export { HpackError } from "./error.ts";
export { TextCache } from "./text_cache.ts";
