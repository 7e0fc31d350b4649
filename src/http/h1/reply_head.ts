/**
 * The head of an HTTP/1 answer that an upstream sends. RFC 9112 section 4. As strict as the reader of
 * requests.
 *
 * @module
 */
import { Fields } from "../fields.ts";
import { trimBlanks } from "../chars.ts";
import { isBodyless } from "../status.ts";
import { headText, readFieldLines } from "./head.ts";
import { readContentLength } from "../content_length.ts";

/** Largest head an upstream may send, in bytes. */
export const MAX_REPLY_HEAD_BYTES = 64 * 1024;
/** Most field lines of such a head. */
const MAX_REPLY_FIELDS = 256;

/** How the bytes after an upstream's head are framed. */
export type ReplyFraming = "none" | "length" | "chunked" | "close";

/** What an upstream's head says. */
export class ReplyHead {
  /**
   * @param fields Without those of the connection; with `content-length` only where no body follows.
   * @param contentLength With framing `length`.
   */
  constructor(
    readonly status: number,
    readonly fields: Fields,
    readonly framing: ReplyFraming,
    readonly contentLength: number,
    readonly persistent: boolean,
  ) {}

  /** The same, with fields of its own. */
  copy(): ReplyHead {
    const { status, fields, framing, contentLength, persistent } = this;
    return new ReplyHead(status, fields.clone(), framing, contentLength, persistent);
  }
}

/** Longest head that is remembered, in characters: a kept connection shall not cost more memory for it. */
const MAX_REMEMBERED = 1024;

/**
 * Reads the answers on one connection. A small answer is often the same as the one before it, to the
 * second of its `Date`: such a head is not read a second time.
 */
export class ReplyReader {
  #text = "";
  #isToHead = false;
  #head: ReplyHead | undefined;

  /**
   * Reads the head in `bytes[start, end)`, where `end` is after its CRLFCRLF.
   *
   * @param method Of the request it answers: an answer to HEAD has no body.
   * @returns The head, or what is wrong with it. Its fields are the caller's.
   */
  read(bytes: Uint8Array, start: number, end: number, method: string): ReplyHead | string {
    const text = headText(bytes, start, end);
    const isToHead = method === "HEAD";
    const isRepeated = text === this.#text && isToHead === this.#isToHead;
    const known = this.#head;
    if (isRepeated && known !== undefined) return known.copy();
    const head = readReplyHead(bytes, start, end, text, isToHead);
    if (typeof head === "string" || text.length > MAX_REMEMBERED) {
      this.#text = "";
      this.#head = undefined;
      return head;
    }
    // Only what has come twice is worth a copy.
    this.#head = isRepeated ? head.copy() : undefined;
    this.#text = text;
    this.#isToHead = isToHead;
    return head;
  }
}

function readReplyHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  text: string,
  isToHead: boolean,
): ReplyHead | string {
  const minor = text.charCodeAt(7) - 48;
  if (!text.startsWith("HTTP/1.") || minor < 0 || minor > 9 || text[8] !== " ") {
    return "the status line does not start with HTTP/1";
  }
  const status = readStatus(text);
  if (status < 100 || (text[12] !== " " && text[12] !== "\r")) {
    return "the status is not three digits";
  }
  const lineEnd = text.indexOf("\r\n");

  const all = new Fields();
  const problem = readFieldLines(
    bytes,
    text,
    start,
    start + lineEnd + 2,
    end,
    MAX_REPLY_HEAD_BYTES,
    MAX_REPLY_FIELDS,
    all,
  );
  if (problem !== undefined) return problem.reason;
  return readMeaning(status, minor, isToHead, all);
}

function readMeaning(
  status: number,
  minor: number,
  isToHead: boolean,
  all: Fields,
): ReplyHead | string {
  const { names, values } = all;
  const noBody = isToHead || isBodyless(status);
  let length = -1;
  let chunked = false;
  let coded = false;
  let persistent = minor > 0;
  let listed: string[] | undefined;
  let keep = 0;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const value = values[i];
    switch (name) {
      case "content-length": {
        const announced = readContentLength(value);
        if (announced < 0) return "Content-Length is not one plain number";
        if (length >= 0 && length !== announced) return "there are two different Content-Length";
        if (length >= 0) continue;
        length = announced;
        if (!noBody || isBodyless(status) && status !== 304) continue;
        break;
      }
      case "transfer-encoding":
        if (coded || value.toLowerCase() !== "chunked") return "Transfer-Encoding is not `chunked`";
        coded = chunked = true;
        continue;
      case "connection":
        // What nearly every upstream says, without a list to be made of it.
        if (value === "keep-alive") {
          persistent = true;
          continue;
        }
        for (const element of value.split(",")) {
          const option = trimBlanks(element).toLowerCase();
          if (option === "close") persistent = false;
          else if (option === "keep-alive") persistent = true;
          else if (option !== "" && option !== "upgrade") (listed ??= []).push(option);
        }
        continue;
      case "keep-alive":
      case "proxy-connection":
        continue;
      case "upgrade":
        // An offer of the upstream's, for its own connection; only 101 is about the client's, and 426, which
        // says nothing without it (RFC 9110 section 15.5.22).
        if (status !== 101 && status !== 426) continue;
        break;
    }
    names[keep] = name;
    values[keep] = value;
    keep++;
  }
  names.length = values.length = keep;
  if (listed !== undefined) { for (const name of listed) all.delete(name); }
  if (chunked && length >= 0) return "Transfer-Encoding and Content-Length together";

  const framing = noBody ? "none" : chunked ? "chunked" : length >= 0 ? "length" : "close";
  return new ReplyHead(
    status,
    all,
    framing === "length" && length === 0 ? "none" : framing,
    Math.max(length, 0),
    persistent && framing !== "close",
  );
}

function readStatus(text: string): number {
  let status = 0;
  for (let i = 9; i < 12; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    status = status * 10 + digit;
  }
  return status;
}
