/** A body at whose end something is given back. @module */
import type { Body } from "../../../http/body.ts";
import type { Fields } from "../../../http/fields.ts";

/** Passes a body on, and calls `release` once: when it has ended (`isWhole`), failed or was cancelled. */
export class ReleasingBody implements Body {
  #isOver = false;

  constructor(readonly inner: Body, readonly release: (isWhole: boolean) => void) {}

  get length(): number | undefined {
    return this.inner.length;
  }

  get trailers(): Fields | undefined {
    return this.inner.trailers;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    try {
      const count = this.inner.read(into);
      if (count === null) this.#over(true);
      else if (typeof count === "object") return this.#readLater(count);
      return count;
    } catch (error) {
      this.#over(false);
      throw error;
    }
  }

  cancel(): void {
    this.inner.cancel();
    this.#over(false);
  }

  async #readLater(reading: Promise<number | null>): Promise<number | null> {
    try {
      const count = await reading;
      if (count === null) this.#over(true);
      return count;
    } catch (error) {
      this.#over(false);
      throw error;
    }
  }

  #over(isWhole: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.release(isWhole);
  }
}
