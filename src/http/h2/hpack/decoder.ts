/**
 * The HPACK decoder (RFC 7541). It hands fields on one by one and holds nothing but the dynamic table:
 * what is over a limit is for the receiver to drop. A field from a table costs no copy, so a block
 * cannot expand to more memory than its own bytes and the tables hold.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { DynamicTable } from "./dynamic_table.ts";
import { HpackError } from "./error.ts";
import { huffmanDecode } from "./huffman.ts";
import { MAX_CONTINUATION_OCTETS } from "./integer.ts";
import { STATIC_SIZE, STATIC_TABLE } from "./static_table.ts";
import { type KeptText, MAX_KEPT_BYTES, TextCache } from "./text_cache.ts";

/** Texts that one block may add to what is kept: more of them are noise, and keeping costs time. */
const MAX_KEPT_IN_BLOCK = 32;

/** Most updates of the table's size in one block: two say all there is to say (RFC 7541 section 4.2). */
const MAX_SIZE_UPDATES = 8;

/** SETTINGS_HEADER_TABLE_SIZE that both sides begin with, and that we never change. */
export const DEFAULT_TABLE_BYTES = 4096;

/** Where decoded fields go. */
export interface FieldSink {
  /**
   * One field line.
   *
   * @param name As sent: nothing has checked it. A character is a byte, here and in `value`.
   * @param tag Result of the {@linkcode Classifier}.
   */
  field(name: string, value: string, tag: number): void;
}

/**
 * Says once what kind of field a name and value are, so that a field which comes from a table is not
 * looked at again each time: its tag is beside it.
 */
export class Classifier {
  /** Tags of the static table; index 1 is at 0. */
  readonly staticTags: readonly number[];

  constructor(readonly classify: (name: string, value: string) => number) {
    this.staticTags = STATIC_TABLE.map(([name, value]) => classify(name, value));
  }
}

/**
 * Names that came as literals, of all connections of a worker: peers repeat a few dozen, and every
 * exchange gets the very same strings, which later comparisons are fastest on.
 */
const keptNames = new TextCache(512);

const staticNames = STATIC_TABLE.map(([name]) => name);
const staticValues = STATIC_TABLE.map(([, value]) => value);

/** Decoded text on its way to a string. Grows to what the largest field block allows, and stays. */
let scratch = Buffer.alloc(1024);

/** Decodes the field blocks of one direction of one connection, in order. */
export class Decoder {
  readonly #classifier: Classifier;
  readonly #maxTableBytes: number;
  readonly #table: DynamicTable;
  readonly #keptValues: TextCache | undefined;
  #block: Uint8Array = scratch;
  #at = 0;
  #end = 0;
  #mayKeep = 0;

  /**
   * @param maxTableBytes The SETTINGS_HEADER_TABLE_SIZE that this side announced.
   * @param keptValues Where values are remembered that come as literals again and again, as those of
   * many servers do. Values may be secret: the cache is for one peer only. Never-indexed ones are not kept.
   */
  constructor(
    classifier: Classifier,
    maxTableBytes = DEFAULT_TABLE_BYTES,
    keptValues: TextCache | undefined = undefined,
  ) {
    this.#classifier = classifier;
    this.#maxTableBytes = maxTableBytes;
    this.#table = new DynamicTable(maxTableBytes);
    this.#keptValues = keptValues;
  }

  /** Bytes in the dynamic table. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /**
   * Decodes one whole field block, `block[start, end)`.
   *
   * @throws {HpackError} when it is not valid. The connection must end then: the tables have parted.
   */
  decode(block: Uint8Array, start: number, end: number, sink: FieldSink): void {
    this.#block = block;
    this.#at = start;
    this.#end = end;
    this.#mayKeep = MAX_KEPT_IN_BLOCK;
    // Updates of the table's size are at the beginning of a block or nowhere (section 4.2).
    let updates = 0;
    while (this.#at < end && (block[this.#at] & 0xe0) === 0x20) {
      if (++updates > MAX_SIZE_UPDATES) {
        throw new HpackError("too many updates of the table's size");
      }
      this.#resizeTable();
    }
    while (this.#at < end) {
      const first = block[this.#at];
      if (first >= 0x80) this.#indexed(sink);
      else if (first >= 0x40) this.#literal(6, sink, true);
      else if (first >= 0x20) throw new HpackError("a table size update stands after a field");
      else this.#literal(4, sink, false);
    }
  }

  #resizeTable(): void {
    const size = this.#integer(5);
    if (size > this.#maxTableBytes) {
      throw new HpackError(
        `a table size of ${size} is more than the ${this.#maxTableBytes} allowed`,
      );
    }
    this.#table.resize(size);
  }

  #indexed(sink: FieldSink): void {
    const index = this.#integer(7) - 1;
    if (index < 0) throw new HpackError("index 0 stands for no field");
    if (index < STATIC_SIZE) {
      sink.field(staticNames[index], staticValues[index], this.#classifier.staticTags[index]);
      return;
    }
    const entry = this.#entry(index);
    const table = this.#table;
    sink.field(table.name(entry), table.value(entry), table.tag(entry));
  }

  #literal(prefixBits: number, sink: FieldSink, insert: boolean): void {
    const isNeverIndexed = !insert && (this.#block[this.#at] & 0x10) !== 0;
    const index = this.#integer(prefixBits) - 1;
    const name = index < 0
      ? this.#literalName()
      : index < STATIC_SIZE
      ? staticNames[index]
      : this.#table.name(this.#entry(index));
    const kept = isNeverIndexed ? undefined : this.#keptValue();
    const value = kept?.text ?? this.#literalText();
    const tag = kept !== undefined && kept.name === name
      ? kept.tag
      : this.#classifier.classify(name, value);
    if (kept !== undefined) {
      kept.name = name;
      kept.tag = tag;
    }
    if (insert) this.#table.insert(name, value, tag);
    sink.field(name, value, tag);
  }

  #entry(index: number): number {
    const entry = index - STATIC_SIZE;
    if (entry >= this.#table.count) throw new HpackError(`index ${index + 1} is beyond the table`);
    return entry;
  }

  #literalName(): string {
    const head = this.#stringHead();
    const length = head >> 1;
    const huffman = (head & 1) === 1;
    return this.#kept(keptNames, length, huffman)?.text ?? this.#text(length, huffman);
  }

  /** The value at the current place, if it is kept, or may be. */
  #keptValue(): KeptText | undefined {
    const cache = this.#keptValues;
    if (cache === undefined) return undefined;
    const before = this.#at;
    const head = this.#stringHead();
    const kept = this.#kept(cache, head >> 1, (head & 1) === 1);
    if (kept === undefined) this.#at = before;
    return kept;
  }

  #literalText(): string {
    const head = this.#stringHead();
    return head >> 1 === 0 ? "" : this.#text(head >> 1, (head & 1) === 1);
  }

  /** The text of that length at the current place from `cache`, which it is put into if it may be. */
  #kept(cache: TextCache, length: number, huffman: boolean): KeptText | undefined {
    if (length > MAX_KEPT_BYTES) return undefined;
    const start = this.#at;
    const end = start + length;
    const kept = cache.find(this.#block, start, end, huffman);
    if (kept !== undefined) {
      this.#at = end;
      return kept;
    }
    if (this.#mayKeep === 0) return undefined;
    this.#mayKeep--;
    return cache.keep(this.#block, start, end, huffman, this.#text(length, huffman));
  }

  /** The length of the text at the current place, doubled, and one more if it is Huffman coded. */
  #stringHead(): number {
    if (this.#at >= this.#end) throw new HpackError("a field ends in its middle");
    const huffman = this.#block[this.#at] >> 7;
    const length = this.#integer(7);
    if (length > this.#end - this.#at) throw new HpackError("a text is longer than its block");
    return length << 1 | huffman;
  }

  #text(length: number, huffman: boolean): string {
    const block = this.#block;
    const start = this.#at;
    const end = this.#at = start + length;
    if (huffman) {
      // The shortest code has five bits.
      makeRoom(Math.ceil(length * 8 / 5));
      return scratch.toString("latin1", 0, huffmanDecode(block, start, end, scratch));
    }
    makeRoom(length);
    for (let i = 0; i < length; i++) scratch[i] = block[start + i];
    return scratch.toString("latin1", 0, length);
  }

  /** RFC 7541 section 5.1; the octet at the current place has the prefix. */
  #integer(prefixBits: number): number {
    const block = this.#block;
    const most = (1 << prefixBits) - 1;
    let value = block[this.#at++] & most;
    if (value < most) return value;
    for (let octets = 0; octets < MAX_CONTINUATION_OCTETS; octets++) {
      if (this.#at >= this.#end) throw new HpackError("an integer ends in its middle");
      const octet = block[this.#at++];
      value += (octet & 0x7f) << (7 * octets);
      if (octet < 0x80) return value;
    }
    throw new HpackError("an integer is too long");
  }
}

function makeRoom(bytes: number): void {
  if (scratch.length < bytes) scratch = Buffer.alloc(Math.max(bytes, scratch.length * 2));
}
