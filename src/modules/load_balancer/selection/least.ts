/**
 * The smallest number for its weight wins: requests in flight, sessions, or the time to answers (spec 03
 * section 6.4). Of equals the first one does.
 *
 * @module
 */
import type { Member } from "../member.ts";
import type { Candidates, Selection, SelectionContext, SelectionPolicy } from "./selection.ts";

const COMMON = {
  hashes: false,
  takesWeights: true,
  takesMembers: true,
  isStatic: false,
} as const;

/** Requests in flight, those that are still being connected among them. */
export const leastConnections: SelectionPolicy = {
  ...COMMON,
  name: "least-connections",
  open: ({ shared }) => new Least((member) => shared.inFlight(member.slot)),
};

/** Clients that are kept with a member. */
export const leastSessions: SelectionPolicy = {
  ...COMMON,
  name: "least-sessions",
  open: (context) => new Least((member) => context.sessions(member.slot)),
};

/** The moving average of the time to answers. */
export const leastTime: SelectionPolicy = {
  ...COMMON,
  name: "least-time",
  open: (context) => new LeastTime(context),
};

class Least implements Selection {
  readonly #numberOf: (member: Member) => number;

  constructor(numberOf: (member: Member) => number) {
    this.#numberOf = numberOf;
  }

  select(candidates: Candidates): Member | undefined {
    const { members } = candidates;
    let best: Member | undefined;
    let least = 0;
    for (let i = 0; i < members.length; i++) {
      const member = members[i];
      if (!candidates.admits(member)) continue;
      const number = this.#numberOf(member);
      if (best === undefined || number * best.effectiveWeight < least * member.effectiveWeight) {
        best = member;
        least = number;
      }
    }
    return best;
  }
}

/**
 * A member that nothing is known of gets one request, and no other before that is answered: otherwise a new
 * one would get the whole burst.
 */
class LeastTime implements Selection {
  constructor(readonly context: SelectionContext) {}

  select(candidates: Candidates): Member | undefined {
    const { members } = candidates;
    let best: Member | undefined;
    let leastTime = 0;
    let leastCount = 0;
    const { shared } = this.context;
    for (let i = 0; i < members.length; i++) {
      const member = members[i];
      if (!candidates.admits(member)) continue;
      const count = shared.inFlight(member.slot);
      const known = shared.latency(member.slot);
      const time = known === 0 && count > 0 ? Infinity : known;
      if (best !== undefined) {
        const [mine, theirs] = [time * best.effectiveWeight, leastTime * member.effectiveWeight];
        const isBetter = mine === theirs
          ? count * best.effectiveWeight < leastCount * member.effectiveWeight
          : mine < theirs;
        if (!isBetter) continue;
      }
      best = member;
      leastTime = time;
      leastCount = count;
    }
    return best;
  }
}
