/** Bodies that are put together of parts. @module */
import { type Body, BodyError } from "../../../http/body.ts";

/** Opens the next part of a body; its bytes are those of the whole in order. */
export type OpenPart = () => Body | Promise<Body>;

/** The parts one after the other, each opened when it is its turn. */
export class JoinedBody implements Body {
  readonly trailers: undefined = undefined;
  #current: Body | undefined;
  #lender: Body | undefined;
  #next = 0;
  #isOver = false;

  /** @param ended Called once, when it is no longer read. */
  constructor(
    readonly length: number,
    readonly parts: readonly OpenPart[],
    readonly ended: () => void,
  ) {}

  read(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#isOver) throw new BodyError(500, "the body was given up");
    const current = this.#current;
    if (current === undefined) return this.#readNext(into);
    const count = this.#read(current, into);
    if (count === null) return this.#readNext(into);
    if (typeof count === "number") return count;
    return count.then((done) => done === null ? this.#readNext(into) : done);
  }

  lend(): Uint8Array | undefined {
    const piece = this.#current?.lend?.();
    if (piece !== undefined) this.#lender = this.#current;
    return piece;
  }

  giveBack(): void {
    this.#lender?.giveBack?.();
    this.#lender = undefined;
  }

  cancel(): void {
    this.#current?.cancel();
    this.#over();
  }

  #read(body: Body, into: Uint8Array): number | null | Promise<number | null> {
    const count = body.read(into);
    if (count === null) this.#current = undefined;
    return count;
  }

  async #readNext(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const open = this.parts[this.#next];
      if (open === undefined) {
        this.#over();
        return null;
      }
      this.#next++;
      const opened = await open();
      if (this.#isOver) {
        opened.cancel();
        throw new BodyError(500, "the body was given up");
      }
      this.#current = opened;
      const count = await this.#read(opened, into);
      if (count !== null) return count;
    }
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#current = undefined;
    this.ended();
  }
}
