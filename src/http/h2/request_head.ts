/**
 * The head of a request as it is decoded: collected field by field, judged at the end. RFC 9113
 * section 8.3, spec 01 sections 2.4 and 3.
 *
 * @module
 */
import type { HeadFault, HttpExchange } from "../exchange.ts";
import { Fields } from "../fields.ts";
import { sharedMethod } from "../names.ts";
import { type HeadLimits, START_LINE_OVERHEAD } from "../head_limits.ts";
import { BAD_REQUEST, Kind, KIND_MASK, MALFORMED } from "./field_tags.ts";
import type { FieldSink } from "./hpack/mod.ts";
import { readContentLength } from "../content_length.ts";
import { repeatedSingleton } from "../singletons.ts";

/** What each field adds to the size of a list besides its text (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD = 32;

/** What HTTP/1 would write into the start line beside method and target: two spaces, the version. */
const START_LINE_REST = 10;

const LONG_LINE: HeadFault = { status: 414, reason: "the request target is far too long" };
const LONG_TARGET: HeadFault = { status: 414, reason: "the request target is too long" };
const TOO_MANY: HeadFault = { status: 431, reason: "too many field lines" };
const TOO_LARGE: HeadFault = { status: 431, reason: "the field list is too large" };
const BAD_FIELD: HeadFault = { status: 400, reason: "a field has a value that is not allowed" };
const BAD_LENGTH: HeadFault = { status: 400, reason: "content-length is not one plain number" };
const BAD_ASTERISK: HeadFault = { status: 400, reason: "`*` is for OPTIONS" };
const NO_HOST: HeadFault = { status: 400, reason: "there is neither :authority nor host" };
const OTHER_HOST: HeadFault = { status: 400, reason: "host is not :authority" };

/** One request head; one object a connection, filled again for each request. */
export class RequestHead implements FieldSink {
  method = "";
  scheme = "";
  path = "";
  authority = "";
  /** By `content-length`; `undefined` without one. */
  contentLength: number | undefined = undefined;
  /** The client waits for `100 Continue` before it sends the body. */
  expectsContinue = false;
  fields = new Fields();
  /** Why the message is malformed; `undefined` when it is not. */
  malformed: string | undefined = undefined;
  #limits: HeadLimits = NO_LIMITS;
  #bytes = 0;
  /** A bit for each pseudo-header field that came. */
  #seen = 0;
  /** A field came that is no pseudo-header field. */
  #hasRegular = false;
  #isBad = false;
  #lengthIsBad = false;
  #hasLength = false;
  #hosts = 0;
  #host = "";

  /** Starts a new head. */
  reset(limits: HeadLimits): void {
    this.method =
      this.scheme =
      this.path =
      this.authority =
      this.#host =
        "";
    this.contentLength = undefined;
    this.expectsContinue =
      this.#hasRegular =
      this.#isBad =
      this.#lengthIsBad =
      this.#hasLength =
        false;
    this.malformed = undefined;
    this.fields = new Fields();
    this.#limits = limits;
    this.#bytes = this.#seen = this.#hosts = 0;
  }

  field(name: string, value: string, tag: number): void {
    this.#bytes += name.length + value.length + FIELD_OVERHEAD;
    if ((tag & (MALFORMED | BAD_REQUEST)) !== 0) {
      if ((tag & MALFORMED) !== 0) this.malformed ??= "a field that HTTP/2 does not allow";
      else this.#isBad = true;
    }
    const kind = tag & KIND_MASK;
    if (kind >= Kind.METHOD && kind <= Kind.UNKNOWN_PSEUDO) this.#pseudo(kind, value);
    else this.#regular(kind, name, value);
  }

  #pseudo(kind: number, value: string): void {
    const bit = 1 << kind;
    if ((this.#seen & bit) !== 0) this.malformed ??= "a pseudo-header field comes twice";
    if (this.#hasRegular) this.malformed ??= "a pseudo-header field behind regular ones";
    this.#seen |= bit;
    switch (kind) {
      case Kind.METHOD:
        this.method = sharedMethod(value);
        break;
      case Kind.SCHEME:
        this.scheme = value;
        break;
      case Kind.PATH:
        this.path = value;
        break;
      case Kind.AUTHORITY:
        this.authority = value;
        break;
    }
  }

  #regular(kind: number, name: string, value: string): void {
    const { fields } = this;
    this.#hasRegular = true;
    switch (kind) {
      case Kind.HOST:
        this.#hosts++;
        this.#host = value;
        break;
      case Kind.CONTENT_LENGTH: {
        const length = readContentLength(value);
        if (length < 0 || this.#hasLength) this.#lengthIsBad = true;
        this.#hasLength = true;
        // A length that is none announces nothing.
        this.contentLength = this.#lengthIsBad ? undefined : length;
        break;
      }
      case Kind.EXPECT:
        if (value.toLowerCase() === "100-continue") {
          this.expectsContinue = true;
          return;
        }
        break;
    }
    // Past a limit nothing is kept: the rest is only counted. One too many shows that there were more.
    if (fields.size > this.#limits.maxFields || this.#bytes > this.#limits.maxHeadBytes) return;
    fields.append(name, value);
  }

  /**
   * To be called behind the last field: finds what makes the whole malformed.
   *
   * @param hasNoBody END_STREAM came with the head.
   */
  complete(hasNoBody: boolean): void {
    if (this.malformed !== undefined) return;
    const has = this.#seen;
    if (this.method === "CONNECT") {
      if (has !== CONNECT_PSEUDO) this.malformed = "CONNECT has wrong pseudo-header fields";
    } else if ((has & REQUIRED_PSEUDO) !== REQUIRED_PSEUDO) {
      this.malformed = "a pseudo-header field is missing";
    } else if (this.#hosts > 1) {
      this.malformed = "there are two hosts";
    } else if (hasNoBody && this.contentLength !== undefined && this.contentLength > 0) {
      this.malformed = "a content-length and no content";
    }
  }

  /** Why a well-formed request is answered before routing, as the same over HTTP/1 is. */
  refusal(): HeadFault | undefined {
    const limits = this.#limits;
    const lineBytes = this.method.length + this.path.length + START_LINE_REST;
    if (lineBytes > limits.maxUriBytes + START_LINE_OVERHEAD) return LONG_LINE;
    if (this.fields.size > limits.maxFields) return TOO_MANY;
    if (this.#bytes > limits.maxHeadBytes) return TOO_LARGE;
    if (this.#isBad) return BAD_FIELD;
    const repeated = repeatedSingleton(this.fields);
    if (repeated !== undefined) return repeated;
    if (this.path === "*" && this.method !== "OPTIONS") return BAD_ASTERISK;
    const hasAuthority = (this.#seen & AUTHORITY_PSEUDO) !== 0;
    if (this.#hosts === 0 && !hasAuthority) return NO_HOST;
    if (this.#hosts > 0 && hasAuthority) {
      const host = this.#host;
      const isSame = host === this.authority ||
        host.toLowerCase() === this.authority.toLowerCase();
      if (!isSame) return OTHER_HOST;
    }
    return undefined;
  }

  /** What the handler refuses in its turn; the order is that of spec 01 section 3.5. */
  get #fault(): HeadFault | undefined {
    if (this.path.length > this.#limits.maxUriBytes) return LONG_TARGET;
    return this.#lengthIsBad ? BAD_LENGTH : undefined;
  }

  /**
   * Fills the request half of an exchange. What routes by `host` finds it among the fields, as behind
   * HTTP/1, wherever the client said it.
   */
  describe(exchange: HttpExchange): void {
    const { fields } = this;
    exchange.version = 20;
    exchange.method = this.method;
    exchange.request = fields;
    exchange.headFault = this.#fault;
    if (this.#hosts > 0) {
      exchange.authority = this.#host;
    } else if (this.authority !== "") {
      exchange.authority = this.authority;
      fields.append("host", this.authority);
    }
    const target = this.method === "CONNECT" ? this.authority : this.path;
    const question = target.indexOf("?");
    exchange.target = target;
    exchange.path = question < 0 ? target : target.substring(0, question);
    exchange.query = question < 0 ? undefined : target.substring(question + 1);
  }
}

const AUTHORITY_PSEUDO = 1 << Kind.AUTHORITY;
const REQUIRED_PSEUDO = 1 << Kind.METHOD | 1 << Kind.SCHEME | 1 << Kind.PATH;
const CONNECT_PSEUDO = 1 << Kind.METHOD | AUTHORITY_PSEUDO;

const NO_LIMITS: HeadLimits = { maxHeadBytes: 0, maxUriBytes: 0, maxFields: 0 };
