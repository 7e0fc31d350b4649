/**
 * What a field is to HTTP/2, found once when it is decoded as a literal and kept beside its table entry:
 * the rules of RFC 9113 section 8 are not checked again for a field that comes from a table.
 *
 * @module
 */
import { FIELD_VALUE, isToken } from "../../chars.ts";
import { isTarget, LENIENT_TARGETS, STRICT_TARGETS } from "../../target_rules.ts";
import { isConnectionField } from "./head_writer.ts";
import { Classifier } from "../hpack/mod.ts";

/** The low bits of a tag: which field it is, as far as a codec must know. */
export const Kind = {
  REGULAR: 0,
  METHOD: 1,
  SCHEME: 2,
  PATH: 3,
  AUTHORITY: 4,
  STATUS: 5,
  /** A pseudo-header field that is not known here, `:protocol` among them. */
  UNKNOWN_PSEUDO: 6,
  HOST: 7,
  CONTENT_LENGTH: 8,
  EXPECT: 9,
  COOKIE: 10,
} as const;

/** Takes the kind out of a tag. */
export const KIND_MASK = 0xf;
/** The field makes its message malformed (RFC 9113 sections 8.2 and 8.3). */
export const MALFORMED = 0x10;
/** The field is no fault of HTTP/2 but of HTTP, or stricter than it: a request gets 400 for it. */
export const BAD_REQUEST = 0x20;
/** A `:path` with characters that RFC 3986 does not have there: a bad request where targets are strict. */
export const LENIENT_TARGET = 0x40;

/** Tags the fields of requests. */
export const requestClassifier = new Classifier((name, value) => {
  if (name.startsWith(":")) return pseudoTag(name, value);
  const kind = regularKind(name);
  if (!isRegularName(name) || !isCleanValue(value)) return kind | MALFORMED;
  if (isConnectionField(name)) return MALFORMED;
  if (name === "te" && value.toLowerCase() !== "trailers") return MALFORMED;
  return kind;
});

/** Tags the fields of responses. */
export const responseClassifier = new Classifier((name, value) => {
  if (name.startsWith(":")) {
    if (name !== ":status") return Kind.UNKNOWN_PSEUDO | MALFORMED;
    return /^[1-5][0-9][0-9]$/.test(value) ? Kind.STATUS : Kind.STATUS | MALFORMED;
  }
  if (!isRegularName(name) || !isCleanValue(value) || isConnectionField(name)) return MALFORMED;
  return name === "content-length" ? Kind.CONTENT_LENGTH : Kind.REGULAR;
});

function regularKind(name: string): number {
  switch (name) {
    case "host":
      return Kind.HOST;
    case "content-length":
      return Kind.CONTENT_LENGTH;
    case "expect":
      return Kind.EXPECT;
    case "cookie":
      return Kind.COOKIE;
    default:
      return Kind.REGULAR;
  }
}

function pseudoTag(name: string, value: string): number {
  switch (name) {
    case ":method":
      return isToken(value) ? Kind.METHOD : Kind.METHOD | MALFORMED;
    case ":scheme":
      return Kind.SCHEME | (value === "https" || value === "http" ? 0 : BAD_REQUEST);
    case ":path":
      return Kind.PATH | pathFlags(value);
    case ":authority":
      return isCleanValue(value) ? Kind.AUTHORITY : Kind.AUTHORITY | MALFORMED;
    default:
      return Kind.UNKNOWN_PSEUDO | MALFORMED;
  }
}

/** RFC 9113 section 8.3.1 for the form; spec 01 section 3.2 for the characters. */
function pathFlags(path: string): number {
  if (path === "*") return 0;
  if (!path.startsWith("/")) return MALFORMED;
  if (path.startsWith("//")) return BAD_REQUEST;
  if (isTarget(path, STRICT_TARGETS)) return 0;
  if (isTarget(path, LENIENT_TARGETS)) return LENIENT_TARGET;
  return isCleanValue(path) ? BAD_REQUEST : MALFORMED;
}

/** A token without upper-case letters (RFC 9113 section 8.2.1). */
function isRegularName(name: string): boolean {
  if (!isToken(name)) return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) return false;
  }
  return true;
}

/** No control characters, and no white space at either end (RFC 9113 section 8.2.1). */
function isCleanValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    if (FIELD_VALUE[value.charCodeAt(i)] === 0) return false;
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1));
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
