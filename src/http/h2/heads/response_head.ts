/**
 * The head of an upstream's answer as it is decoded. RFC 9113 section 8.3.2.
 *
 * @module
 */
import { Fields } from "../../fields.ts";
import { readContentLength } from "../../content_length.ts";
import { isBodyless } from "../../status.ts";
import { Kind, KIND_MASK, MALFORMED } from "./field_tags.ts";
import type { FieldSink } from "../hpack/mod.ts";

/** Largest field list an upstream may send: what clients of ours may send too. */
export const MAX_RESPONSE_LIST_BYTES = 64 * 1024;
/** Most field lines of such a list. */
const MAX_RESPONSE_FIELDS = 256;
/** What each field adds to the size of a list besides its text (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD = 32;

/** One response head; one object a connection, filled again for each. */
export class ResponseHead implements FieldSink {
  status = 0;
  /** With `content-length` only where no body follows, as from HTTP/1. */
  fields = new Fields();
  /** By `content-length`; `undefined` without one. */
  contentLength: number | undefined = undefined;
  /** Why the answer cannot be used. */
  problem: string | undefined = undefined;
  #isHead = false;
  #bytes = 0;

  /** Starts a new head. */
  reset(method: string): void {
    this.status = this.#bytes = 0;
    this.contentLength = undefined;
    this.problem = undefined;
    this.fields = new Fields();
    this.#isHead = method === "HEAD";
  }

  /** The answer has no body, whatever its fields say. */
  get isBodyless(): boolean {
    return this.#isHead || isBodyless(this.status);
  }

  field(name: string, value: string, tag: number): void {
    const { fields } = this;
    this.#bytes += name.length + value.length + FIELD_OVERHEAD;
    if (fields.size >= MAX_RESPONSE_FIELDS || this.#bytes > MAX_RESPONSE_LIST_BYTES) {
      this.problem ??= "its head is too long";
    }
    if ((tag & MALFORMED) !== 0) this.problem ??= "its head has a field that HTTP/2 does not allow";
    if (this.problem !== undefined) return;
    switch (tag & KIND_MASK) {
      case Kind.STATUS:
        if (this.status !== 0) this.problem = "its head has two statuses";
        else if (fields.size > 0) this.problem = "its status stands behind other fields";
        this.status = Number(value);
        return;
      case Kind.CONTENT_LENGTH:
        this.#length(name, value);
        return;
      default:
        fields.append(name, value);
    }
  }

  #length(name: string, value: string): void {
    const length = readContentLength(value);
    if (length < 0 || (this.contentLength ?? length) !== length) {
      this.problem = "its content-length is not one plain number";
    } else if (this.contentLength === undefined) {
      this.contentLength = length;
      if (this.#isHead || this.status === 304) this.fields.append(name, value);
    }
  }

  /** To be called after the last field. */
  complete(endStream: boolean): void {
    if (this.problem !== undefined) return;
    if (this.status === 0) this.problem = "its head has no status";
    else if (this.status === 101) this.problem = "it switches protocols, which HTTP/2 cannot";
    else if (this.status < 200) {
      if (endStream) this.problem = "it ends with an interim answer";
    } else if (endStream && !this.isBodyless && (this.contentLength ?? 0) > 0) {
      this.problem = "it announces a body and sends none";
    }
  }
}
