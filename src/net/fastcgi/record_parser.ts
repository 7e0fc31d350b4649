/**
 * Reads what a FastCGI responder sends: STDOUT, STDERR and END_REQUEST of request 1, and nothing else.
 *
 * @module
 */
import { FIXED_CONTENT, HEADER_BYTES, REQUEST_ID, TYPE, VERSION } from "./records.ts";

/** Takes what was read. The bytes are valid during the call. */
export interface RecordSink {
  stdout(bytes: Uint8Array): void;
  stderr(bytes: Uint8Array): void;
}

/** How far a parser has come. */
export type ParserState =
  | "reading"
  /** END_REQUEST has come, with its padding. */
  | "ended"
  /** What came is not FastCGI, or a part of it that no one asked for. */
  | "broken";

/** The reader of one answer. Its state does not depend on how the bytes are cut. */
export class RecordParser {
  state: ParserState = "reading";
  /** Why it is broken, for the log. */
  fault = "";
  /** From END_REQUEST: 0 when the request was completed, else why the responder refused it. */
  protocolStatus = 0;
  /** Bytes came after the end: the connection must not be used again. */
  hasSurplus = false;
  /** Header of the record, and then the content of END_REQUEST. */
  readonly #fixed = new Uint8Array(HEADER_BYTES);
  #fixedLength = 0;
  #type = 0;
  #contentLeft = 0;
  #paddingLeft = 0;
  /** Records without content since the last one with some. */
  #empty = 0;

  constructor(readonly sink: RecordSink) {}

  /** Takes the next bytes of the connection. */
  feed(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && this.state === "reading") {
      if (this.#contentLeft > 0) at = this.#readContent(bytes, at);
      else if (this.#paddingLeft > 0) {
        const skipped = Math.min(this.#paddingLeft, bytes.length - at);
        this.#paddingLeft -= skipped;
        at += skipped;
      } else at = this.#readHeader(bytes, at);
      if (this.state === "reading" && this.#type === TYPE.end && this.#paddingLeft === 0) {
        this.state = "ended";
      }
    }
    if (at < bytes.length && this.state === "ended") this.hasSurplus = true;
  }

  /** Makes the parser ready for the next answer on the connection. */
  reset(): void {
    this.state = "reading";
    this.protocolStatus = 0;
    this.#type = 0;
    this.#fixedLength = 0;
    this.#empty = 0;
  }

  #readHeader(bytes: Uint8Array, start: number): number {
    const at = this.#readFixed(bytes, start);
    if (this.#fixedLength < HEADER_BYTES) return at;
    this.#fixedLength = 0;
    const fixed = this.#fixed;
    this.#type = fixed[1];
    this.#contentLeft = fixed[4] << 8 | fixed[5];
    this.#paddingLeft = fixed[6];
    if (fixed[0] !== VERSION) return this.#break(`a record has version ${fixed[0]}`, at);
    const id = fixed[2] << 8 | fixed[3];
    if (id !== REQUEST_ID) return this.#break(`a record is for request ${id}`, at);
    switch (this.#type) {
      case TYPE.stdout:
      case TYPE.stderr:
        this.#empty = this.#contentLeft > 0 ? 0 : this.#empty + 1;
        return this.#empty > MAX_EMPTY ? this.#break("too many records are empty", at) : at;
      case TYPE.end:
        // Not ended before its content has come.
        this.#type = END_CONTENT;
        if (this.#contentLeft === FIXED_CONTENT) return at;
        return this.#break(`END_REQUEST has ${this.#contentLeft} bytes`, at);
      default:
        return this.#break(`a record has type ${this.#type}`, at);
    }
  }

  #readContent(bytes: Uint8Array, start: number): number {
    if (this.#type === END_CONTENT) return this.#readEnd(bytes, start);
    const end = Math.min(bytes.length, start + this.#contentLeft);
    this.#contentLeft -= end - start;
    const content = bytes.subarray(start, end);
    if (this.#type === TYPE.stdout) this.sink.stdout(content);
    else this.sink.stderr(content);
    return end;
  }

  #readEnd(bytes: Uint8Array, start: number): number {
    const before = this.#fixedLength;
    const at = this.#readFixed(bytes, start);
    this.#contentLeft -= this.#fixedLength - before;
    if (this.#contentLeft > 0) return at;
    // The status of the application says nothing here, and the last three bytes may be anything.
    this.protocolStatus = this.#fixed[4];
    this.#fixedLength = 0;
    this.#type = TYPE.end;
    return at;
  }

  #readFixed(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length && this.#fixedLength < HEADER_BYTES) {
      this.#fixed[this.#fixedLength++] = bytes[at++];
    }
    return at;
  }

  #break(fault: string, at: number): number {
    this.state = "broken";
    this.fault = fault;
    this.#contentLeft = this.#paddingLeft = 0;
    return at;
  }
}

/** Most records in a row without content: they are no progress, and no limit on bytes counts them. */
const MAX_EMPTY = 1024;
/** END_REQUEST while its content is read: no type of the protocol. */
const END_CONTENT = 256;
