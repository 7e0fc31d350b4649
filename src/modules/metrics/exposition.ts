/**
 * The text format of Prometheus (version 0.0.4), made in slices as the client takes them: a process with
 * twenty thousand series has megabytes of it.
 *
 * @module
 */
import type { MetricFamily } from "../../gateway/reports/series_reader.ts";
import type { Body } from "../../http/body.ts";
import type { Labels, SeriesValue } from "../../zones/series.ts";

/** `content-type` of the format. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Text that is made at once, in UTF-16 units. */
const SLICE = 16 * 1024;

const encoder = new TextEncoder();

/** Families as a body. */
export class Exposition implements Body {
  readonly length: undefined = undefined;
  readonly trailers: undefined = undefined;
  readonly #slices: AsyncIterator<string>;
  readonly #onEnd: () => void;
  #bytes = new Uint8Array(0);
  #at = 0;
  #isOver = false;

  /**
   * @param rest Further text in the same format, of other metrics.
   * @param onEnd Called once: everything was read, or the client has gone.
   */
  constructor(families: readonly MetricFamily[], rest: Promise<string>, onEnd: () => void) {
    this.#slices = slicesOf(families, rest);
    this.#onEnd = onEnd;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#at === this.#bytes.length) {
      if (this.#isOver) return null;
      const { value, done } = await this.#slices.next();
      if (done === true) {
        this.#end();
        return null;
      }
      this.#bytes = encoder.encode(value);
      this.#at = 0;
    }
    const count = Math.min(into.length, this.#bytes.length - this.#at);
    into.set(this.#bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return count;
  }

  cancel(): void {
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd();
  }
}

async function* slicesOf(
  families: readonly MetricFamily[],
  rest: Promise<string>,
): AsyncGenerator<string> {
  let slice = "";
  for (const line of linesOf(families)) {
    slice += line;
    if (slice.length < SLICE) continue;
    yield slice;
    slice = "";
  }
  if (slice !== "") yield slice;
  const others = await rest.catch(() => "");
  if (others !== "") yield others;
}

/** One block for each metric: its description, then all its series. */
function* linesOf(families: readonly MetricFamily[]): Generator<string> {
  for (const { spec: { name, help, type, buckets = [] }, series } of families) {
    if (help !== "") yield `# HELP ${name} ${help.replace(/[\\\n]/g, escape)}\n`;
    yield `# TYPE ${name} ${type}\n`;
    for (const value of series) {
      if (type === "histogram") yield histogramLines(name, value, buckets);
      else yield `${name}${braced(labelText(value.labels))} ${value.value}\n`;
    }
  }
}

function histogramLines(
  name: string,
  { labels, cells }: SeriesValue,
  buckets: readonly number[],
): string {
  const own = labelText(labels);
  const before = own === "" ? "" : `${own},`;
  let lines = "";
  let count = 0;
  for (let i = 0; i <= buckets.length; i++) {
    count += cells[i];
    const bound = i === buckets.length ? "+Inf" : String(buckets[i]);
    lines += `${name}_bucket{${before}le="${bound}"} ${count}\n`;
  }
  const braces = braced(own);
  return `${lines}${name}_sum${braces} ${cells[buckets.length + 1] / 1e6}\n` +
    `${name}_count${braces} ${count}\n`;
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function labelText(labels: Labels): string {
  let text = "";
  for (const [name, value] of Object.entries(labels)) {
    if (text !== "") text += ",";
    text += `${name}="${value.replace(/[\\"\n]/g, escape)}"`;
  }
  return text;
}

function escape(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}
