/** Finds the name a mistyped one was meant to be. @module */

/** Most edits between what was typed and what was meant. */
const MAX_EDITS = 3;

/** The candidate fewest edits away from `typed`, or `undefined` when none is close. */
export function nearest(typed: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestEdits = Math.min(MAX_EDITS, Math.floor(typed.length / 2)) + 1;
  for (const candidate of candidates) {
    const edits = distance(typed, candidate);
    if (edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** Insertions, deletions and substitutions that turn `a` into `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, substituted);
    }
    row = next;
  }
  return row[b.length];
}
