/**
 * Writes a message on an HTTP/1 connection, in either direction: head and first body bytes in one
 * write, the rest as it comes.
 *
 * @module
 */
import type { Body } from "../body.ts";
import type { Fields } from "../fields.ts";
import { LARGE_BYTES } from "../../net/buffers.ts";
import { fairStep } from "../../net/fairness.ts";
import { putText } from "./head.ts";
import { leaveSheet, shareSheet, Sheet, takeSheet } from "./sheet.ts";

/** What a message is written through. */
export interface Outlet {
  /** Writes all of `bytes`, within the time limits that apply. */
  send(bytes: Uint8Array): Promise<void>;
  /** Called with each piece of the body, without its framing, before it is sent. */
  countBody(bytes: number): void;
}

/** What a head is written to. */
export interface HeadSink {
  /** Adds text, one byte a character. */
  text(text: string): void;
  /** Adds a field line. */
  field(name: string, value: string): void;
}

/** Room in front of a piece of a chunked body for its size: at most `ffff` and CRLF. */
const PREFIX_BYTES = 6;
/** CRLF after a piece. */
const SUFFIX_BYTES = 2;
/** Less room than this is not worth another read before what is there is sent. */
const MIN_ROOM_BYTES = 4096;

/** `: ` and CRLF of a field line. */
const FIELD_OVERHEAD = 4;

const COLON = 58;
const SPACE = 32;
const CR = 13;
const LF = 10;

const NOTHING = new Uint8Array(0);

/**
 * One message at a time; a connection has one and uses it again. The head is written into the buffer it
 * leaves in, and `body` collects what is available. When that is all there is, one write of `unsent` and
 * `end` is everything; else `finish` sends the rest.
 */
export class MessageWriter implements HeadSink {
  /** What is written on; `undefined` between messages, and when `#out` is a buffer of our own. */
  #sheet: Sheet | undefined;
  #out: Uint8Array = NOTHING;
  /** Unsent bytes are out[from, at). */
  #from = 0;
  #at = 0;
  #body: Body | undefined;
  /** A whole body, as far as it did not fit after the head. */
  #rest: Uint8Array = NOTHING;
  /** That is a piece of the body where it lies, to be given back. */
  #isLent = false;
  #waiting: Promise<number | null> | undefined;
  #isComplete = false;
  readonly #outlet: Outlet;
  #prefix = 0;
  #overhead = 0;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** What is to be sent first. */
  get unsent(): Uint8Array {
    return this.#out.subarray(this.#from, this.#at);
  }

  /** Begins a message. Its head follows, by {@linkcode MessageWriter.text} and `field`. */
  begin(): void {
    this.#writeOn(takeSheet());
    this.#isComplete = false;
  }

  text(text: string): void {
    if (this.#out.length - this.#at < text.length) this.#grow(text.length);
    this.#at = putText(text, this.#out, this.#at);
  }

  /** Adds bytes as they are. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#out.length - this.#at < length) this.#grow(length);
    this.#out.set(bytes, this.#at);
    this.#at += length;
  }

  field(name: string, value: string): void {
    const length = name.length + value.length + FIELD_OVERHEAD;
    if (this.#out.length - this.#at < length) this.#grow(length);
    const out = this.#out;
    let at = putText(name, out, this.#at);
    out[at++] = COLON;
    out[at++] = SPACE;
    at = putText(value, out, at);
    out[at++] = CR;
    out[at++] = LF;
    this.#at = at;
  }

  /** Leaves the first `count` bytes of the head out, which the peer has had already. */
  skip(count: number): void {
    this.#from += count;
  }

  /**
   * Adds the body after a complete head: in chunks if `chunked`, and as it is otherwise.
   *
   * @returns Whether `unsent` is the whole message.
   */
  body(body: Uint8Array | Body | undefined, chunked: boolean): boolean {
    const whole = this.#beginBody(body, chunked);
    if (whole && this.#sheet !== undefined) shareSheet(this.#sheet, this.#at);
    return whole;
  }

  /** Gives the buffer back, after everything was sent without failure: else the runtime may hold it. */
  end(): void {
    if (this.#sheet !== undefined) leaveSheet(this.#sheet);
    this.#sheet = undefined;
    this.#out = NOTHING;
    this.#body = undefined;
  }

  /** Sends what {@linkcode begin} left, and ends. Throws what the body or the outlet throws. */
  async finish(): Promise<void> {
    const outlet = this.#outlet;
    try {
      for (;;) {
        if (this.#at > this.#from) await outlet.send(this.unsent);
        if (this.#rest.length > 0) await this.#sendRest();
        if (this.#isComplete) break;
        const turn = fairStep();
        if (turn !== undefined) await turn;
        if (this.#waiting === undefined) {
          this.#startOver();
        } else {
          // The pending read fills the room after what was sent meanwhile.
          this.#from = this.#at;
          const count = await this.#waiting;
          this.#waiting = undefined;
          if (this.#take(count)) continue;
        }
        this.#collect();
      }
    } catch (error) {
      this.#waiting = undefined;
      this.#returnLent();
      throw error;
    }
    this.end();
  }

  async #sendRest(): Promise<void> {
    const rest = this.#rest;
    this.#rest = NOTHING;
    try {
      await this.#outlet.send(rest);
    } finally {
      this.#returnLent();
    }
  }

  /** Nothing of the piece will be read any more: it was sent, or will not be. */
  #returnLent(): void {
    if (this.#isLent) this.#body?.giveBack?.();
    this.#isLent = false;
  }

  #writeOn(sheet: Sheet): void {
    this.#sheet = sheet;
    this.#out = sheet.bytes;
    this.#from = this.#at = sheet.used;
  }

  /** A head larger than the buffer is rare: it leaves in one of its own, with as much room after it. */
  #grow(length: number): void {
    const { unsent } = this;
    const larger = new Uint8Array(unsent.length + length + LARGE_BYTES);
    larger.set(unsent);
    this.#out = larger;
    this.#from = 0;
    this.#at = unsent.length;
    if (this.#sheet !== undefined) leaveSheet(this.#sheet);
    this.#sheet = undefined;
  }

  /** Everything so far has been sent: a body that goes on gets a whole sheet. */
  #startOver(): void {
    const sheet = this.#sheet;
    if (sheet === undefined || sheet.used === 0) {
      this.#from = this.#at = 0;
    } else {
      leaveSheet(sheet);
      this.#writeOn(new Sheet());
    }
  }

  #beginBody(body: Uint8Array | Body | undefined, chunked: boolean): boolean {
    this.#prefix = chunked ? PREFIX_BYTES : 0;
    this.#overhead = chunked ? PREFIX_BYTES + SUFFIX_BYTES : 0;
    if (body === undefined) return this.#isComplete = true;
    if (body instanceof Uint8Array) return this.#beginBytes(body);
    this.#body = body;
    if (this.#out.length - this.#at < MIN_ROOM_BYTES) this.#grow(MIN_ROOM_BYTES);
    return this.#collect();
  }

  #beginBytes(body: Uint8Array): boolean {
    this.#outlet.countBody(body.length);
    const room = Math.min(this.#out.length - this.#at, body.length);
    this.#out.set(room === body.length ? body : body.subarray(0, room), this.#at);
    this.#at += room;
    this.#isComplete = true;
    if (room === body.length) return true;
    this.#rest = body.subarray(room);
    return false;
  }

  /**
   * Collects body bytes until the buffer is full, the body waits, or it ends.
   *
   * @returns Whether it has ended and nothing was sent before.
   */
  #collect(): boolean {
    const body = this.#body!;
    for (;;) {
      const lent = this.#overhead === 0 ? body.lend?.() : undefined;
      if (lent !== undefined) {
        this.#outlet.countBody(lent.length);
        this.#rest = lent;
        this.#isLent = true;
        return false;
      }
      const end = this.#out.length - (this.#overhead - this.#prefix);
      const count = body.read(this.#out.subarray(this.#at + this.#prefix, end));
      if (typeof count === "object" && count !== null) {
        this.#waiting = count;
        // It may fail while a send is waited for; `finish` comes to it after that.
        count.catch(ignore);
        return false;
      }
      if (this.#take(count)) return this.#isComplete && this.#rest.length === 0;
    }
  }

  /** Frames what a read brought; returns whether it is time to send. */
  #take(count: number | null): boolean {
    if (count === null) {
      this.#isComplete = true;
      if (this.#overhead > 0) this.#endChunks();
      return true;
    }
    this.#outlet.countBody(count);
    if (this.#overhead > 0) this.#frame(count);
    this.#at += this.#overhead + count;
    return this.#out.length - this.#at - this.#overhead < MIN_ROOM_BYTES;
  }

  /** Frames the piece that is at `at + PREFIX_BYTES`; what is unsent moves up to its size line. */
  #frame(count: number): void {
    const out = this.#out;
    const data = this.#at + PREFIX_BYTES;
    const size = count.toString(16);
    const gap = PREFIX_BYTES - 2 - size.length;
    if (gap > 0) out.copyWithin(this.#from + gap, this.#from, this.#at);
    let position = this.#at + gap;
    for (let i = 0; i < size.length; i++) out[position++] = size.charCodeAt(i);
    out[position++] = CR;
    out[position] = LF;
    out[data + count] = CR;
    out[data + count + 1] = LF;
    this.#from += gap;
  }

  /** Puts the last chunk and the trailer section after what is unsent. */
  #endChunks(): void {
    const end = "0\r\n" + trailerLines(this.#body!.trailers) + "\r\n";
    if (this.#out.length - this.#at >= end.length) {
      this.#at = putText(end, this.#out, this.#at);
      return;
    }
    this.#rest = new Uint8Array(end.length);
    putText(end, this.#rest, 0);
  }
}

function ignore(): void {}

function trailerLines(trailers: Fields | undefined): string {
  let text = "";
  if (trailers !== undefined) {
    for (let i = 0; i < trailers.size; i++) {
      text += trailers.names[i] + ": " + trailers.values[i] + "\r\n";
    }
  }
  return text;
}
