/** Maglev: a table of 65,537 slots in which all members have the same share (spec 03 section 6.10). @module */
import { BASIS_HIGH, BASIS_LOW, Fnv64 } from "../memory/fnv.ts";
import type { Member } from "../member.ts";
import type { Candidates, Selection, SelectionContext, SelectionPolicy } from "./selection.ts";

export const maglev: SelectionPolicy = {
  name: "maglev-",
  hashes: true,
  takesWeights: false,
  takesMembers: false,
  isStatic: true,
  open: (context) => new Maglev(context),
};

/** A prime, so that every step width visits every slot. */
export const MAGLEV_SLOTS = 65_537;

class Maglev implements Selection {
  readonly #table: Uint16Array;
  readonly #hash = new Fnv64();

  constructor(readonly context: SelectionContext) {
    this.#table = maglevTable(context.members);
  }

  select(candidates: Candidates, key: string): Member | undefined {
    const { members, maxIterations, seeds: { maglev: seed } } = this.context;
    if (members.length === 0) return undefined;
    const start = this.#hash.start(seed.high, seed.low).text(key).modulo(MAGLEV_SLOTS);
    let last = -1;
    for (let i = 0; i < Math.min(maxIterations, MAGLEV_SLOTS); i++) {
      const index = this.#table[(start + i) % MAGLEV_SLOTS];
      if (index === last) continue;
      last = index;
      if (candidates.admits(members[index])) return members[index];
    }
    return undefined;
  }
}

/** Where a member begins to claim slots, and how far it goes each time. */
export function maglevSteps(
  { keyHigh, keyLow }: Pick<Member, "keyHigh" | "keyLow">,
): readonly [offset: number, skip: number] {
  const hash = new Fnv64();
  const offset = hash.start(BASIS_HIGH, BASIS_LOW).number(keyHigh, keyLow).modulo(MAGLEV_SLOTS);
  const skip = hash.start(BASIS_LOW, BASIS_HIGH).number(keyHigh, keyLow).modulo(MAGLEV_SLOTS - 1);
  return [offset, skip + 1];
}

/** The index of a member in every slot; members claim their next free one in turn. */
export function maglevTable(members: readonly Member[]): Uint16Array {
  const free = 0xffff;
  const table = new Uint16Array(MAGLEV_SLOTS).fill(free);
  if (members.length === 0) return table;
  const steps = members.map(maglevSteps);
  const places = steps.map(([offset]) => offset);
  for (let claimed = 0; claimed < MAGLEV_SLOTS;) {
    for (let i = 0; i < members.length && claimed < MAGLEV_SLOTS; i++) {
      while (table[places[i]] !== free) places[i] = (places[i] + steps[i][1]) % MAGLEV_SLOTS;
      table[places[i]] = i;
      claimed++;
    }
  }
  return table;
}
