/**
 * The kind `series`: counters, gauges and histograms of one thread, each with a name and labels. Only the
 * thread itself writes to its memory, so counting is one increment without `Atomics`; a reader, the keeper or
 * a service, adds up those of all threads.
 *
 * A thread registers a series once: the text of its name and labels goes into a bounded area, and it gets
 * the next cells: one for a counter or a gauge, for a histogram one for each bucket and one for the sum of
 * what was observed, in microseconds. The reader takes what it finds for untrusted: it copies text before it
 * looks, keeps its own book of what it has read, and no count ever goes down.
 *
 * Cells are 64-bit numbers in their natural place, which the processors that the runtime exists for write in
 * one piece: a reader sees the count before or after an increment.
 *
 * @module
 */
import type { Layout } from "./layout.ts";
import { SERIES_ZONE_NAME } from "./zone_names.ts";

/** Name of the memory in which each thread counts. */
export const SERIES_ZONE = SERIES_ZONE_NAME;

/** Most series of one thread. */
export const MAX_SERIES = 16_384;

/** Bytes for the text of one series on average, and at most. */
const AVERAGE_TEXT = 192;
const MAX_TEXT = 2048;
const TEXT_BYTES = MAX_SERIES * AVERAGE_TEXT;

/** Series of all threads together, those of lost ones among them. */
export const MAX_TOTAL_SERIES = 2 * MAX_SERIES;

/** Most labels of one series. */
const MAX_LABELS = 12;
/** Most characters of a name, of a series or of a label. */
const MAX_NAME = 128;

/** Cells of one thread: a histogram of 14 buckets by a thousand vhosts takes 16,000. */
export const MAX_CELLS = 131_072;
/** Cells of all threads together. */
const MAX_TOTAL_CELLS = 2 * MAX_CELLS;
/** Most finite buckets of a histogram. */
export const MAX_BUCKETS = 32;

// Header cells.
const REGISTERED = 0;
const HEADER_BYTES = 64;
const LENGTHS_AT = HEADER_BYTES;
const CELLS_AT = LENGTHS_AT + 2 * MAX_SERIES;
const TEXT_AT = CELLS_AT + 8 * MAX_CELLS;

/** Bytes of the memory of one thread. Untouched pages of it cost nothing. */
export const SERIES_BYTES = TEXT_AT + TEXT_BYTES;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NAME = /^[A-Za-z_:][A-Za-z0-9_:]*$/;

/** Labels of a series, in the order they are shown. */
export type Labels = Readonly<Record<string, string>>;

/** What a series is: a count that only grows, a level of now, or counts by size. */
export type SeriesKind = "counter" | "gauge" | "histogram";

/** What a series is registered as; a histogram with the number of its finite buckets. */
function textOf(name: string, labels: Labels, form?: "gauge" | number): string {
  return JSON.stringify(form === undefined ? [name, labels] : [name, labels, form]);
}

/** One counter of this thread. */
export class SeriesCell {
  readonly #cells: Float64Array;
  readonly #index: number;

  constructor(cells: Float64Array, index: number) {
    this.#cells = cells;
    this.#index = index;
  }

  /** Counts one more. */
  count(): void {
    this.#cells[this.#index]++;
  }

  /** Counts `amount` more, a whole number that is not negative. */
  add(amount: number): void {
    this.#cells[this.#index] += amount;
  }
}

/** One gauge of this thread. */
export class GaugeCell {
  readonly #cells: Float64Array;
  readonly #index: number;

  constructor(cells: Float64Array, index: number) {
    this.#cells = cells;
    this.#index = index;
  }

  /** It is `value` now. */
  set(value: number): void {
    this.#cells[this.#index] = value;
  }

  /** It is `change` more than before. */
  add(change: number): void {
    this.#cells[this.#index] += change;
  }
}

/** One histogram of this thread. */
export class HistogramCells {
  readonly #cells: Float64Array;
  readonly #first: number;
  /** Upper bounds of its finite buckets, in microseconds. */
  readonly #bounds: Int32Array;

  constructor(cells: Float64Array, first: number, bounds: Int32Array) {
    this.#cells = cells;
    this.#first = first;
    this.#bounds = bounds;
  }

  /** Observes one time, in whole microseconds. */
  observe(us: number): void {
    const bounds = this.#bounds;
    const cells = this.#cells;
    let bucket = 0;
    while (bucket < bounds.length && us > bounds[bucket]) bucket++;
    cells[this.#first + bucket]++;
    cells[this.#first + bounds.length + 1] += us;
  }
}

/** The series of one thread, as that thread works with them. */
export class SeriesWriter {
  readonly #header: Int32Array;
  readonly #lengths: Uint16Array;
  readonly #cells: Float64Array;
  readonly #text: Uint8Array;
  readonly #counters = new Map<string, SeriesCell>();
  readonly #gauges = new Map<string, GaugeCell>();
  readonly #histograms = new Map<string, HistogramCells>();
  readonly #absorbed = new Map<string, number>();
  #registered = 0;
  #cellsUsed = 0;
  #used = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, 1);
    this.#lengths = new Uint16Array(memory, LENGTHS_AT, MAX_SERIES);
    this.#cells = new Float64Array(memory, CELLS_AT, MAX_CELLS);
    this.#text = new Uint8Array(memory, TEXT_AT, TEXT_BYTES);
  }

  /**
   * The counter of a series, the same whenever it is asked for.
   *
   * @returns `undefined` when there is no room for one more.
   */
  cell(name: string, labels: Labels): SeriesCell | undefined {
    return this.#once(
      this.#counters,
      textOf(name, labels),
      1,
      (at) => new SeriesCell(this.#cells, at),
    );
  }

  /** The gauge of a series, as {@linkcode SeriesWriter.cell}. */
  gauge(name: string, labels: Labels): GaugeCell | undefined {
    return this.#once(
      this.#gauges,
      textOf(name, labels, "gauge"),
      1,
      (at) => new GaugeCell(this.#cells, at),
    );
  }

  /**
   * The histogram of a series, as {@linkcode SeriesWriter.cell}.
   *
   * @param buckets Upper bounds of its finite buckets, in seconds, ascending.
   */
  histogram(name: string, labels: Labels, buckets: readonly number[]): HistogramCells | undefined {
    if (buckets.length === 0 || buckets.length > MAX_BUCKETS) return undefined;
    const bounds = Int32Array.from(buckets, (seconds) => Math.round(seconds * 1e6));
    return this.#once(
      this.#histograms,
      textOf(name, labels, bounds.length),
      bounds.length + 2,
      (at) => new HistogramCells(this.#cells, at, bounds),
    );
  }

  /** Adds what another thread has counted, which is over. Gauges are of threads that live. */
  absorb({ name, labels, kind, cells }: SeriesValue): void {
    if (kind === "gauge") return;
    const text = textOf(name, labels, kind === "histogram" ? cells.length - 2 : undefined);
    const first = this.#once(this.#absorbed, text, cells.length, (at) => at);
    if (first === undefined) return;
    for (let i = 0; i < cells.length; i++) this.#cells[first + i] += cells[i];
  }

  #once<T>(
    known: Map<string, T>,
    text: string,
    width: number,
    make: (at: number) => T,
  ): T | undefined {
    let made = known.get(text);
    if (made === undefined) {
      const at = this.#register(text, width);
      if (at === undefined) return undefined;
      made = make(at);
      known.set(text, made);
    }
    return made;
  }

  /** Where its cells begin. */
  #register(text: string, width: number): number | undefined {
    const index = this.#registered;
    if (index === MAX_SERIES || text.length > MAX_TEXT) return undefined;
    const first = this.#cellsUsed;
    if (first + width > MAX_CELLS) return undefined;
    const room = this.#text.subarray(this.#used, this.#used + MAX_TEXT);
    const { read, written } = encoder.encodeInto(text, room);
    if (read < text.length) return undefined;
    this.#lengths[index] = written;
    this.#used += written;
    this.#cellsUsed = first + width;
    this.#registered = index + 1;
    // Last: the reader looks no further than this.
    Atomics.store(this.#header, REGISTERED, index + 1);
    return first;
  }
}

/** A series over all threads. */
export interface SeriesValue {
  /** As the counter is called: `fluxheim_edge_policy_events_total`. */
  readonly name: string;
  /** Names and values. */
  readonly labels: Labels;
  /** What it is. */
  readonly kind: SeriesKind;
  /** Of a counter the sum, those of lost threads included; of a gauge its level over the threads that live. */
  readonly value: number;
  /** Of a histogram the count in each bucket, the one without a bound last, and then the sum in microseconds. */
  readonly cells: readonly number[];
}

/** How a gauge of several threads is one number. */
export type GaugeFold = "sum" | "max";

/** A series that some thread has registered. */
interface Entry {
  readonly name: string;
  readonly labels: Labels;
  readonly kind: SeriesKind;
  readonly fold: GaugeFold;
  /** Its cells are the `width` ones from here, in what lost threads have counted and in the sums. */
  readonly at: number;
  readonly width: number;
  /** Whether a thread that lives has it. */
  isLive: boolean;
}

/** A series of one thread, and where its cells begin. */
interface Placed {
  /** `undefined` for one that is not taken. */
  readonly entry: Entry | undefined;
  readonly first: number;
}

/** One thread's series as the reader knows them. */
interface Source {
  readonly memory: SharedArrayBuffer;
  readonly placed: Placed[];
  /** By cell: the highest count seen, or the latest level. */
  readonly seen: Float64Array;
  /** Bytes of text read, and cells given out. */
  textAt: number;
  cellsAt: number;
  /** Its memory is not in order, and no more of its series are taken. */
  isBroken: boolean;
}

/** Name and labels as they are shown, and how a gauge of them is folded. */
export interface Shown {
  readonly labels: Labels;
  readonly fold: GaugeFold;
}

/** What a reader knows of the series beside what threads say. */
export interface SeriesReading {
  /** Reports what went wrong: once for all series that find no room, once for each thread. */
  onFault(what: string): void;
  /** How a series is shown; `undefined` for as it is registered. Two that are shown alike are one. */
  show?(name: string, labels: Labels, kind: SeriesKind): Shown | undefined;
}

/** The sums over all threads of a process. */
export class SeriesTotals {
  readonly #entries = new Map<string, Entry>();
  /** By the text that registers them: threads of one kind register the same ones. */
  readonly #byText = new Map<
    string,
    { readonly entry: Entry | undefined; readonly width: number }
  >();
  /** What lost threads have counted, and scratch for {@linkcode SeriesTotals.read}; pages of them that are not used cost nothing. */
  readonly #retired = new Float64Array(MAX_TOTAL_CELLS);
  readonly #sums = new Float64Array(MAX_TOTAL_CELLS);
  #cellsUsed = 0;
  readonly #sources = new Map<number, Source>();
  readonly #reading: SeriesReading;
  #dropped = 0;

  constructor(reading: SeriesReading) {
    this.#reading = reading;
  }

  /** Series that were not taken: too many, or not well formed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** All series, with what `threads` have counted so far and what lost threads had. */
  read(threads: ReadonlyMap<number, { readonly buffer: SharedArrayBuffer }>): SeriesValue[] {
    for (const [index, { buffer }] of threads) this.#look(index, buffer);
    const sums = this.#sums;
    sums.set(this.#retired.subarray(0, this.#cellsUsed));
    for (const entry of this.#entries.values()) entry.isLive = false;
    for (const [index, source] of this.#sources) {
      const isLive = threads.has(index);
      for (const series of source.placed) {
        if (isLive || series.entry?.kind !== "gauge") addUp(sums, source.seen, series);
      }
    }
    const values: SeriesValue[] = [];
    for (const { name, labels, kind, at, width, isLive } of this.#entries.values()) {
      // The level of a thread that is gone is no level of now.
      if (kind === "gauge" && !isLive) continue;
      const cells = width === 1 ? [sums[at]] : Array.from(sums.subarray(at, at + width));
      values.push({ name, labels, kind, value: sums[at], cells });
    }
    return values;
  }

  /**
   * Takes up series that threads have registered, so that {@linkcode SeriesTotals.read} has less to do.
   *
   * @param most How many.
   * @returns Whether there may be more.
   */
  takeUp(
    threads: ReadonlyMap<number, { readonly buffer: SharedArrayBuffer }>,
    most: number,
  ): boolean {
    let left = most;
    for (const [index, { buffer }] of threads) {
      left -= this.#takeNew(this.#sourceOf(index, buffer), index, left);
      if (left <= 0) return true;
    }
    return false;
  }

  /** Thread `index` is lost: what it has counted in `memory` stays. */
  retire(index: number, memory: SharedArrayBuffer): void {
    this.#look(index, memory);
    const source = this.#sources.get(index);
    this.#sources.delete(index);
    if (source === undefined) return;
    for (const { entry, first } of source.placed) {
      if (entry === undefined || entry.kind === "gauge") continue;
      for (let i = 0; i < entry.width; i++) this.#retired[entry.at + i] += source.seen[first + i];
    }
  }

  #sourceOf(index: number, memory: SharedArrayBuffer): Source {
    const known = this.#sources.get(index);
    if (known?.memory === memory) return known;
    const seen = new Float64Array(MAX_CELLS);
    const source = { memory, placed: [], seen, textAt: 0, cellsAt: 0, isBroken: false };
    this.#sources.set(index, source);
    return source;
  }

  #look(index: number, memory: SharedArrayBuffer): void {
    const source = this.#sourceOf(index, memory);
    this.#takeNew(source, index, MAX_SERIES);
    const cells = new Float64Array(memory, CELLS_AT, MAX_CELLS);
    const { seen } = source;
    for (const { entry, first } of source.placed) {
      if (entry === undefined) continue;
      if (entry.kind === "gauge") {
        const level = cells[first];
        if (Number.isFinite(level)) seen[first] = level;
        continue;
      }
      const end = first + entry.width;
      for (let i = first; i < end; i++) {
        const value = cells[i];
        // A counter only grows, by whole numbers that a thread can reach.
        if (value > seen[i] && value <= Number.MAX_SAFE_INTEGER) seen[i] = Math.floor(value);
      }
    }
  }

  /** Takes up at most `most` series that are new; returns how many. */
  #takeNew(source: Source, index: number, most: number): number {
    const before = source.placed.length;
    this.#placeNew(source, index, before + most);
    return source.placed.length - before;
  }

  #placeNew(source: Source, index: number, end: number): void {
    if (source.isBroken) return;
    const { memory, placed } = source;
    const registered = Atomics.load(new Int32Array(memory, 0, 1), REGISTERED);
    const broken = (what: string) => {
      source.isBroken = true;
      this.#reading.onFault(`the series of thread ${index} are not in order: ${what}`);
    };
    if (registered < placed.length || registered > MAX_SERIES) {
      return broken(`${registered} series`);
    }
    const lengths = new Uint16Array(memory, LENGTHS_AT, MAX_SERIES);
    while (placed.length < registered && placed.length < end) {
      const length = lengths[placed.length];
      if (length > MAX_TEXT || source.textAt + length > TEXT_BYTES) {
        return broken(`${length} bytes of text`);
      }
      const bytes = new Uint8Array(memory, TEXT_AT + source.textAt, length).slice();
      source.textAt += length;
      const { entry, width } = this.#known(decoder.decode(bytes));
      const first = source.cellsAt;
      if (first + width > MAX_CELLS) return broken(`${first + width} cells`);
      source.cellsAt += width;
      placed.push({ entry, first });
    }
  }

  #known(text: string): { readonly entry: Entry | undefined; readonly width: number } {
    let known = this.#byText.get(text);
    if (known === undefined) {
      const parsed = parseSeries(text);
      known = { entry: this.#entryOf(parsed), width: parsed.width };
      // What a thread that was taken over writes must not be kept without a bound.
      if (this.#byText.size < MAX_TOTAL_SERIES) this.#byText.set(text, known);
    }
    return known;
  }

  #entryOf({ series, width }: Parsed): Entry | undefined {
    if (series === undefined) return this.#drop("it is not well formed");
    const { name, kind } = series;
    const shown = this.#reading.show?.(name, series.labels, kind);
    const { labels, fold } = shown ?? { labels: series.labels, fold: "sum" as const };
    const key = JSON.stringify([name, labels, kind, width]);
    let entry = this.#entries.get(key);
    if (entry !== undefined) return entry;
    if (this.#entries.size === MAX_TOTAL_SERIES) return this.#drop(`there are ${MAX_TOTAL_SERIES}`);
    const at = this.#cellsUsed;
    if (at + width > MAX_TOTAL_CELLS) return this.#drop(`there are ${at} cells`);
    this.#cellsUsed = at + width;
    entry = { name, labels, kind, fold, at, width, isLive: false };
    this.#entries.set(key, entry);
    return entry;
  }

  #drop(why: string): undefined {
    if (this.#dropped++ > 0) return;
    this.#reading.onFault(`a series is not counted, as are later ones like it: ${why}`);
  }
}

/** Adds what one thread has to the sum. */
function addUp(sums: Float64Array, seen: Float64Array, { entry, first }: Placed): void {
  if (entry === undefined) return;
  const { at, width } = entry;
  if (entry.kind === "gauge" && entry.fold === "max") {
    sums[at] = entry.isLive ? Math.max(sums[at], seen[first]) : seen[first];
  } else {
    for (let i = 0; i < width; i++) sums[at + i] += seen[first + i];
  }
  entry.isLive = true;
}

/** What a text registers. */
interface Parsed {
  /** Cells that the thread has taken for it. */
  readonly width: number;
  /** `undefined` where it cannot be shown. */
  readonly series?: Pick<SeriesValue, "name" | "labels" | "kind">;
}

/** What {@linkcode textOf} has written, or something else. */
function parseSeries(text: string): Parsed {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { width: 1 };
  }
  if (!Array.isArray(parsed)) return { width: 1 };
  const [name, labels, form]: unknown[] = parsed;
  const width = isBucketCount(form) ? form + 2 : 1;
  const shown = labelsOf(labels);
  if (!isName(name) || shown === undefined) return { width };
  if (form === undefined) return { width, series: { name, labels: shown, kind: "counter" } };
  if (form === "gauge") return { width, series: { name, labels: shown, kind: "gauge" } };
  return width === 1 ? { width } : { width, series: { name, labels: shown, kind: "histogram" } };
}

function isBucketCount(form: unknown): form is number {
  return typeof form === "number" && Number.isInteger(form) && form >= 1 && form <= MAX_BUCKETS;
}

function labelsOf(labels: unknown): Labels | undefined {
  if (typeof labels !== "object" || labels === null) return undefined;
  const entries: [string, unknown][] = Object.entries(labels);
  if (entries.length > MAX_LABELS) return undefined;
  const pairs: [string, string][] = [];
  for (const [label, value] of entries) {
    // Names that begin with two underscores are for the collector's own use.
    if (!isName(label) || label.startsWith("__") || typeof value !== "string") return undefined;
    pairs.push([label, value]);
  }
  return Object.freeze(Object.fromEntries(pairs));
}

function isName(text: unknown): text is string {
  return typeof text === "string" && text.length <= MAX_NAME && NAME.test(text);
}

/** The kind `series`. */
export const series: Layout<SeriesWriter> = {
  kind: "series",
  parts: "perThread",
  bytes: () => SERIES_BYTES,
  open: (memory) => new SeriesWriter(memory),
};
