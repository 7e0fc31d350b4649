/**
 * The word that was probably meant.
 *
 * @module
 */

/**
 * The candidate nearest to `word` by edits (a swap of neighbours counts one), if it is near enough: one
 * edit for short words, two from five letters on, three from ten. Case, and `-` for `_`, count nothing.
 */
export function nearestWord(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = folded(word);
  let nearest: string | undefined;
  let least = word.length < 5 ? 1 : word.length < 10 ? 2 : 3;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, folded(candidate));
    if (distance > least || (distance === least && nearest !== undefined)) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

/** `did you mean "hosts"?`, when one of the candidates is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const nearest = nearestWord(word, candidates);
  return nearest === undefined ? undefined : `did you mean "${nearest}"?`;
}

/** `redirect, proxy, web or php`. */
export function oneOf(words: readonly string[]): string {
  return words.length < 2
    ? words.join()
    : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}

function folded(word: string): string {
  return word.toLowerCase().replaceAll("-", "_");
}

/** Optimal string alignment distance. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + changed);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}
