/**
 * Fields after a body. RFC 9113 section 8.1.
 *
 * @module
 */
import { Fields } from "../../fields.ts";
import { mayTrail } from "../../trailers.ts";
import { Kind, KIND_MASK, MALFORMED } from "./field_tags.ts";
import type { FieldSink } from "../hpack/mod.ts";

/** Most trailer fields; gRPC sends a handful. */
const MAX_TRAILERS = 64;
const MAX_TRAILER_BYTES = 16 * 1024;

/** Collects trailers. */
export class TrailerFields implements FieldSink {
  readonly fields = new Fields();
  /** A field that may not be here, or too many of them. */
  isMalformed = false;
  #bytes = 0;

  field(name: string, value: string, tag: number): void {
    const kind = tag & KIND_MASK;
    const isPseudo = kind >= Kind.METHOD && kind <= Kind.UNKNOWN_PSEUDO;
    this.#bytes += name.length + value.length;
    if (
      isPseudo || (tag & MALFORMED) !== 0 || this.fields.size >= MAX_TRAILERS ||
      this.#bytes > MAX_TRAILER_BYTES
    ) {
      this.isMalformed = true;
      return;
    }
    if (mayTrail(name)) this.fields.append(name, value);
  }
}

/** Decodes a block that is thrown away, so that the tables stay in step. */
export const NO_SINK: FieldSink = { field() {} };
