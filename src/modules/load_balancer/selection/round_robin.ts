/** Weighted round robin in blocks: weights 4, 4, 2, 1 give AAAABBBBCCD (spec 03 section 6.3). @module */
import type { Member } from "../member.ts";
import type { Candidates, SelectionPolicy } from "./selection.ts";

export const roundRobin: SelectionPolicy = {
  name: "round-robin",
  hashes: false,
  takesWeights: true,
  takesMembers: true,
  isStatic: false,
  open() {
    /** Those that a pass may choose now; used within one call. */
    const admitted: Member[] = [];
    return { select: (candidates) => select(candidates, admitted) };
  },
};

function select(candidates: Candidates, admitted: Member[]): Member | undefined {
  const { members, isPlain } = candidates;
  if (isPlain) {
    return members.length === 0 ? undefined : walk(members, candidates, candidates.totalWeight);
  }
  let count = 0;
  let total = 0;
  for (let i = 0; i < members.length; i++) {
    const member = members[i];
    if (!candidates.admits(member)) continue;
    admitted[count++] = member;
    total += member.effectiveWeight;
  }
  admitted.length = count;
  const found = count === 0 ? undefined : walk(admitted, candidates, total);
  admitted.length = 0;
  return found;
}

function walk(members: readonly Member[], candidates: Candidates, total: number): Member {
  let turn = candidates.turn() % total;
  let i = 0;
  while (i < members.length - 1 && turn >= members[i].effectiveWeight) {
    turn -= members[i++].effectiveWeight;
  }
  return members[i];
}
