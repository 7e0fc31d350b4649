/**
 * One pool at work in one worker and one snapshot: chooses a member for each attempt, counts it, and hears how
 * it went.
 *
 * @module
 */
import type { ClientRequest } from "../../http/client.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { Call } from "../../gateway/origin.ts";
import { Attempt, type AttemptOwner } from "./request/attempt.ts";
import type { Chooser } from "./request/chooser.ts";
import type { PoolEvents } from "./care/events.ts";
import type { Member } from "./member.ts";
import type { FailureRules } from "./request/outcome.ts";
import type { Persistence } from "./request/persistence.ts";
import type { SharedPool } from "./memory/pool_memory.ts";
import type { WaitingRoom } from "./request/queue.ts";
import type { KeyOf } from "./request/request_key.ts";
import type { RetryRules } from "./request/retry.ts";
import type { PoolConfig } from "./table.ts";

/** Choices that may be lost to other threads, which take the last place of a member first. */
const MAX_LOST = 8;
/** Fresh choices after which the sessions that are over are cleared away. */
const SWEEP_EVERY = 1024;

/** What a pool is made of. */
export interface PoolParts {
  readonly proxy: PoolConfig;
  /** As the log names it. */
  readonly name: string;
  readonly shared: SharedPool;
  readonly chooser: Chooser;
  readonly keyOf: KeyOf;
  readonly failures: FailureRules;
  /** Ejects members; `undefined` without passive health. */
  readonly ejection:
    | { readonly threshold: number; readonly ticks: number; readonly trials: number }
    | undefined;
  readonly persistence: Persistence | undefined;
  readonly room: WaitingRoom | undefined;
  readonly retry: RetryRules | undefined;
  /** The times to answers are kept. */
  readonly isTimed: boolean;
  readonly events: PoolEvents;
  readonly log: Logger;
  readonly hidesAddresses: boolean;
  readonly now: () => number;
  readonly nowSecs: () => number;
}

/** A pool. */
export class Pool implements AttemptOwner {
  #sinceSweep = 0;

  constructor(readonly parts: PoolParts) {}

  /**
   * Takes a member for an attempt, if there is one at the moment.
   *
   * @param tried Members that the request has tried in vain.
   */
  enter(
    request: ClientRequest,
    call: Call,
    tried: readonly Member[] | undefined,
    isFirst: boolean,
  ): Attempt | undefined {
    const { persistence } = this.parts;
    if (persistence === undefined) {
      return this.choose(this.parts.keyOf(request, call), tried, isFirst);
    }
    const key = persistence.keyOf(request, call);
    if (key !== "") {
      const found = persistence.find(key);
      if (found !== undefined) {
        const kept = this.#member(found.slot, found.incarnation);
        if (kept !== undefined && tried?.includes(kept) !== true) {
          const attempt = this.#take(kept);
          if (attempt !== undefined) {
            this.parts.events.count("persistence_hit");
            return attempt;
          }
        }
      }
      if (isFirst) {
        const isMiss = found === undefined;
        this.parts.events.count(isMiss ? "persistence_miss" : "persistence_fallback");
      }
    }
    const attempt = this.choose(this.parts.keyOf(request, call), tried, isFirst);
    if (attempt !== undefined) {
      persistence.keep(key, attempt.member, call.exchange);
      if (++this.#sinceSweep >= SWEEP_EVERY) {
        this.#sinceSweep = 0;
        persistence.sessions.purge(this.parts.nowSecs());
      }
    }
    return attempt;
  }

  onLeave(member: Member): void {
    this.parts.shared.leave(member.slot);
  }

  onOutcome(member: Member, isFailure: boolean): void {
    const { events, ejection, shared, now } = this.parts;
    const { alias } = member.settings;
    if (!isFailure) {
      events.count("success", alias);
      if (ejection !== undefined) shared.succeed(member.slot);
      return;
    }
    events.count("failure", alias);
    if (ejection === undefined) return;
    const { threshold, ticks, trials } = ejection;
    if (shared.fail(member.slot, threshold, ticks, now(), trials) !== "ejected") return;
    events.count("ejected", alias);
    this.#log(
      `${this.#nameOf(member)} is ejected: ${threshold} failures in a row, or a failed trial`,
    );
  }

  /** How long the head of an answer took. */
  onAnswer({ slot }: Member, milliseconds: number, isFailure: boolean): void {
    if (this.parts.isTimed) this.parts.shared.sample(slot, milliseconds * 1000, isFailure);
  }

  /**
   * Takes a member by what the selection hashes, for what has no session.
   *
   * @param key `""` for what it knows nothing of.
   */
  choose(
    key: string,
    tried: readonly Member[] | undefined,
    isFirst: boolean,
  ): Attempt | undefined {
    const { chooser, shared } = this.parts;
    let takesTurn = isFirst;
    for (let lost = 0; lost < MAX_LOST; lost++) {
      const member = chooser.choose({ key, tried, isFirst: takesTurn });
      if (member === undefined) return undefined;
      if (shared.tryEnter(member.slot, member.settings.cap)) return this.#begin(member);
      takesTurn = false;
    }
    return undefined;
  }

  #take(member: Member): Attempt | undefined {
    const { chooser, shared } = this.parts;
    if (!chooser.maySend(member) || !shared.tryEnter(member.slot, member.settings.cap)) {
      return undefined;
    }
    return this.#begin(member);
  }

  #begin(member: Member): Attempt {
    this.parts.events.count("selected", member.settings.alias);
    return new Attempt(this, member);
  }

  #member(slot: number, incarnation: number): Member | undefined {
    const { members } = this.parts.chooser.view;
    for (let i = 0; i < members.length; i++) {
      const member = members[i];
      if (member.slot === slot && member.incarnation === incarnation) return member;
    }
    return undefined;
  }

  #nameOf({ address, settings }: Member): string {
    const { hidesAddresses, name } = this.parts;
    const { alias } = settings;
    if (hidesAddresses) return `a member${alias === "" ? "" : ` (${alias})`} of ${name}`;
    return `${address}${alias === "" ? "" : ` (${alias})`} of ${name}`;
  }

  #log(text: string): void {
    this.parts.log.log("warn", "fluxheim::load_balancer", text);
  }
}
