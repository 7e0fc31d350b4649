/**
 * What the service has said of credentials, for a minute: a page of fifty files is asked for with one
 * password. Names and passwords are not kept, only keyed digests of them.
 *
 * @module
 */
import { createHmac, randomBytes } from "node:crypto";
import type { ReadonlyFields } from "../../http/fields.ts";

/** Credentials that are remembered; the oldest one makes room. */
const MAX_VERDICTS = 4096;
/** How long they hold, in milliseconds: also how long a worker that cannot be reached uses an old file. */
const HOLD_MS = 60_000;

/** Who a request is of. */
export interface Verdict {
  readonly user: string;
  readonly until: number;
}

/** The verdicts of one file. */
export class Verdicts {
  readonly #key = randomBytes(32);
  /** By digest, oldest first. */
  #known = new Map<string, Verdict>();
  /** By the fields of a head that repeats on its connection: compared as objects, without a digest. */
  #repeated = new WeakMap<ReadonlyFields, Verdict>();
  #generation = 0;

  /** Changes whenever the file may have changed: what was asked before says nothing of it. */
  get generation(): number {
    return this.#generation;
  }

  /** The verdict on a head that was seen before. */
  ofRepeated(fields: ReadonlyFields, now: number): Verdict | undefined {
    return current(this.#repeated.get(fields), now);
  }

  /** What credentials are remembered by. */
  digest(authorization: string): string {
    return createHmac("sha256", this.#key).update(authorization).digest("base64");
  }

  /** The verdict on credentials. */
  of(digest: string, fields: ReadonlyFields, now: number): Verdict | undefined {
    const verdict = current(this.#known.get(digest), now);
    if (verdict !== undefined) this.#repeated.set(fields, verdict);
    return verdict;
  }

  /**
   * The service has found the credentials right.
   *
   * @param generation When it was asked.
   */
  remember(digest: string, user: string, now: number, generation: number): void {
    if (generation !== this.#generation) return;
    this.#known.delete(digest);
    this.#known.set(digest, { user, until: now + HOLD_MS });
    if (this.#known.size <= MAX_VERDICTS) return;
    const [oldest] = this.#known.keys();
    this.#known.delete(oldest);
  }

  /** The file may have changed. */
  forget(): void {
    this.#generation++;
    this.#known = new Map();
    this.#repeated = new WeakMap();
  }
}

function current(verdict: Verdict | undefined, now: number): Verdict | undefined {
  return verdict !== undefined && now < verdict.until ? verdict : undefined;
}
