/**
 * The head of a FastCGI request: BEGIN_REQUEST and PARAMS.
 *
 * php-fpm reads the pairs of each PARAMS record on their own, so a pair never goes over the end of a
 * record: what does not fit begins the next one.
 *
 * @module
 */
import {
  END_OF_STDIN,
  HEADER_BYTES,
  MAX_PARAMS_CONTENT,
  TYPE,
  writeBegin,
  writeHeader,
} from "./records.ts";

/** Bytes to begin with: most requests need no more. */
const FIRST_BYTES = 2048;
/** Most bytes of a head. Request heads are bounded far below this. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Lengths from here on take four bytes. */
const LONG = 128;

const encoder = new TextEncoder();

/** Writes the head of one request. */
export class ParamsWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #end: number;
  /** Where the header of the record being written is. */
  #record: number;
  #fits = true;

  /** @param keepsConnection Whether the peer is asked to keep the connection open afterwards. */
  constructor(keepsConnection: boolean) {
    this.#record = writeBegin(this.#bytes, keepsConnection);
    this.#end = this.#record + HEADER_BYTES;
  }

  /** Adds a pair whose value has a byte in each character, as fields and targets of requests do. */
  add(name: string, value: string): void {
    const at = this.#startPair(name, value.length);
    if (at < 0) return;
    const bytes = this.#bytes;
    for (let i = 0; i < value.length; i++) bytes[at + i] = value.charCodeAt(i);
  }

  /** Adds a pair whose value is text, a path of the file system or a configured value, in UTF-8. */
  addText(name: string, value: string): void {
    if (isAscii(value)) return this.add(name, value);
    const bytes = encoder.encode(value);
    const at = this.#startPair(name, bytes.length);
    if (at >= 0) this.#bytes.set(bytes, at);
  }

  /**
   * Ends the head.
   *
   * @param endsRequest There is no body: the end of STDIN follows.
   * @returns `undefined` when a pair is too long for the protocol, or all of them are.
   */
  finish(endsRequest = false): Uint8Array | undefined {
    if (!this.#fits) return undefined;
    this.#finishRecord();
    // The empty record that ends PARAMS; one without pairs is this record already.
    if (this.#end - this.#record > HEADER_BYTES) {
      this.#startRecord();
      this.#finishRecord();
    }
    if (endsRequest) {
      this.#reserve(HEADER_BYTES);
      this.#bytes.set(END_OF_STDIN, this.#end);
      this.#end += HEADER_BYTES;
    }
    return this.#bytes.subarray(0, this.#end);
  }

  /** Writes lengths and name of a pair; returns where its value goes, or -1 when it does not fit. */
  #startPair(name: string, valueLength: number): number {
    const length = lengthBytes(name.length) + lengthBytes(valueLength) + name.length + valueLength;
    if (length > MAX_PARAMS_CONTENT || this.#end + length > MAX_BYTES) this.#fits = false;
    if (!this.#fits) return -1;
    if (this.#end - this.#record - HEADER_BYTES + length > MAX_PARAMS_CONTENT) {
      this.#finishRecord();
      this.#startRecord();
    }
    // Room for padding, and for the record that ends PARAMS.
    this.#reserve(length + 2 * HEADER_BYTES);
    this.#writeLength(name.length);
    this.#writeLength(valueLength);
    for (let i = 0; i < name.length; i++) this.#bytes[this.#end++] = name.charCodeAt(i);
    const at = this.#end;
    this.#end += valueLength;
    return at;
  }

  #startRecord(): void {
    this.#reserve(2 * HEADER_BYTES);
    this.#record = this.#end;
    this.#end += HEADER_BYTES;
  }

  #finishRecord(): void {
    const content = this.#end - this.#record - HEADER_BYTES;
    const padding = writeHeader(this.#bytes, this.#record, TYPE.params, content);
    this.#bytes.fill(0, this.#end, this.#end + padding);
    this.#end += padding;
  }

  #writeLength(length: number): void {
    if (length < LONG) {
      this.#bytes[this.#end++] = length;
      return;
    }
    this.#bytes[this.#end++] = (length >>> 24) | 0x80;
    this.#bytes[this.#end++] = (length >>> 16) & 0xff;
    this.#bytes[this.#end++] = (length >>> 8) & 0xff;
    this.#bytes[this.#end++] = length & 0xff;
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function lengthBytes(length: number): number {
  return length < LONG ? 1 : 4;
}
