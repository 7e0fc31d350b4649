/**
 * One connection to a FastCGI responder: one request at a time, sent while the answer is read, because a
 * responder may answer before it has taken all of the request (spec 07 section 12).
 *
 * @module
 */
import { LARGE, SMALL, SMALL_BYTES } from "../buffers.ts";
import { closeQuietly, type Duplex } from "../duplex.ts";
import { OTHERS_FIRST } from "../turn.ts";
import { FastCgiError, type FastCgiFailure } from "./error.ts";
import { RecordParser, type RecordSink } from "./record_parser.ts";
import { END_OF_STDIN, HEADER_BYTES, MAX_STDIN_CONTENT, TYPE, writeHeader } from "./records.ts";

/** Where the body of a request comes from. */
export interface InputSource {
  /** Puts the next bytes at the start of `into`; `null` at the end. */
  read(into: Uint8Array): number | null | Promise<number | null>;
}

/** One request. */
export interface FastCgiRequest {
  /** BEGIN_REQUEST and PARAMS; without `input` the end of STDIN as well. */
  readonly head: Uint8Array;
  readonly input: InputSource | undefined;
  /** Called whenever something has moved in either direction. */
  onProgress(): void;
  /** Takes what comes on STDERR; the bytes are valid during the call. */
  onError(bytes: Uint8Array): void;
}

/** A connection. Its user keeps the time, and closes it or gives it back to its pool. */
export class FastCgiConnection implements RecordSink {
  readonly #stream: Duplex;
  readonly #parser = new RecordParser(this);
  /** Output that was read and not taken yet; views of the read buffer. */
  readonly #pieces: Uint8Array[] = [];
  #taken = 0;
  #request: FastCgiRequest | undefined;
  #buffer: Uint8Array | undefined;
  /** The read that was started while the connection was idle, and its buffer. */
  #ahead: { readonly read: Promise<number | null>; readonly buffer: Uint8Array } | undefined;
  #isSent = true;
  /** Why sending ended before its time. */
  #sendFailure: unknown;
  #inputFailure: unknown;
  #hasAnswered = false;
  #isClosed = false;
  /** The idle connection has a request, of which nothing was sent yet. */
  #isClaimed = false;
  /** The responder closed the idle connection, or sent something that no request had asked for. */
  #hasStirred = false;
  /** Exchanges that were begun. */
  #begun = 0;
  /** When the connection became idle; its pool's own. */
  idleSince = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /** Not all of the request has been sent. */
  get isSending(): boolean {
    return !this.#isSent;
  }

  /** Whether an earlier request went over this connection. */
  get isReused(): boolean {
    return this.#begun > 1;
  }

  /** All of the request was sent and all of the answer was read: another request may follow. */
  get isClean(): boolean {
    const { state, hasSurplus, protocolStatus } = this.#parser;
    return state === "ended" && !hasSurplus && protocolStatus === 0 && this.#isSent &&
      !this.#isClosed && this.#taken === this.#pieces.length;
  }

  /** Begins an exchange; the answer is there to be read at once. */
  begin(request: FastCgiRequest): void {
    this.#begun++;
    this.#request = request;
    this.#parser.reset();
    this.#hasAnswered = false;
    this.#isSent = false;
    this.#isClaimed = this.#ahead !== undefined;
    void this.#send(request);
  }

  /**
   * The next output of the script: a view that is valid until the next call. `null` at the end.
   *
   * @throws {FastCgiError} there is no more, and the answer is not whole.
   * @throws What the request's own body throws.
   */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      if (this.#taken < this.#pieces.length) return this.#pieces[this.#taken++];
      const { state, fault, protocolStatus } = this.#parser;
      if (state === "broken") throw this.#failure("protocol", fault);
      if (state === "ended") {
        if (protocolStatus === 0) {
          // Its reader is through with the pieces. A connection that is not kept ends without `rest`.
          this.#pieces.length = this.#taken = 0;
          this.#giveBuffer();
          return null;
        }
        throw this.#failure("refused", `the request was refused with ${protocolStatus}`);
      }
      this.#pieces.length = this.#taken = 0;
      await this.#readMore();
    }
  }

  /** What {@linkcode FastCgiConnection.next} would give without waiting. */
  ready(): Uint8Array | undefined {
    return this.#taken < this.#pieces.length ? this.#pieces[this.#taken++] : undefined;
  }

  /** Watches the idle connection: `onGone` is called when the responder closes it or sends anything. */
  rest(onGone: () => void): void {
    this.#request = undefined;
    this.#giveBuffer();
    const buffer = SMALL.take();
    const read = this.#stream.read(buffer);
    this.#ahead = { read, buffer };
    const look = () => {
      if (this.#isClaimed) this.#hasStirred = true;
      else if (this.#request === undefined) onGone();
    };
    read.then(look, look);
  }

  /** Ends the connection. A read that waits fails. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeQuietly(this.#stream);
  }

  stdout(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
  }

  stderr(bytes: Uint8Array): void {
    this.#request?.onError(bytes);
  }

  async #readMore(): Promise<void> {
    if (this.#isClaimed) await this.#claim();
    if (this.#hasStirred) throw this.#failure("closed", "the kept connection has ended");
    if (this.#isClosed) throw this.#failure("abandoned", "the connection was given up");
    const ahead = this.#ahead;
    const buffer = ahead?.buffer ?? (this.#buffer ??= LARGE.take());
    this.#ahead = undefined;
    let count: number | null;
    try {
      count = await (ahead?.read ?? this.#stream.read(buffer));
    } catch (error) {
      throw this.#lost(error);
    }
    if (count === null) throw this.#lost(undefined);
    this.#hasAnswered = true;
    this.#request?.onProgress();
    this.#parser.feed(buffer.subarray(0, count));
    // A small buffer is never waited with again while its bytes are in use: the pool is by size.
    if (ahead !== undefined && this.#pieces.length === 0 && buffer.length === SMALL_BYTES) {
      SMALL.give(buffer);
    }
  }

  /**
   * Lets what has come while the connection was idle be seen before anything is sent: the read that was pending
   * reports it two passes of the microtask queue after the runtime has the bytes. They would be taken for the answer.
   */
  async #claim(): Promise<void> {
    await OTHERS_FIRST;
    await OTHERS_FIRST;
    this.#isClaimed = false;
    if (this.#hasStirred) this.close();
  }

  /** Reading ended before the answer did. */
  #lost(error: unknown): unknown {
    if (this.#inputFailure !== undefined) return this.#inputFailure;
    if (this.#isClosed) return this.#failure("abandoned", "the connection was given up");
    if (error === undefined) {
      return this.#failure("closed", "it closed the connection before the end of its answer");
    }
    return this.#failure("reset", messageOf(error), error);
  }

  #failure(reason: FastCgiFailure, message: string, cause?: unknown): FastCgiError {
    const isCut = !this.#isSent;
    const why = isCut && this.#sendFailure !== undefined
      ? `${message} (sending: ${messageOf(this.#sendFailure)})`
      : message;
    return new FastCgiError(reason, why, isCut, this.#hasAnswered, { cause });
  }

  async #send({ head, input }: FastCgiRequest): Promise<void> {
    try {
      if (this.#isClaimed) await this.#claim();
      if (this.#hasStirred) return;
      await this.#write(head);
      if (input !== undefined) {
        await this.#sendInput(input);
        await this.#write(END_OF_STDIN);
      }
      this.#isSent = true;
    } catch (error) {
      // The answer may be there all the same; whether it is, the reader finds out.
      this.#sendFailure = error;
    }
  }

  async #sendInput(input: InputSource): Promise<void> {
    const buffer = LARGE.take();
    const room = buffer.subarray(HEADER_BYTES, HEADER_BYTES + MAX_STDIN_CONTENT);
    for (;;) {
      const count = await this.#readInput(input, room);
      if (count === null) break;
      const padding = writeHeader(buffer, 0, TYPE.stdin, count);
      const end = HEADER_BYTES + count;
      buffer.fill(0, end, end + padding);
      await this.#write(buffer.subarray(0, end + padding));
    }
    LARGE.give(buffer);
  }

  /** A body that breaks off must not be taken for a whole one: nothing after it is sent. */
  async #readInput(input: InputSource, into: Uint8Array): Promise<number | null> {
    try {
      const reading = input.read(into);
      return typeof reading === "object" && reading !== null ? await reading : reading;
    } catch (error) {
      this.#inputFailure = error;
      this.close();
      throw error;
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.#stream.write(written === 0 ? bytes : bytes.subarray(written));
      this.#request?.onProgress();
    }
  }

  #giveBuffer(): void {
    if (this.#buffer !== undefined) LARGE.give(this.#buffer);
    this.#buffer = undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
