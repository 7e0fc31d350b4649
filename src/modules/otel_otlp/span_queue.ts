/**
 * The spans that wait for the collector: of all workers together, at most so many. A span that finds no room
 * is dropped and counted.
 *
 * @module
 */
import type { PartOfThread } from "../../gateway/threads/service.ts";
import { RingReader } from "../../zones/ring.ts";
import { parseSpanLine, type SpanRecord } from "./span_line.ts";

const decoder = new TextDecoder();

/** What becomes of spans that are not exported. */
export interface SpanLosses {
  /** There are too many. */
  queueFull(count: number): void;
  /** A worker left something that is no span. */
  onFault(what: string): void;
}

/** Spans of all workers. */
export class SpanQueue {
  readonly #parts: ReadonlyMap<number, PartOfThread>;
  readonly #readers = new Map<number, { readonly number: number; readonly reader: RingReader }>();
  readonly #ended: RingReader[] = [];
  readonly #max: number;
  readonly #losses: SpanLosses;
  readonly #waiting: SpanRecord[] = [];
  #isFaulty = false;

  /**
   * @param max Most spans that wait.
   * @param reads Memories of the workers' spans, by thread.
   */
  constructor(
    max: number,
    losses: SpanLosses,
    reads: (onGone: (index: number) => void) => ReadonlyMap<number, PartOfThread>,
  ) {
    this.#max = max;
    this.#losses = losses;
    this.#parts = reads((index) => this.#onGone(index));
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Takes what the workers have left, as far as there is room: the rest waits with them, up to a bound. */
  collect(): void {
    for (const [index, { number, buffer }] of this.#parts) {
      const known = this.#readers.get(index);
      if (known?.number !== number) {
        this.#readers.set(index, { number, reader: new RingReader(buffer) });
      }
    }
    for (const { reader } of this.#readers.values()) this.#empty(reader);
    for (const reader of this.#ended) this.#empty(reader);
    this.#ended.length = 0;
  }

  /** The next spans, at most `count`; they are still counted as waiting until {@linkcode SpanQueue.done}. */
  next(count: number): readonly SpanRecord[] {
    return this.#waiting.slice(0, count);
  }

  /** The first `count` are done with. */
  done(count: number): void {
    this.#waiting.splice(0, count);
  }

  #onGone(index: number): void {
    const known = this.#readers.get(index);
    if (known === undefined) return;
    this.#readers.delete(index);
    known.reader.end();
    this.#ended.push(known.reader);
  }

  #empty(reader: RingReader): void {
    for (let bytes = reader.peek(); bytes !== undefined; bytes = reader.peek()) {
      let dropped = 0;
      for (const line of decoder.decode(bytes).split("\n")) {
        if (line === "") continue;
        if (this.#waiting.length >= this.#max) dropped++;
        else this.#add(line);
      }
      reader.release(bytes.length);
      if (dropped > 0) this.#losses.queueFull(dropped);
    }
    if (reader.fault !== undefined) this.#report(`it left ${reader.fault}`);
  }

  #add(line: string): void {
    const record = parseSpanLine(line);
    if (record === undefined) this.#report("a line is no span");
    else this.#waiting.push(record);
  }

  #report(what: string): void {
    if (this.#isFaulty) return;
    this.#isFaulty = true;
    this.#losses.onFault(`spans of a worker are not in order: ${what}`);
  }
}
