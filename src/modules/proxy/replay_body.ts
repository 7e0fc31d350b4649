/**
 * A request body that remembers what was read of it, so that a request which turned out to have gone to
 * a dead connection can be sent again (spec 02 section 9.5).
 *
 * @module
 */
import { type Body, BytesBody } from "../../http/body.ts";

/** Most bytes that are remembered; a longer body cannot be sent again. */
export const MAX_REPLAY_BYTES = 64 * 1024;

/** Passes a body on and keeps a copy of its first bytes. */
export class ReplayBody implements Body {
  #kept: Uint8Array | undefined = new Uint8Array(4096);
  #size = 0;
  #ended = false;

  constructor(readonly body: Body) {}

  get length(): number | undefined {
    return this.body.length;
  }

  get trailers() {
    return this.body.trailers;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    const count = this.body.read(into);
    return typeof count === "object" && count !== null
      ? count.then((bytes) => this.#keep(into, bytes))
      : this.#keep(into, count);
  }

  cancel(): void {
    this.body.cancel();
  }

  /** The whole body again, if it was read to its end and all of it was kept. */
  replay(): Body | undefined {
    const complete = this.#ended || this.#size === this.body.length;
    return complete && this.#kept !== undefined
      ? new BytesBody(this.#kept.subarray(0, this.#size))
      : undefined;
  }

  #keep(from: Uint8Array, count: number | null): number | null {
    if (count === null) {
      this.#ended = true;
      return null;
    }
    if (this.#kept === undefined) return count;
    const size = this.#size + count;
    if (size > MAX_REPLAY_BYTES) {
      this.#kept = undefined;
      return count;
    }
    if (size > this.#kept.length) {
      const grown = new Uint8Array(
        Math.min(MAX_REPLAY_BYTES, Math.max(size, this.#kept.length * 4)),
      );
      grown.set(this.#kept.subarray(0, this.#size));
      this.#kept = grown;
    }
    this.#kept.set(from.subarray(0, count), this.#size);
    this.#size = size;
    return count;
  }
}
