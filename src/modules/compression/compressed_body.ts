/**
 * A body that is compressed while it is sent: a piece is read and compressed when the client takes what
 * there is, and never more.
 *
 * @module
 */
import type { Transform } from "node:stream";
import { type Body, BodyError } from "../../http/body.ts";
import type { Fields } from "../../http/fields.ts";
import type { Held } from "../../gateway/exchange/exchange.ts";
import { tooMuch } from "./too_much.ts";

/** Bytes compressed at a time: what one thread does in about a millisecond. */
const PIECE_BYTES = 32 * 1024;

/**
 * Compresses `inner` through `stream`. Ends with a {@linkcode BodyError}, and so with a broken answer,
 * when the result grows beyond its limit.
 */
export class CompressedBody implements Body, Held {
  readonly length = undefined;
  readonly #inner: Body;
  readonly #stream: Transform;
  readonly #maxBytes: number;
  readonly #over: () => void;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  /** What came out and has not been taken. */
  readonly #output: Uint8Array[] = [];
  /** Bytes taken of the first of these. */
  #taken = 0;
  #produced = 0;
  #state: "open" | "ended" | "failed" = "open";
  #failure: unknown = undefined;
  /** Called when the stream has ended or failed. */
  #settled: (() => void) | undefined = undefined;

  /**
   * @param inner What to compress.
   * @param stream A new stream, owned by this from now on.
   * @param maxBytes Most bytes that may come out.
   * @param over Called once, when the stream is no longer needed.
   */
  constructor(inner: Body, stream: Transform, maxBytes: number, over: () => void) {
    this.#inner = inner;
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#over = over;
    stream.on("data", (bytes: Uint8Array) => this.#take(bytes));
    stream.on("end", () => this.#finish("ended", undefined));
    stream.on("error", (error) => this.#finish("failed", error));
  }

  get trailers(): Fields | undefined {
    return this.#inner.trailers;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#output.length > 0) return this.#give(into);
    if (this.#state === "ended") return null;
    return this.#produce(into);
  }

  cancel(): void {
    if (this.#state !== "open") return;
    this.#inner.cancel();
    this.#finish("failed", new BodyError(500, "the compressed body was cancelled"));
  }

  /** The exchange is over, whether or not the body was read to its end. */
  release(): void {
    this.cancel();
  }

  async #produce(into: Uint8Array): Promise<number | null> {
    while (this.#state === "open" && this.#output.length === 0) await this.#step();
    if (this.#state === "failed") throw this.#failure;
    return this.#output.length > 0 ? this.#give(into) : null;
  }

  /** Compresses one piece more, or ends the stream after the last. */
  async #step(): Promise<void> {
    let count: number | null;
    try {
      const reading = this.#inner.read(this.#piece);
      count = typeof reading === "object" && reading !== null ? await reading : reading;
    } catch (error) {
      this.#finish("failed", error);
      return;
    }
    if (this.#state !== "open") return;
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
      if (count === null) this.#stream.end();
      // Called when the piece has been worked on; until then its bytes stay as they are.
      else this.#stream.write(this.#piece.subarray(0, count), () => resolve());
    });
    this.#settled = undefined;
  }

  #take(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#produced += bytes.length;
    if (this.#produced > this.#maxBytes) {
      this.#inner.cancel();
      this.#finish("failed", tooMuch());
      return;
    }
    this.#output.push(bytes);
  }

  #give(into: Uint8Array): number {
    const [first] = this.#output;
    const count = Math.min(into.length, first.length - this.#taken);
    into.set(first.subarray(this.#taken, this.#taken + count));
    this.#taken += count;
    if (this.#taken === first.length) {
      this.#output.shift();
      this.#taken = 0;
    }
    return count;
  }

  #finish(state: "ended" | "failed", failure: unknown): void {
    if (this.#state !== "open") return;
    this.#state = state;
    this.#failure = failure;
    if (state === "failed") this.#output.length = 0;
    this.#stream.destroy();
    this.#over();
    this.#settled?.();
  }
}
