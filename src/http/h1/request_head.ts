/**
 * The head of an HTTP/1 request: read strictly, so that nothing before or after the gateway can
 * read it another way (request smuggling). RFC 9112 and spec 01 sections 3.1 to 3.4.
 *
 * @module
 */
import { readContentLength } from "../content_length.ts";
import { repeatedSingleton } from "../singletons.ts";
import type { HeadFault, HttpExchange } from "../exchange.ts";
import { Fields, type ReadonlyFields } from "../fields.ts";
import { methodName } from "../names.ts";
import { isAll, TOKEN, trimBlanks } from "../chars.ts";
import { isLikeName, isSameAuthority, readAuthority } from "../authority.ts";
import { type HeadLimits, START_LINE_OVERHEAD } from "../head_limits.ts";
import { targetRules } from "../target_rules.ts";
import {
  type HeadProblem,
  headProblem,
  headText,
  MAX_FIELD_LINE_BYTES,
  readFieldLines,
} from "./head.ts";
import {
  BAD_TARGET,
  readOriginTarget,
  readOtherTarget,
  type RequestTarget,
  skipEscaped,
  skipVisible,
} from "./request_target.ts";

const NO_FIELDS: ReadonlyFields = new Fields();

/** How the bytes after a request head are framed. */
export type RequestFraming = "none" | "length" | "chunked";

/**
 * What a request head says; one object a connection, filled again for each request, or left as it is when
 * the next head is the same text.
 */
export class RequestHead implements RequestTarget {
  method = "";
  target = "";
  path = "";
  query: string | undefined = undefined;
  targetAuthority = "";
  /** As {@linkcode HttpExchange} has them. */
  authority = "";
  host = "";
  version: 10 | 11 = 11;
  fields: ReadonlyFields = NO_FIELDS;
  framing: RequestFraming = "none";
  /** With framing `length`. */
  contentLength = 0;
  /** Whether the connection may serve another request after this one. */
  persistent = true;
  /** Whether the client waits for `100 Continue` before it sends the body. */
  expectsContinue = false;
  /**
   * A limit or a framing rule that is broken, where the head could be read all the same (spec 01 section
   * 3.5): the router refuses it in its order. `framing` is then `none` and `persistent` is false.
   */
  fault: HeadFault | undefined = undefined;
  /** The text that the rest was read from, if there was no fault in it; `""` else. */
  text = "";
  /** What it was measured by. */
  limits: HeadLimits | undefined = undefined;

  /** Fills in `exchange` what is asked, all but the body. */
  describe(exchange: HttpExchange): void {
    exchange.method = this.method;
    exchange.target = this.target;
    exchange.path = this.path;
    exchange.query = this.query;
    exchange.authority = this.authority;
    exchange.host = this.host;
    exchange.version = this.version;
    exchange.request = this.fields;
    exchange.headFault = this.fault;
    exchange.closeAfter = !this.persistent;
  }
}

/** A space and the version, after the target. */
const VERSION_BYTES = 9;
const CRLF_BYTES = 2;

export const BAD_LINE = headProblem(400, "the request line is not `method SP target SP version`");
export const BAD_METHOD = headProblem(400, "the method is not a token");
export const BAD_VERSION = headProblem(400, "the version is not HTTP/1.0 or HTTP/1.1");
const LONG_HEAD = headProblem(431, "the request head is too long");
/** A start line that is not read any further. */
const LONG_START_LINE = headProblem(414, "the request line is too long");
const LONG_TARGET = headProblem(414, "the request target is too long");
const NO_HOST = headProblem(400, "HTTP/1.1 needs exactly one Host");
const EMPTY_HOST = headProblem(400, "Host is empty");
const BAD_HOST = headProblem(400, "the host is not a name or an address, perhaps with a port");
const BAD_HOST_NAME = headProblem(400, "the host is not a valid name");
const OTHER_HOST = headProblem(400, "the target's authority is not that of Host");
const BAD_LENGTH = headProblem(400, "Content-Length is not one plain number");
const VAST_LENGTH = headProblem(413, "Content-Length is beyond every limit");
const BAD_CODING = headProblem(400, "Transfer-Encoding is not exactly one `chunked`");
const TWO_FRAMINGS = headProblem(400, "Transfer-Encoding and Content-Length together");
const OLD_CODING = headProblem(400, "Transfer-Encoding on HTTP/1.0");
const BAD_CONNECTION = headProblem(400, "Connection has something that is not a token");

const SPACE = 32;
const CR = 13;
const LF = 10;
const QUESTION = 63;
const SLASH = 47;

/**
 * Reads the head in `bytes[start, end)`, where `end` is after its CRLFCRLF.
 *
 * @returns Why it is answered before routing, or `undefined`; `head` is then filled in, and what else is
 * wrong is in its `fault`.
 */
export function readRequestHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: HeadLimits,
  head: RequestHead,
): HeadProblem | undefined {
  const text = headText(bytes, start, end);
  // What asks again and again over a kept connection (a program, a probe, a poll) says the same each time.
  if (text === head.text && limits === head.limits) return undefined;
  head.text = "";
  head.fault = undefined;

  let at = start;
  while (TOKEN[bytes[at]] === 1) at++;
  if (at === start || bytes[at] !== SPACE) {
    return bytes[at] === SPACE || bytes[at] === CR ? BAD_LINE : BAD_METHOD;
  }
  head.method = methodName(bytes, start, at, text);

  const targetStart = at + 1;
  // A path is no way to ask for a tunnel (RFC 9112 section 3.2.3), and upstreams might open one.
  const isOrigin = bytes[targetStart] === SLASH && head.method !== "CONNECT";
  const rules = targetRules(limits);
  const pathEnd = isOrigin
    ? skipEscaped(bytes, targetStart, rules.path)
    : skipVisible(bytes, targetStart);
  const targetEnd = isOrigin && bytes[pathEnd] === QUESTION
    ? skipEscaped(bytes, pathEnd + 1, rules.query)
    : pathEnd;
  if (targetEnd === targetStart) return BAD_LINE;
  if (bytes[targetEnd] !== SPACE) {
    return bytes[targetEnd] === CR && bytes[targetEnd + 1] === LF ? BAD_LINE : BAD_TARGET;
  }
  if (targetEnd - targetStart > limits.maxUriBytes) {
    const lineBytes = targetEnd + VERSION_BYTES - start;
    if (lineBytes > limits.maxUriBytes + START_LINE_OVERHEAD) return LONG_START_LINE;
    head.fault = LONG_TARGET;
  }

  const version = readVersion(bytes, targetEnd + 1);
  if (version === 0) return BAD_VERSION;
  head.version = version;

  const fields = head.fields = new Fields();
  const wrong = readFieldLines(
    bytes,
    text,
    start,
    targetEnd + VERSION_BYTES + CRLF_BYTES,
    end,
    Math.min(MAX_FIELD_LINE_BYTES, limits.maxHeadBytes),
    limits.maxFields,
    fields,
  );
  if (wrong !== undefined) return wrong;

  const problem =
    (isOrigin
      ? readOriginTarget(head, text, targetStart - start, pathEnd - start, targetEnd - start)
      : readOtherTarget(head, text.substring(targetStart - start, targetEnd - start), rules)) ??
      readMeaning(head, fields);
  if (problem === undefined && head.fault === undefined) {
    head.text = text;
    head.limits = limits;
  }
  return problem;
}

/**
 * 414 or 431 for a head in `bytes[start, end)` that is too long already, whether it has ended or not: a
 * start line that is too long is reported as that.
 */
export function judgeLength(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: HeadLimits,
): HeadProblem | undefined {
  const { maxHeadBytes, maxUriBytes } = limits;
  const maxStartLine = Math.min(maxUriBytes + START_LINE_OVERHEAD, maxHeadBytes);
  if (end - start > maxStartLine) {
    const lf = bytes.indexOf(LF, start);
    if (lf < 0 || lf - 1 - start > maxStartLine || lf >= end) return LONG_START_LINE;
  }
  return end - start > maxHeadBytes ? LONG_HEAD : undefined;
}

/** 10 or 11 for `HTTP/1.0` or `HTTP/1.1` and CRLF at `at`, else 0. */
function readVersion(bytes: Uint8Array, at: number): 0 | 10 | 11 {
  const known = bytes[at] === 72 && bytes[at + 1] === 84 && bytes[at + 2] === 84 &&
    bytes[at + 3] === 80 && bytes[at + 4] === SLASH && bytes[at + 5] === 49 &&
    bytes[at + 6] === 46 && bytes[at + 8] === CR && bytes[at + 9] === LF;
  if (!known) return 0;
  if (bytes[at + 7] === 49) return 11;
  return bytes[at + 7] === 48 ? 10 : 0;
}

/** What the fields say about host, framing and the connection. */
function readMeaning(head: RequestHead, fields: Fields): HeadProblem | undefined {
  const { names, values } = fields;
  let hosts = 0;
  let host = "";
  let lengths = 0;
  let codings = 0;
  let codingIsChunked = false;
  let close = false;
  let keepAlive = false;
  head.contentLength = 0;
  head.expectsContinue = false;
  for (let i = 0; i < names.length; i++) {
    switch (names[i]) {
      case "host":
        hosts++;
        host = values[i];
        break;
      case "content-length": {
        lengths++;
        const length = readContentLength(values[i]);
        if (length < 0) head.fault ??= isVastLength(values[i]) ? VAST_LENGTH : BAD_LENGTH;
        head.contentLength = length;
        break;
      }
      case "transfer-encoding":
        codings++;
        codingIsChunked = values[i].toLowerCase() === "chunked";
        break;
      case "connection": {
        const options = readConnectionOptions(values[i]);
        if (options < 0) return BAD_CONNECTION;
        if ((options & CLOSE) !== 0) close = true;
        if ((options & KEEP_ALIVE) !== 0) keepAlive = true;
        break;
      }
      case "expect":
        if (values[i].toLowerCase() === "100-continue") head.expectsContinue = true;
        break;
    }
  }
  // Doubt about where the body ends is reported before its size.
  if (lengths + codings > 1 && head.fault === VAST_LENGTH) head.fault = undefined;
  if (lengths > 1) head.fault ??= BAD_LENGTH;
  head.fault ??= repeatedSingleton(fields);
  if (codings > 0) {
    if (lengths > 0) head.fault ??= TWO_FRAMINGS;
    else if (head.version === 10) head.fault ??= OLD_CODING;
    else if (codings > 1 || !codingIsChunked) head.fault ??= BAD_CODING;
    head.framing = "chunked";
  } else {
    head.framing = head.contentLength > 0 ? "length" : "none";
  }
  if (head.version === 11 ? hosts !== 1 : hosts > 1) return NO_HOST;
  const wrongHost = readHost(head, fields, hosts === 0 ? undefined : host);
  if (wrongHost !== undefined) return wrongHost;
  head.persistent = !close && (head.version === 11 || keepAlive);
  if (head.fault !== undefined) {
    // What follows must not be taken for a body, or for the next request.
    head.framing = "none";
    head.persistent = false;
  }
  head.expectsContinue = head.expectsContinue && head.version === 11 && head.framing !== "none";
  // The reader of the body answers it.
  if (head.expectsContinue) fields.delete("expect");
  return undefined;
}

/**
 * Whose host is asked for: by `Host` and by the target, which must say the same. A name that is not valid is
 * a fault, for host routing to refuse; everything downstream finds a valid host in `Host`.
 *
 * @param host `undefined` where HTTP/1.0 has none.
 */
function readHost(
  head: RequestHead,
  fields: Fields,
  host: string | undefined,
): HeadProblem | undefined {
  const { targetAuthority } = head;
  if (host === "") return EMPTY_HOST;
  const given = host ?? targetAuthority;
  head.authority = given;
  head.host = "";
  if (given === "") return undefined;
  const authority = readAuthority(given);
  if (targetAuthority !== "" && targetAuthority !== given) {
    const other = readAuthority(targetAuthority);
    if (authority === undefined || other === undefined || !isSameAuthority(authority, other)) {
      return OTHER_HOST;
    }
  }
  if (authority === undefined) {
    if (!isLikeName(given)) return BAD_HOST;
    head.fault ??= BAD_HOST_NAME;
    return undefined;
  }
  head.authority = authority.text;
  head.host = authority.host;
  if (host !== authority.text) fields.set("host", authority.text);
  return undefined;
}

const MAX_LENGTH = 2n ** 64n - 1n;

/** Whether a value that {@linkcode readContentLength} cannot count is a length of 64 bits all the same. */
function isVastLength(value: string): boolean {
  return /^[0-9]+$/.test(value) && BigInt(value) <= MAX_LENGTH;
}

const CLOSE = 1;
const KEEP_ALIVE = 2;

/** A bit set of what one `Connection` line lists, or -1 when an element is not a token. */
function readConnectionOptions(value: string): number {
  if (value === "keep-alive" || value === "Keep-Alive") return KEEP_ALIVE;
  if (value === "close") return CLOSE;
  let options = 0;
  for (const element of value.split(",")) {
    const option = trimBlanks(element);
    if (!isAll(option, TOKEN)) return -1;
    const name = option.toLowerCase();
    if (name === "close") options |= CLOSE;
    else if (name === "keep-alive") options |= KEEP_ALIVE;
  }
  return options;
}
