/**
 * The HPACK encoder (RFC 7541). What comes again costs one or two octets; what may never come again
 * does not push out what will.
 *
 * - A pair is put into the dynamic table when it is seen for the second time while it is remembered, so
 *   request ids and one-off lengths never enter.
 * - Secrets are sent never-indexed (section 7.1.3), so that no hop may put them into a table.
 * - Huffman coding is for what enters the table, paid once; other text goes as it is, since coding it
 *   each time costs more than the octets.
 *
 * @module
 */
import { DEFAULT_TABLE_BYTES } from "./decoder.ts";
import { DynamicTable, ENTRY_OVERHEAD } from "./dynamic_table.ts";
import { huffmanEncode, huffmanLength } from "./huffman.ts";
import { MAX_INTEGER_OCTETS, writeInteger } from "./integer.ts";
import { STATIC_NAMES, STATIC_SIZE, type StaticName } from "./static_table.ts";

/** Names whose values must not enter a table here or at any later hop. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
]);

/** Names an encoder remembers; an upstream that invents names for ever fills this and no more. */
const MAX_NAMES = 96;

/** Values remembered of one name: a connection's content types, or the two answers that alternate. */
const VALUES_OF_A_NAME = 4;

/** Longer values never enter the table: one would push out most of it. */
const MAX_INDEXED_VALUE = 512;

/** Kinds of literal and their prefix: RFC 7541 sections 6.2.1 to 6.2.3. */
const INCREMENTAL = { bits: 6, pattern: 0x40 } as const;
const PLAIN = { bits: 4, pattern: 0x00 } as const;
const NEVER_INDEXED = { bits: 4, pattern: 0x10 } as const;
type Literal = typeof INCREMENTAL | typeof PLAIN | typeof NEVER_INDEXED;

/** What is remembered of one name on one connection. */
class NameMemory {
  readonly secret: boolean;
  readonly fixed: StaticName | undefined;
  /** Values seen lately, and the number of the entry each became, or 0. */
  readonly values: string[] = [];
  readonly entries: number[] = [];
  /** Which of them is replaced next. */
  next = 0;
  /** Number of the newest entry with this name, or 0. */
  newest = 0;

  constructor(name: string) {
    this.secret = SECRET_NAMES.has(name);
    this.fixed = STATIC_NAMES.get(name);
  }

  /** Forgets the value that was remembered longest. */
  remember(value: string): void {
    this.values[this.next] = value;
    this.entries[this.next] = 0;
    this.next = (this.next + 1) % VALUES_OF_A_NAME;
  }
}

/** Encodes the field blocks of one direction of one connection, in order. */
export class Encoder {
  readonly #table = new DynamicTable(DEFAULT_TABLE_BYTES);
  readonly #names = new Map<string, NameMemory>();
  /** The smallest limit since the last block, and whether a change must be sent to the peer. */
  #smallestLimit = DEFAULT_TABLE_BYTES;
  #limitChanged = false;

  /** Room that {@linkcode begin} and all of `names` and `values` need at most. */
  static bound(names: readonly string[], values: readonly string[]): number {
    let bytes = 2 * MAX_INTEGER_OCTETS;
    for (let i = 0; i < names.length; i++) bytes += Encoder.fieldBound(names[i], values[i]);
    return bytes;
  }

  /** Room that one field needs at most; a character beyond Latin-1 becomes up to three octets. */
  static fieldBound(name: string, value: string): number {
    return 3 * MAX_INTEGER_OCTETS + 3 * (name.length + value.length);
  }

  /**
   * Takes over the peer's SETTINGS_HEADER_TABLE_SIZE. A larger table than the default is not used: it
   * would cost memory on every connection and save little.
   */
  set tableLimit(bytes: number) {
    const limit = Math.min(bytes, DEFAULT_TABLE_BYTES);
    if (limit === this.#table.limit) return;
    this.#table.resize(limit);
    this.#smallestLimit = Math.min(this.#smallestLimit, limit);
    this.#limitChanged = true;
  }

  /**
   * Starts a block: writes the table size updates that are due (section 4.2).
   *
   * @returns The place after the last octet, as all writers here do.
   */
  begin(into: Uint8Array, at: number): number {
    if (!this.#limitChanged) return at;
    this.#limitChanged = false;
    const { limit } = this.#table;
    if (this.#smallestLimit < limit) at = writeInteger(this.#smallestLimit, 5, 0x20, into, at);
    this.#smallestLimit = limit;
    return writeInteger(limit, 5, 0x20, into, at);
  }

  /** Writes one field. `name` is in lower case. */
  field(name: string, value: string, into: Uint8Array, at: number): number {
    const memory = this.#names.get(name) ?? this.#meet(name);
    if (memory === undefined) {
      const kind = SECRET_NAMES.has(name) ? NEVER_INDEXED : PLAIN;
      return writeLiteral(kind, STATIC_NAMES.get(name)?.index ?? 0, name, value, into, at);
    }
    const { fixed } = memory;
    if (fixed !== undefined) {
      const same = fixed.values.indexOf(value);
      if (same >= 0) return writeInteger(fixed.indices[same], 7, 0x80, into, at);
    }
    if (memory.secret) {
      return writeLiteral(NEVER_INDEXED, this.#nameIndex(memory), name, value, into, at);
    }
    const seen = memory.values.indexOf(value);
    if (seen < 0) {
      memory.remember(value);
      return writeLiteral(PLAIN, this.#nameIndex(memory), name, value, into, at);
    }
    const index = this.#indexOf(memory.entries[seen]);
    if (index !== 0) return writeInteger(index, 7, 0x80, into, at);
    return this.#insert(memory, seen, name, value, into, at);
  }

  #meet(name: string): NameMemory | undefined {
    if (this.#names.size >= MAX_NAMES) return undefined;
    const memory = new NameMemory(name);
    this.#names.set(name, memory);
    return memory;
  }

  #insert(
    memory: NameMemory,
    seen: number,
    name: string,
    value: string,
    into: Uint8Array,
    at: number,
  ): number {
    const nameIndex = this.#nameIndex(memory);
    const size = name.length + value.length + ENTRY_OVERHEAD;
    if (
      value.length > MAX_INDEXED_VALUE || size > this.#table.limit ||
      !isLatin1(name) || !isLatin1(value)
    ) {
      return writeLiteral(PLAIN, nameIndex, name, value, into, at);
    }
    this.#table.insert(name, value, 0);
    memory.entries[seen] = memory.newest = this.#table.inserted;
    return writeLiteral(INCREMENTAL, nameIndex, name, value, into, at);
  }

  #nameIndex(memory: NameMemory): number {
    return memory.fixed?.index ?? this.#indexOf(memory.newest);
  }

  /** The index of entry number `entry` as of now; 0 when it was dropped or never was. */
  #indexOf(entry: number): number {
    const { inserted, count } = this.#table;
    return entry > inserted - count ? STATIC_SIZE + 1 + inserted - entry : 0;
  }
}

function writeLiteral(
  kind: Literal,
  nameIndex: number,
  name: string,
  value: string,
  into: Uint8Array,
  at: number,
): number {
  at = writeInteger(nameIndex, kind.bits, kind.pattern, into, at);
  if (kind === INCREMENTAL) {
    if (nameIndex === 0) at = writeShortest(name, into, at);
    return writeShortest(value, into, at);
  }
  if (nameIndex === 0) at = writePlain(name, into, at);
  return writePlain(value, into, at);
}

/** A text as it is: a character is an octet, or UTF-8 where one is beyond Latin-1. */
function writePlain(text: string, into: Uint8Array, at: number): number {
  const start = writeInteger(text.length, 7, 0, into, at);
  let all = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    all |= code;
    into[start + i] = code;
  }
  if (all <= 0xff) return start + text.length;
  const bytes = utf8.encode(text);
  at = writeInteger(bytes.length, 7, 0, into, at);
  into.set(bytes, at);
  return at + bytes.length;
}

/** A Latin-1 text, Huffman coded where that is shorter. */
function writeShortest(text: string, into: Uint8Array, at: number): number {
  const length = huffmanLength(text);
  if (length >= text.length) return writePlain(text, into, at);
  return huffmanEncode(text, into, writeInteger(length, 7, 0x80, into, at));
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}

const utf8 = new TextEncoder();
