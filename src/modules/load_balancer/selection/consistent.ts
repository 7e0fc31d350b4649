/**
 * Weighted rendezvous: every member scores for a key, the best one serves, and a member that leaves moves its
 * own keys only (spec 03 sections 6.8 and 6.9).
 *
 * @module
 */
import { Fnv64 } from "../memory/fnv.ts";
import type { Member } from "../member.ts";
import type { Candidates, Selection, SelectionContext, SelectionPolicy } from "./selection.ts";

const COMMON = {
  hashes: true,
  takesWeights: false,
  takesMembers: true,
  isStatic: false,
} as const;

/** The best score serves. */
export const consistent: SelectionPolicy = {
  ...COMMON,
  name: "consistent-",
  open: (context) => new Rendezvous(context),
};

/** The best score of those that have not much more than their share. */
export const boundedLoad: SelectionPolicy = {
  ...COMMON,
  name: "bounded-load-consistent-",
  open: (context) => new BoundedLoad(context),
};

/** Scores of all members for one key, and the walk from the best one down. */
class Ranking {
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #seen: Uint8Array;
  readonly #hash = new Fnv64();

  constructor(readonly context: SelectionContext) {
    const { length } = context.members;
    this.#high = new Uint32Array(length);
    this.#low = new Uint32Array(length);
    this.#seen = new Uint8Array(length);
  }

  /** Scores for `key`; the walk begins at the best one. */
  score(key: string): void {
    const { members, seeds: { consistent: seed } } = this.context;
    const hash = this.#hash.start(seed.high, seed.low).text(key);
    const { high: keyHigh, low: keyLow } = hash;
    for (let i = 0; i < members.length; i++) {
      const member = members[i];
      hash.start(keyHigh, keyLow).number(member.keyHigh, member.keyLow);
      const { high, low } = hash;
      let [bestHigh, bestLow] = [0, 0];
      for (let replica = 0; replica < member.effectiveWeight; replica++) {
        hash.start(high, low).number(0, replica);
        if (hash.high > bestHigh || (hash.high === bestHigh && hash.low > bestLow)) {
          bestHigh = hash.high;
          bestLow = hash.low;
        }
      }
      this.#high[i] = bestHigh;
      this.#low[i] = bestLow;
    }
    this.rewind();
  }

  rewind(): void {
    this.#seen.fill(0);
  }

  /** The best member that the walk has not had; of equals the one with the lower key. */
  next(): Member | undefined {
    const { members } = this.context;
    let best = -1;
    for (let i = 0; i < members.length; i++) {
      if (this.#seen[i] === 0 && (best < 0 || this.#isBetter(i, best))) best = i;
    }
    if (best < 0) return undefined;
    this.#seen[best] = 1;
    return members[best];
  }

  #isBetter(i: number, best: number): boolean {
    if (this.#high[i] !== this.#high[best]) return this.#high[i] > this.#high[best];
    if (this.#low[i] !== this.#low[best]) return this.#low[i] > this.#low[best];
    const { members: { [i]: one, [best]: other } } = this.context;
    return one.keyHigh === other.keyHigh ? one.keyLow < other.keyLow : one.keyHigh < other.keyHigh;
  }

  /** The halves of the scores, for tests. */
  scores(): { readonly high: number; readonly low: number }[] {
    return [...this.#high].map((high, i) => ({ high, low: this.#low[i] }));
  }
}

/** Scores as tests look at them. */
export function scoresOf(context: SelectionContext, key: string): ReturnType<Ranking["scores"]> {
  const ranking = new Ranking(context);
  ranking.score(key);
  return ranking.scores();
}

class Rendezvous implements Selection {
  readonly #ranking: Ranking;

  constructor(readonly context: SelectionContext) {
    this.#ranking = new Ranking(context);
  }

  select(candidates: Candidates, key: string): Member | undefined {
    this.#ranking.score(key);
    return firstOf(this.#ranking, candidates, this.context.maxIterations);
  }
}

function firstOf(
  ranking: Ranking,
  candidates: Candidates,
  maxIterations: number,
): Member | undefined {
  for (let i = 0; i < maxIterations; i++) {
    const member = ranking.next();
    if (member === undefined || candidates.admits(member)) return member;
  }
  return undefined;
}

class BoundedLoad implements Selection {
  readonly #ranking: Ranking;

  constructor(readonly context: SelectionContext) {
    this.#ranking = new Ranking(context);
  }

  select(candidates: Candidates, key: string): Member | undefined {
    const { shared, loadFactor, maxIterations } = this.context;
    const ranking = this.#ranking;
    ranking.score(key);
    let load = 0;
    let weight = 0;
    for (const member of candidates.members) {
      if (!candidates.counts(member)) continue;
      load += shared.inFlight(member.slot);
      weight += member.effectiveWeight;
    }
    if (load > 0) {
      for (let i = 0; i < maxIterations; i++) {
        const member = ranking.next();
        if (member === undefined) break;
        const own = shared.inFlight(member.slot);
        if (own * weight * 1000 > load * member.effectiveWeight * loadFactor) continue;
        if (candidates.admits(member)) return member;
      }
      ranking.rewind();
    }
    return firstOf(ranking, candidates, maxIterations);
  }
}
