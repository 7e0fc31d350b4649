/** Series as `GET live` shows them, as many as find room in one answer. @module */
import type { Plain } from "../../gateway/threads/thread.ts";
import type { SeriesValue } from "../../zones/series.ts";

/** Most series of one answer. */
const MAX_COUNTERS = 2_000;
/** Most characters of them: an answer of the keeper has at most half a million, and names may be long. */
const MAX_CHARS = 384 * 1024;

/** The first series, and whether there are more than find room. */
export function shownCounters(
  series: readonly SeriesValue[],
): { readonly counters: readonly Plain[]; readonly truncated: boolean } {
  const counters: Plain[] = [];
  let chars = 0;
  for (const one of series) {
    const counter = shownSeries(one);
    chars += JSON.stringify(counter).length;
    if (counters.length === MAX_COUNTERS || chars > MAX_CHARS) break;
    counters.push(counter);
  }
  return { counters, truncated: counters.length < series.length };
}

/** A histogram has the counts of its buckets and, last, the sum of its times in microseconds. */
function shownSeries({ name, labels, kind, value, cells }: SeriesValue): Plain {
  const shown = { name, labels: { ...labels }, kind };
  if (kind !== "histogram") return { ...shown, value };
  return { ...shown, value: cells.slice(0, -1).reduce((all, one) => all + one, 0), cells };
}
