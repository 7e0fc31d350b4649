/**
 * One attempt: a request on one connection, and its answer. An attempt that is given up, by its client or by
 * a time limit, goes on in the background for a bounded time: the script does not notice that no one waits,
 * a request that was cut would run with half of its body, and its place is not free before it has ended.
 *
 * @module
 */
import type { Clock, Expiring } from "../../../net/clock.ts";
import {
  type FastCgiConnection,
  FastCgiError,
  type FastCgiPool,
  type InputSource,
} from "../../../net/fastcgi/mod.ts";
import { PhpFailure } from "./failure.ts";
import type { Permit } from "./permit.ts";
import type { ErrorText } from "./stderr.ts";

/** What an attempt works with. */
export interface AttemptOptions {
  readonly connection: FastCgiConnection;
  readonly pool: FastCgiPool;
  readonly clock: Clock;
  readonly permit: Permit;
  readonly head: Uint8Array;
  readonly input: InputSource | undefined;
  /** Longest time in which nothing moves; also how long a given-up attempt may go on. */
  readonly silenceMs: number;
  /** Most bytes of output and errors together; `Infinity` for no limit. */
  readonly maxBytes: number;
  readonly errors: ErrorText;
  /** Called once, when nothing of the attempt is left: its body is not read any more. */
  onOver(): void;
}

/** A piece of output, `null` at its end. */
type Piece = Uint8Array | null;

/** One attempt. {@linkcode Attempt.next} gives the output piece by piece. */
export class Attempt implements Expiring {
  deadline = 0;
  readonly #options: AttemptOptions;
  #received = 0;
  /** Settles the call of `next` that waits. */
  #waiting: PromiseWithResolvers<Piece> | undefined;
  #isGivenUp = false;
  #isOver = false;

  constructor(options: AttemptOptions) {
    this.#options = options;
    const { connection, clock, head, input, errors, permit } = options;
    permit.share();
    clock.watch(this);
    connection.begin({
      head,
      input,
      onError: (bytes) => {
        this.#received += bytes.length;
        if (!this.#isGivenUp) errors.append(bytes);
        // Errors alone bring no output that could be looked at.
        if (this.#isTooLarge) connection.close();
      },
      onProgress: () => {
        if (this.#waiting !== undefined) this.#setDeadline();
      },
    });
  }

  /**
   * The next output: a view that is valid until the next call; `null` at the end, when the attempt is over.
   *
   * @throws {PhpFailure | FastCgiError} There is no more; the attempt is over or goes on without its caller.
   */
  next(): Promise<Piece> {
    const waiting = Promise.withResolvers<Piece>();
    this.#waiting = waiting;
    this.#setDeadline();
    void this.#read();
    return waiting.promise;
  }

  /** More of the output, where it has come already: what {@linkcode Attempt.next} would give. */
  ready(): Uint8Array | undefined {
    if (this.#isGivenUp || this.#isTooLarge) return undefined;
    const piece = this.#options.connection.ready();
    if (piece !== undefined) this.#received += piece.length;
    return piece;
  }

  /** No one waits for the answer any more. */
  abandon(): void {
    if (this.#isOver || this.#isGivenUp) return;
    this.#giveUp(this.#failure("abandoned", "its client has gone"));
  }

  /** The time is over: that of the caller, or that of an attempt that goes on without one. */
  expire(): void {
    if (this.#isGivenUp) return this.#end();
    const { connection, silenceMs } = this.#options;
    const secs = Math.round(silenceMs / 1000);
    const what = connection.isSending ? "took nothing more of the request" : "sent nothing";
    this.#giveUp(this.#failure("timeout", `it ${what} for ${secs} s (request_timeout_secs)`));
  }

  async #read(): Promise<void> {
    const { connection } = this.#options;
    try {
      for (;;) {
        const piece = await connection.next();
        if (piece !== null) this.#received += piece.length;
        if (piece === null) this.#end();
        if (!this.#isGivenUp) {
          if (this.#isTooLarge) throw tooLarge();
          return this.#settle(piece);
        }
        // What no one waits for is thrown away.
        if (piece === null) return;
      }
    } catch (error) {
      this.#end();
      this.#reject(this.#isTooLarge ? tooLarge() : error);
    }
  }

  get #isTooLarge(): boolean {
    return this.#received > this.#options.maxBytes;
  }

  /** Goes on in the background, so that the connection is seen to its end. */
  #giveUp(failure: FastCgiError): void {
    const { clock, silenceMs } = this.#options;
    const isReading = this.#waiting !== undefined;
    this.#isGivenUp = true;
    this.#reject(failure);
    // Of its own, and never renewed: output without end is no reason to stay.
    this.deadline = clock.now + silenceMs;
    if (!isReading) void this.#read();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.deadline = 0;
    const { connection, pool, clock, permit, onOver } = this.#options;
    clock.unwatch(this);
    pool.giveBack(connection);
    permit.release();
    onOver();
  }

  #settle(piece: Piece): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.deadline = 0;
    waiting?.resolve(piece);
  }

  #reject(error: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  #setDeadline(): void {
    const { clock, silenceMs } = this.#options;
    if (!this.#isGivenUp) this.deadline = clock.now + silenceMs;
  }

  #failure(reason: "timeout" | "abandoned", message: string): FastCgiError {
    const { connection } = this.#options;
    return new FastCgiError(reason, message, connection.isSending, this.#received > 0);
  }
}

function tooLarge(): PhpFailure {
  const message = "its answer is larger than max_response_bytes";
  return new PhpFailure("invalid_response", message, false, true, true);
}
