/** A stream whose first bytes were read before its owner was known. @module */
import { type Duplex, resetOf } from "../duplex.ts";

/** `inner`, with `first` given to the first reads. */
export class ReplayDuplex implements Duplex {
  readonly #inner: Duplex;
  #left: Uint8Array | undefined;

  constructor(inner: Duplex, first: Uint8Array) {
    this.#inner = inner;
    this.#left = first.length > 0 ? first : undefined;
  }

  read(into: Uint8Array): Promise<number | null> {
    const left = this.#left;
    if (left === undefined) return this.#inner.read(into);
    const count = Math.min(left.length, into.length);
    into.set(left.subarray(0, count));
    this.#left = count < left.length ? left.subarray(count) : undefined;
    return Promise.resolve(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#inner.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    this.#inner.close();
  }

  get reset(): (() => void) | undefined {
    return resetOf(this.#inner);
  }
}
