/**
 * The kind `series`: counters of one thread, each with a name and labels. Only the thread itself writes to its
 * memory, so counting is one increment without `Atomics`; the keeper, or a service that reads, adds up those
 * of all threads.
 *
 * A thread registers a series once: the text of its name and labels goes into a bounded area, its number is
 * that of its cell. The reader takes what it finds for untrusted: it copies text before it looks, keeps its own
 * book of what it has read, and no value ever goes down.
 *
 * Cells are 64-bit numbers in their natural place, which the processors that the runtime exists for write in
 * one piece: a reader sees the count before or after an increment.
 *
 * @module
 */
import type { Layout } from "./layout.ts";

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

// Header cells.
const REGISTERED = 0;
const HEADER_BYTES = 64;
const LENGTHS_AT = HEADER_BYTES;
const CELLS_AT = LENGTHS_AT + 2 * MAX_SERIES;
const TEXT_AT = CELLS_AT + 8 * MAX_SERIES;

/** Bytes of the memory of one thread. Untouched pages of it cost nothing. */
export const SERIES_BYTES = TEXT_AT + TEXT_BYTES;

const encoder = new TextEncoder();
const NAME = /^[A-Za-z_:][A-Za-z0-9_:]*$/;

/** Labels of a series, in the order they are shown. */
export type Labels = Readonly<Record<string, string>>;

/** What a series is registered as. */
function textOf(name: string, labels: Labels): string {
  return JSON.stringify([name, labels]);
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
}

/** The series of one thread, as that thread works with them. */
export class SeriesWriter {
  readonly #header: Int32Array;
  readonly #lengths: Uint16Array;
  readonly #cells: Float64Array;
  readonly #text: Uint8Array;
  readonly #known = new Map<string, SeriesCell>();
  #used = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, 1);
    this.#lengths = new Uint16Array(memory, LENGTHS_AT, MAX_SERIES);
    this.#cells = new Float64Array(memory, CELLS_AT, MAX_SERIES);
    this.#text = new Uint8Array(memory, TEXT_AT, TEXT_BYTES);
  }

  /**
   * The counter of a series, the same whenever it is asked for.
   *
   * @returns `undefined` when there is no room for one more.
   */
  cell(name: string, labels: Labels): SeriesCell | undefined {
    const text = textOf(name, labels);
    return this.#known.get(text) ?? this.#register(text);
  }

  #register(text: string): SeriesCell | undefined {
    const index = this.#known.size;
    if (index === MAX_SERIES || text.length > MAX_TEXT) return undefined;
    const room = this.#text.subarray(this.#used, this.#used + MAX_TEXT);
    const { read, written } = encoder.encodeInto(text, room);
    if (read < text.length) return undefined;
    const cell = new SeriesCell(this.#cells, index);
    // First: whatever fails after this, the index has this text.
    this.#known.set(text, cell);
    this.#lengths[index] = written;
    this.#used += written;
    // Last: the reader looks no further than this.
    Atomics.store(this.#header, REGISTERED, index + 1);
    return cell;
  }
}

/** A series over all threads. */
export interface SeriesValue {
  /** As the counter is called: `fluxheim_edge_policy_events_total`. */
  readonly name: string;
  /** Names and values. */
  readonly labels: Labels;
  /** The sum, those of lost threads included. */
  readonly value: number;
}

/** A series that some thread has registered. */
interface Entry {
  readonly name: string;
  readonly labels: Labels;
  /** What lost threads have counted. */
  retired: number;
  /** Scratch for {@linkcode SeriesTotals.read}. */
  sum: number;
}

/** One thread's series as the reader knows them. */
interface Source {
  readonly memory: SharedArrayBuffer;
  /** Where each of the thread's series counts; `undefined` for one that is not taken. */
  readonly entries: (Entry | undefined)[];
  /** Highest value seen of each. */
  readonly values: number[];
  /** Bytes of text read. */
  at: number;
  /** Its memory is not in order, and no more of its series are taken. */
  isBroken: boolean;
}

/** The sums over all threads of a process. */
export class SeriesTotals {
  readonly #entries = new Map<string, Entry>();
  readonly #sources = new Map<number, Source>();
  readonly #onFault: (what: string) => void;
  #dropped = 0;

  /** @param onFault Reports what went wrong: once for all series that find no room, once for each thread. */
  constructor(onFault: (what: string) => void) {
    this.#onFault = onFault;
  }

  /** Series that were not taken: too many, or not well formed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** All series, with what `threads` have counted so far and what lost threads had. */
  read(threads: ReadonlyMap<number, { readonly buffer: SharedArrayBuffer }>): SeriesValue[] {
    for (const entry of this.#entries.values()) entry.sum = entry.retired;
    for (const [index, { buffer }] of threads) this.#look(index, buffer);
    for (const { entries, values } of this.#sources.values()) {
      for (const [i, entry] of entries.entries()) if (entry !== undefined) entry.sum += values[i];
    }
    return [...this.#entries.values()].map(({ name, labels, sum }) => ({
      name,
      labels,
      value: sum,
    }));
  }

  /** Thread `index` is lost: what it has counted in `memory` stays. */
  retire(index: number, memory: SharedArrayBuffer): void {
    this.#look(index, memory);
    const source = this.#sources.get(index);
    this.#sources.delete(index);
    if (source === undefined) return;
    for (const [i, entry] of source.entries.entries()) {
      if (entry !== undefined) entry.retired += source.values[i];
    }
  }

  #look(index: number, memory: SharedArrayBuffer): void {
    let source = this.#sources.get(index);
    if (source?.memory !== memory) {
      source = { memory, entries: [], values: [], at: 0, isBroken: false };
      this.#sources.set(index, source);
    }
    this.#takeNew(source, index);
    const cells = new Float64Array(memory, CELLS_AT, MAX_SERIES);
    for (const i of source.entries.keys()) {
      const value = cells[i];
      // A counter only grows, by whole numbers that a thread can reach.
      if (value > source.values[i] && value <= Number.MAX_SAFE_INTEGER) {
        source.values[i] = Math.floor(value);
      }
    }
  }

  #takeNew(source: Source, index: number): void {
    if (source.isBroken) return;
    const { memory, entries, values } = source;
    const registered = Atomics.load(new Int32Array(memory, 0, 1), REGISTERED);
    const broken = (what: string) => {
      source.isBroken = true;
      this.#onFault(`the series of thread ${index} are not in order: ${what}`);
    };
    if (registered < entries.length || registered > MAX_SERIES) {
      return broken(`${registered} series`);
    }
    const lengths = new Uint16Array(memory, LENGTHS_AT, MAX_SERIES);
    while (entries.length < registered) {
      const length = lengths[entries.length];
      if (length > MAX_TEXT || source.at + length > TEXT_BYTES) {
        return broken(`${length} bytes of text`);
      }
      const bytes = new Uint8Array(memory, TEXT_AT + source.at, length).slice();
      source.at += length;
      values.push(0);
      entries.push(this.#entryOf(new TextDecoder().decode(bytes)));
    }
  }

  #entryOf(text: string): Entry | undefined {
    let entry = this.#entries.get(text);
    if (entry !== undefined) return entry;
    const parsed = parseSeries(text);
    if (parsed === undefined || this.#entries.size === MAX_TOTAL_SERIES) {
      if (this.#dropped++ === 0) {
        const why = parsed === undefined
          ? "it is not well formed"
          : `there are ${MAX_TOTAL_SERIES}`;
        this.#onFault(`a series is not counted, as are later ones like it: ${why}`);
      }
      return undefined;
    }
    entry = { ...parsed, retired: 0, sum: 0 };
    this.#entries.set(text, entry);
    return entry;
  }
}

/** Name and labels, if `text` is what {@linkcode textOf} writes and can be shown. */
function parseSeries(text: string): { name: string; labels: Labels } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed) || parsed.length !== 2) return undefined;
  const [name, labels]: unknown[] = parsed;
  if (!isName(name) || typeof labels !== "object" || labels === null) return undefined;
  const entries: [string, unknown][] = Object.entries(labels);
  if (entries.length > MAX_LABELS) return undefined;
  const pairs: [string, string][] = [];
  for (const [label, value] of entries) {
    // Names that begin with two underscores are for the collector's own use.
    if (!isName(label) || label.startsWith("__") || typeof value !== "string") return undefined;
    pairs.push([label, value]);
  }
  return { name, labels: Object.freeze(Object.fromEntries(pairs)) };
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
