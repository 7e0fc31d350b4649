/** The hash of a key picks a member, a hash of that the next one (spec 03 section 6.7). @module */
import { Fnv64 } from "../memory/fnv.ts";
import type { Member } from "../member.ts";
import { weightedIndices } from "./power_of_two.ts";
import type { Candidates, Selection, SelectionContext, SelectionPolicy } from "./selection.ts";

export const hash: SelectionPolicy = {
  name: "",
  hashes: true,
  takesWeights: false,
  takesMembers: true,
  isStatic: false,
  open: (context) => new Hash(context),
};

class Hash implements Selection {
  readonly #lots: Uint16Array;
  readonly #hash = new Fnv64();

  constructor(readonly context: SelectionContext) {
    this.#lots = weightedIndices(context.members);
  }

  select(candidates: Candidates, key: string): Member | undefined {
    const { members, maxIterations, seeds: { hash: seed } } = this.context;
    const count = members.length;
    if (count === 0) return undefined;
    const hash = this.#hash.start(seed.high, seed.low).text(key);
    let index = this.#lots[hash.modulo(this.#lots.length)];
    for (let step = 0; step < maxIterations; step++) {
      const member = members[index];
      if (candidates.admits(member)) return member;
      const { high, low } = hash;
      index = hash.start(seed.high, seed.low).number(high, low).modulo(count);
    }
    // A pass never fails while there is a member that it may choose.
    for (let i = 0; i < count; i++) if (candidates.admits(members[i])) return members[i];
    return undefined;
  }
}
