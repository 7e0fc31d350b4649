/**
 * One attempt at one member: the permit that it holds, and its one outcome, which is known when the answer has
 * come to its end. Whatever ends it ends it once.
 *
 * @module
 */
import { type Body, BodyError } from "../../../http/body.ts";
import type { Fields } from "../../../http/fields.ts";
import type { Exchange, Held } from "../../../gateway/exchange/exchange.ts";
import type { Member } from "../member.ts";

/** What an attempt reports to. */
export interface AttemptOwner {
  /** The permit is free again. */
  onLeave(member: Member): void;
  /** The member did what it should, or did not. Not called where neither can be said. */
  onOutcome(member: Member, isFailure: boolean): void;
}

/** An attempt. */
export class Attempt implements Held {
  #holds = true;
  #hasOutcome = false;

  constructor(readonly owner: AttemptOwner, readonly member: Member) {}

  /** The member failed, or did not; further words of the same attempt are not heard. */
  report(isFailure: boolean): void {
    if (this.#hasOutcome) return;
    this.#hasOutcome = true;
    this.owner.onOutcome(this.member, isFailure);
  }

  /** It is over without another word about the member. */
  end(): void {
    this.#hasOutcome = true;
    if (!this.#holds) return;
    this.#holds = false;
    this.owner.onLeave(this.member);
  }

  /** With its exchange: a tunnel has closed. */
  release({ failure }: Exchange): void {
    if (failure === "") this.report(false);
    this.end();
  }
}

/** The body of an answer, with whose end its attempt ends. */
export class AttemptBody implements Body {
  constructor(readonly source: Body, readonly attempt: Attempt) {}

  get length(): number | undefined {
    return this.source.length;
  }

  get trailers(): Fields | undefined {
    return this.source.trailers;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    try {
      const count = this.source.read(into);
      if (typeof count === "object" && count !== null) return this.#wait(count);
      if (count === null) this.#complete();
      return count;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** The reader has gone: that says nothing about the member. */
  cancel(): void {
    this.attempt.end();
    this.source.cancel();
  }

  async #wait(pending: Promise<number | null>): Promise<number | null> {
    try {
      const count = await pending;
      if (count === null) this.#complete();
      return count;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #complete(): void {
    this.attempt.report(false);
    this.attempt.end();
  }

  #fail(error: unknown): void {
    if (error instanceof BodyError) this.attempt.report(true);
    this.attempt.end();
  }
}

/** The body of a request, with what is to be known about its sending. */
export class WatchedBody implements Body {
  /** Something of it was read, so it can no longer be sent from its beginning. */
  isTouched = false;
  /** When it was read to its end; 0 before. */
  endedAt = 0;
  #read = 0;

  constructor(readonly source: Body) {}

  get length(): number | undefined {
    return this.source.length;
  }

  get trailers(): Fields | undefined {
    return this.source.trailers;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    this.isTouched = true;
    const count = this.source.read(into);
    if (typeof count === "object" && count !== null) return this.#wait(count);
    this.#count(count);
    return count;
  }

  cancel(): void {
    this.isTouched = true;
    this.source.cancel();
  }

  async #wait(pending: Promise<number | null>): Promise<number | null> {
    const count = await pending;
    this.#count(count);
    return count;
  }

  /** A body of a known length is complete with its last byte: nothing more is read of it. */
  #count(count: number | null): void {
    if (count !== null) this.#read += count;
    if (count === null || this.#read === this.source.length) this.endedAt = performance.now();
  }
}
