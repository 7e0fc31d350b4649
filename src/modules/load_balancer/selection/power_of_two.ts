/** Two members by lot, of which the one with fewer requests in flight serves (spec 03 section 6.5). @module */
import type { Member } from "../member.ts";
import { Randoms } from "./random.ts";
import type { Candidates, Selection, SelectionContext, SelectionPolicy } from "./selection.ts";

export const powerOfTwo: SelectionPolicy = {
  name: "power-of-two",
  hashes: false,
  takesWeights: false,
  takesMembers: true,
  isStatic: false,
  open: (context) => new PowerOfTwo(context),
};

class PowerOfTwo implements Selection {
  /** The index of a member as often as its configured weight says. */
  readonly #lots: Uint16Array;
  readonly #randoms = new Randoms();

  constructor(readonly context: SelectionContext) {
    this.#lots = weightedIndices(context.members);
  }

  select(candidates: Candidates): Member | undefined {
    const first = this.#draw(candidates, undefined);
    if (first === undefined) return undefined;
    const second = this.#draw(candidates, first);
    if (second === undefined) return first;
    const { shared } = this.context;
    const isBetter = shared.inFlight(second.slot) * first.effectiveWeight <
      shared.inFlight(first.slot) * second.effectiveWeight;
    return isBetter ? second : first;
  }

  #draw(candidates: Candidates, other: Member | undefined): Member | undefined {
    const { members, maxIterations } = this.context;
    const count = members.length;
    if (count === 0) return undefined;
    const drawn = members[this.#lots[this.#randoms.below(this.#lots.length)]];
    if (drawn !== other && candidates.admits(drawn)) return drawn;
    const start = this.#randoms.below(count);
    for (let i = 0; i < Math.min(maxIterations, count); i++) {
      const member = members[(start + i) % count];
      if (member !== other && candidates.admits(member)) return member;
    }
    return undefined;
  }
}

/** The index of each member as often as its configured weight says. */
export function weightedIndices(members: readonly Member[]): Uint16Array {
  const total = members.reduce((sum, { settings }) => sum + settings.weight, 0);
  const indices = new Uint16Array(total);
  let at = 0;
  for (const [index, { settings }] of members.entries()) {
    indices.fill(index, at, at += settings.weight);
  }
  return indices;
}
