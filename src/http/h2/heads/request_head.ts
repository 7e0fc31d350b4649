/**
 * The head of a request as it is decoded: collected field by field, judged at the end. RFC 9113
 * section 8.3, spec 01 sections 2.4 and 3.
 *
 * @module
 */
import type { HeadFault, HttpExchange } from "../../exchange.ts";
import { isLikeName, isSameAuthority, readAuthority } from "../../authority.ts";
import { Fields } from "../../fields.ts";
import { sharedMethod } from "../../names.ts";
import {
  FIELD_LINE_FRAME_BYTES,
  HEAD_END_BYTES,
  type HeadLimits,
  MAX_FIELD_LINE_BYTES,
  START_LINE_FRAME_BYTES,
  START_LINE_OVERHEAD,
} from "../../head_limits.ts";
import { BAD_REQUEST, Kind, KIND_MASK, LENIENT_TARGET, MALFORMED } from "./field_tags.ts";
import type { FieldSink } from "../hpack/mod.ts";
import { readContentLength } from "../../content_length.ts";
import { repeatedSingleton } from "../../singletons.ts";

/** Without its CRLF a line has so much less. */
const CRLF_BYTES = 2;

/** Between cookies that came in fields of their own (RFC 9113 section 8.2.3). */
const COOKIE_SEPARATOR = "; ";

const HOST_NAME_BYTES = 4;

const LONG_START_LINE: HeadFault = { status: 414, reason: "the request target is far too long" };
const LONG_TARGET: HeadFault = { status: 414, reason: "the request target is too long" };
const TOO_MANY: HeadFault = { status: 431, reason: "too many field lines" };
const TOO_LARGE: HeadFault = { status: 431, reason: "the request head is too long" };
const LONG_LINE: HeadFault = { status: 431, reason: "a field line is too long" };
const BAD_FIELD: HeadFault = { status: 400, reason: "a field has a value that is not allowed" };
const BAD_LENGTH: HeadFault = { status: 400, reason: "content-length is not one plain number" };
const BAD_ASTERISK: HeadFault = { status: 400, reason: "`*` is for OPTIONS" };
const NO_HOST: HeadFault = { status: 400, reason: "there is neither :authority nor host" };
const BAD_HOST: HeadFault = {
  status: 400,
  reason: "the host is not a name or an address, perhaps with a port",
};
const BAD_HOST_NAME: HeadFault = { status: 400, reason: "the host is not a valid name" };
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
  /** Sizes of the head as HTTP/1 writes it, where the same limits hold: bytes, lines, the longest line. */
  #bytes = 0;
  #lines = 0;
  #longest = 0;
  /** The line of cookies, by its place among the fields; -1 when none has come. */
  #cookieAt = -1;
  #cookieBytes = 0;
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
    this.#seen =
      this.#hosts =
      this.#lines =
      this.#longest =
      this.#cookieBytes =
        0;
    this.#bytes = START_LINE_FRAME_BYTES + HEAD_END_BYTES;
    this.#cookieAt = -1;
  }

  field(name: string, value: string, tag: number): void {
    if ((tag & (MALFORMED | BAD_REQUEST | LENIENT_TARGET)) !== 0) {
      if ((tag & MALFORMED) !== 0) this.malformed ??= "a field that HTTP/2 does not allow";
      else if ((tag & BAD_REQUEST) !== 0 || this.#limits.strictTargets === true) this.#isBad = true;
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
        this.#bytes += value.length;
        this.method = sharedMethod(value);
        break;
      case Kind.SCHEME:
        this.scheme = value;
        break;
      case Kind.PATH:
        this.#bytes += value.length;
        this.path = value;
        break;
      case Kind.AUTHORITY:
        // HTTP/1 writes it as a `host` line, and one that comes beside it is the same.
        this.#line(HOST_NAME_BYTES + value.length);
        this.authority = value;
        break;
    }
  }

  #regular(kind: number, name: string, value: string): void {
    const { fields } = this;
    this.#hasRegular = true;
    if (kind === Kind.COOKIE) return this.#cookie(name, value);
    if (kind === Kind.HOST) this.#hosts++;
    const isAuthority = kind === Kind.HOST && this.#hosts === 1 &&
      (this.#seen & AUTHORITY_PSEUDO) !== 0;
    if (!isAuthority) this.#line(name.length + value.length);
    switch (kind) {
      case Kind.HOST:
        this.#host = value;
        break;
      case Kind.CONTENT_LENGTH: {
        const length = readContentLength(value);
        if (length < 0 || this.#hasLength) this.#lengthIsBad = true;
        this.#hasLength = true;
        // A length that is not valid announces nothing.
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
    if (!this.#isTooLarge) fields.append(name, value);
  }

  /** Counts a field line with so much text. */
  #line(textBytes: number): void {
    this.#lines++;
    const bytes = textBytes + FIELD_LINE_FRAME_BYTES;
    this.#bytes += bytes;
    if (bytes > this.#longest) this.#longest = bytes;
  }

  /** Takes a cookie, or several: all of them are one line. */
  #cookie(name: string, value: string): void {
    const { fields } = this;
    if (this.#cookieAt < 0) {
      this.#cookieBytes = name.length + value.length;
      this.#line(this.#cookieBytes);
      if (this.#isTooLarge) return;
      this.#cookieAt = fields.size;
      fields.append(name, value);
      return;
    }
    const bytes = COOKIE_SEPARATOR.length + value.length;
    this.#bytes += bytes;
    this.#cookieBytes += bytes;
    this.#longest = Math.max(this.#longest, this.#cookieBytes + FIELD_LINE_FRAME_BYTES);
    if (!this.#isTooLarge) fields.values[this.#cookieAt] += COOKIE_SEPARATOR + value;
  }

  /** Past a limit nothing is kept: the rest is only counted. */
  get #isTooLarge(): boolean {
    const { maxFields, maxHeadBytes } = this.#limits;
    return this.#lines > maxFields || this.#bytes > maxHeadBytes || this.#hasLongLine;
  }

  get #hasLongLine(): boolean {
    const most = Math.min(MAX_FIELD_LINE_BYTES, this.#limits.maxHeadBytes);
    return this.#longest - CRLF_BYTES > most;
  }

  /**
   * To be called after the last field: finds what makes the whole malformed.
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
    const lineBytes = this.method.length + this.path.length + START_LINE_FRAME_BYTES - CRLF_BYTES;
    if (lineBytes > limits.maxUriBytes + START_LINE_OVERHEAD) return LONG_START_LINE;
    if (this.#bytes > limits.maxHeadBytes) return TOO_LARGE;
    if (this.#lines > limits.maxFields) return TOO_MANY;
    if (this.#hasLongLine) return LONG_LINE;
    if (this.#isBad) return BAD_FIELD;
    const repeated = repeatedSingleton(this.fields);
    if (repeated !== undefined) return repeated;
    if (this.path === "*" && this.method !== "OPTIONS") return BAD_ASTERISK;
    const hasAuthority = (this.#seen & AUTHORITY_PSEUDO) !== 0;
    if (this.#hosts === 0 && !hasAuthority) return NO_HOST;
    const isSame = this.#hosts === 0 || !hasAuthority || this.#host === this.authority ||
      this.#isSameHost;
    if (!isSame) return OTHER_HOST;
    const given = this.#givenHost;
    return readAuthority(given) === undefined && !isLikeName(given) ? BAD_HOST : undefined;
  }

  /** The host: `host` goes first, which is the same where both are there. */
  get #givenHost(): string {
    return this.#hosts > 0 ? this.#host : this.authority;
  }

  /** Whether `host` and `:authority`, which are written in two ways, are the same. */
  get #isSameHost(): boolean {
    const host = readAuthority(this.#host);
    const authority = readAuthority(this.authority);
    return host !== undefined && authority !== undefined && isSameAuthority(host, authority);
  }

  /** What the handler refuses in its order; the order is that of spec 01 section 3.5. */
  #fault(hasValidHost: boolean): HeadFault | undefined {
    if (!hasValidHost) return BAD_HOST_NAME;
    if (this.path.length > this.#limits.maxUriBytes) return LONG_TARGET;
    return this.#lengthIsBad ? BAD_LENGTH : undefined;
  }

  /**
   * Fills the request half of an exchange. A valid host is found among the fields, as with HTTP/1,
   * wherever the client put it.
   */
  describe(exchange: HttpExchange): void {
    const { fields } = this;
    exchange.version = 20;
    exchange.method = this.method;
    exchange.request = fields;
    const given = this.#givenHost;
    const authority = readAuthority(given);
    exchange.headFault = this.#fault(authority !== undefined);
    exchange.authority = authority?.text ?? given;
    exchange.host = authority?.host ?? "";
    if (authority !== undefined) {
      if (this.#hosts === 0) fields.append("host", authority.text);
      else if (authority.text !== given) fields.set("host", authority.text);
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
