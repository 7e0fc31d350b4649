/**
 * The sessions of one pool: which member a client was kept with, by the hash of what the client is known by.
 * All entries live equally long, so the order in which they were written is the order in which they expire: the
 * oldest is the first of a list, and making room never searches. Everything is done under one lock, in a bounded
 * number of steps.
 *
 * @module
 */
import { HalfSipHash } from "../../../zones/half_siphash.ts";
import { KEEPER, type Layout, type ThreadSlot } from "../../../zones/layout.ts";
import { freeLockOf, lock, unlock } from "../../../zones/lock.ts";
import { SLOTS } from "./pool_memory.ts";

/** Header words. */
const LOCK = 0;
const LIVE = 1;
const OLDEST = 2;
const NEWEST = 3;
const SPARE = 4;
const USED = 5;
const MAX_ENTRIES = 6;
const KEY_BYTES = 7;
const SEED = 8;
/** Goes up with every change. */
const CHANGES = 10;
/** Entries of each member. */
const COUNTS = 11;
const HEADER_WORDS = COUNTS + SLOTS;

/** Words of an entry; entries are named by their number plus one, so that 0 is none. */
const HASH = 0;
const SLOT = 4;
const INCARNATION = 5;
const EXPIRES = 6;
const IN_BUCKET = 7;
const NEXT = 8;
const PREVIOUS = 9;
const LENGTH = 10;
const KEY = 11;

/** Longest key (spec 03 section 9.1). */
export const MAX_KEY_BYTES = 512;
/** Most entries of one bucket that are looked at. */
const MAX_CHAIN = 10_000;
/** Entries that are read for the state file under one lock. */
const SAVED_AT_ONCE = 256;
/** Expired entries that one call gives up at most. */
const MAX_PURGED = 64;
const LOCK_WAIT_MS = 1000;

/** Which member a session is with. */
export interface SessionMember {
  readonly slot: number;
  readonly incarnation: number;
}

/** A session for the state file. */
export interface SavedSession extends SessionMember {
  /** One byte a character. */
  readonly key: string;
  readonly secondsLeft: number;
}

/** The key of the call under way, packed; calls never wait. */
const packed = new Uint32Array(MAX_KEY_BYTES / 4 + 2);

/** Sessions as one thread works with them. Times are seconds on the shared clock. */
export class Sessions {
  readonly #words: Int32Array;
  readonly #hash: HalfSipHash;
  readonly #buckets: number;
  readonly #firstEntry: number;
  readonly #entryWords: number;
  readonly #capacity: number;

  readonly #thread: number;

  constructor(memory: SharedArrayBuffer, { index }: ThreadSlot, keyBytes: number) {
    this.#thread = index;
    const words = this.#words = new Int32Array(memory);
    this.#hash = new HalfSipHash(words[SEED], words[SEED + 1]);
    this.#entryWords = entryWords(keyBytes);
    const room = words.length - HEADER_WORDS;
    this.#buckets = bucketsIn(room, this.#entryWords);
    this.#firstEntry = HEADER_WORDS + this.#buckets;
    this.#capacity = Math.floor((room - this.#buckets) / this.#entryWords);
  }

  /** Entries, expired ones among them until they are given up. */
  get size(): number {
    return Atomics.load(this.#words, LIVE);
  }

  /** Sessions with the member in `slot`. */
  count(slot: number): number {
    return slot >= 0 && slot < SLOTS ? Atomics.load(this.#words, COUNTS + slot) : 0;
  }

  /** The member of a client; `undefined` where it has none, or had one for too long. */
  find(key: string, now: number): SessionMember | undefined {
    this.#use(key);
    return this.#locked(() => {
      const words = this.#words;
      const entry = this.#find();
      if (entry === 0) return undefined;
      const at = this.#at(entry);
      if (((words[at + EXPIRES] - now) | 0) <= 0) {
        this.#remove(entry);
        return undefined;
      }
      return { slot: words[at + SLOT], incarnation: words[at + INCARNATION] };
    });
  }

  /** Keeps a client with a member from now on, for `ttl` seconds. */
  put(key: string, { slot, incarnation }: SessionMember, now: number, ttl: number): void {
    if (slot < 0 || slot >= SLOTS || key.length > MAX_KEY_BYTES) return;
    this.#use(key);
    this.#locked(() => {
      const words = this.#words;
      const known = this.#find();
      if (known !== 0) this.#remove(known);
      this.#purge(now, 4);
      const max = Math.min(words[MAX_ENTRIES], this.#capacity);
      if (words[LIVE] >= max) this.#purge(now, MAX_PURGED);
      if (words[LIVE] >= max) this.#remove(words[OLDEST]);
      const entry = this.#take();
      if (entry === 0) return;
      const at = this.#at(entry);
      for (let i = 0; i < 4; i++) words[at + HASH + i] = this.#hashWord(i);
      words[at + SLOT] = slot;
      words[at + INCARNATION] = incarnation;
      words[at + EXPIRES] = (now + ttl) | 0;
      this.#writeKey(at, key);
      const bucket = this.#bucket(words[at + HASH]);
      words[at + IN_BUCKET] = words[bucket];
      words[bucket] = entry;
      words[at + NEXT] = 0;
      words[at + PREVIOUS] = words[NEWEST];
      if (words[NEWEST] !== 0) words[this.#at(words[NEWEST]) + NEXT] = entry;
      else words[OLDEST] = entry;
      words[NEWEST] = entry;
      words[LIVE]++;
      words[COUNTS + slot]++;
      words[CHANGES]++;
    });
  }

  /** Gives up entries that are over, a bounded number. */
  purge(now: number): void {
    const words = this.#words;
    const oldest = words[OLDEST];
    if (!this.#isEntry(oldest) || ((words[this.#at(oldest) + EXPIRES] - now) | 0) > 0) return;
    this.#locked(() => this.#purge(now, MAX_PURGED));
  }

  /** Gives up all; returns how many there were. */
  clear(): number {
    return this.#locked(() => {
      const words = this.#words;
      const count = words[LIVE];
      words.fill(0, COUNTS, this.#firstEntry);
      for (const word of [LIVE, OLDEST, NEWEST, SPARE, USED]) words[word] = 0;
      words[CHANGES]++;
      return count;
    }) ?? 0;
  }

  /** Changes with every entry that is written or cleared. */
  get changes(): number {
    return Atomics.load(this.#words, CHANGES);
  }

  /** What can be saved, some of it at a time: keys are there only where the memory keeps them. */
  *saved(now: number): Generator<readonly SavedSession[]> {
    const words = this.#words;
    for (let first = 1; first <= Math.min(words[USED], this.#capacity); first += SAVED_AT_ONCE) {
      yield this.#locked(() => this.#savedFrom(first, now)) ?? [];
    }
  }

  #savedFrom(first: number, now: number): SavedSession[] {
    const words = this.#words;
    const found: SavedSession[] = [];
    const end = Math.min(first + SAVED_AT_ONCE, words[USED] + 1, this.#capacity + 1);
    for (let entry = first; entry < end; entry++) {
      const at = this.#at(entry);
      if (words[at + SLOT] < 0) continue;
      const secondsLeft = (words[at + EXPIRES] - now) | 0;
      const key = this.#readKey(at);
      if (secondsLeft <= 0 || key === "") continue;
      found.push({
        key,
        secondsLeft,
        slot: words[at + SLOT],
        incarnation: words[at + INCARNATION],
      });
    }
    return found;
  }

  #use(key: string): void {
    const length = Math.min(key.length, MAX_KEY_BYTES);
    const count = (length + 3) >> 2;
    packed.fill(0, 0, count);
    for (let i = 0; i < length; i++) packed[i >> 2] |= (key.charCodeAt(i) & 0xff) << (8 * (i & 3));
    packed[count] = length;
    this.#hash.hash(packed, count + 1);
  }

  #hashWord(i: number): number {
    const { low, high, moreLow, moreHigh } = this.#hash;
    return (i === 0 ? low : i === 1 ? high : i === 2 ? moreLow : moreHigh) | 0;
  }

  #find(): number {
    const words = this.#words;
    let entry = words[this.#bucket(this.#hashWord(0))];
    for (let i = 0; this.#isEntry(entry) && i < MAX_CHAIN; i++) {
      const at = this.#at(entry);
      if (
        words[at] === this.#hashWord(0) && words[at + 1] === this.#hashWord(1) &&
        words[at + 2] === this.#hashWord(2) && words[at + 3] === this.#hashWord(3)
      ) return entry;
      entry = words[at + IN_BUCKET];
    }
    return 0;
  }

  #purge(now: number, max: number): void {
    const words = this.#words;
    for (let i = 0; i < max; i++) {
      const oldest = words[OLDEST];
      if (!this.#isEntry(oldest)) return;
      if (((words[this.#at(oldest) + EXPIRES] - now) | 0) > 0) return;
      this.#remove(oldest);
    }
  }

  #remove(entry: number): void {
    if (!this.#isEntry(entry)) return;
    const words = this.#words;
    const at = this.#at(entry);
    const [next, previous] = [words[at + NEXT], words[at + PREVIOUS]];
    if (this.#isEntry(previous)) words[this.#at(previous) + NEXT] = next;
    else words[OLDEST] = next;
    if (this.#isEntry(next)) words[this.#at(next) + PREVIOUS] = previous;
    else words[NEWEST] = previous;
    let link = this.#bucket(words[at + HASH]);
    for (let i = 0; i < MAX_CHAIN && words[link] !== entry; i++) {
      if (!this.#isEntry(words[link])) return;
      link = this.#at(words[link]) + IN_BUCKET;
    }
    words[link] = words[at + IN_BUCKET];
    const slot = words[at + SLOT];
    if (slot >= 0 && slot < SLOTS) words[COUNTS + slot]--;
    words[LIVE]--;
    words[at + SLOT] = -1;
    words[at + IN_BUCKET] = words[SPARE];
    words[SPARE] = entry;
  }

  #take(): number {
    const words = this.#words;
    const spare = words[SPARE];
    if (this.#isEntry(spare)) {
      words[SPARE] = words[this.#at(spare) + IN_BUCKET];
      return spare;
    }
    return words[USED] >= 0 && words[USED] < this.#capacity ? ++words[USED] : 0;
  }

  #writeKey(at: number, key: string): void {
    const words = this.#words;
    const room = 4 * (this.#entryWords - KEY);
    words[at + LENGTH] = key.length > room ? 0 : key.length;
    if (key.length > room) return;
    words.fill(0, at + KEY, at + this.#entryWords);
    for (let i = 0; i < key.length; i++) {
      words[at + KEY + (i >> 2)] |= (key.charCodeAt(i) & 0xff) << (8 * (i & 3));
    }
  }

  #readKey(at: number): string {
    const words = this.#words;
    const length = Math.min(Math.max(0, words[at + LENGTH]), 4 * (this.#entryWords - KEY));
    let key = "";
    for (let i = 0; i < length; i++) {
      key += String.fromCharCode((words[at + KEY + (i >> 2)] >>> (8 * (i & 3))) & 0xff);
    }
    return key;
  }

  #isEntry(entry: number): boolean {
    return entry > 0 && entry <= this.#capacity;
  }

  #at(entry: number): number {
    return this.#firstEntry + (entry - 1) * this.#entryWords;
  }

  #bucket(hash: number): number {
    return HEADER_WORDS + (hash & (this.#buckets - 1));
  }

  #locked<T>(change: () => T): T | undefined {
    const words = this.#words;
    if (!lock(words, LOCK, this.#thread, () => performance.now() + LOCK_WAIT_MS)) return undefined;
    try {
      return change();
    } finally {
      unlock(words, LOCK, this.#thread);
    }
  }
}

/** Room of a table of sessions. */
export interface SessionsSize {
  readonly maxEntries: number;
  /** Longest key that is kept for the state file; 0 where none is. */
  readonly keyBytes: number;
}

function entryWords(keyBytes: number): number {
  return KEY + ((keyBytes + 3) >> 2);
}

function bucketsFor(maxEntries: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(64, maxEntries)));
}

/** The number of buckets of a table whose size in words is known. */
function bucketsIn(room: number, words: number): number {
  let buckets = 64;
  while (2 * buckets + (buckets + 1) * words <= room) buckets *= 2;
  return buckets;
}

/** Bytes of a table of sessions. */
export function sessionBytes({ maxEntries, keyBytes }: SessionsSize): number {
  const entries = Math.max(64, maxEntries);
  return 4 * (HEADER_WORDS + bucketsFor(entries) + entries * entryWords(keyBytes));
}

/** The kind of memory that sessions have. */
export const sessionMemory: Layout<Sessions, SessionsSize, SessionsSize> = {
  kind: "sessions",
  parts: "shared",
  bytes: sessionBytes,
  init(memory) {
    new Int32Array(memory).set(crypto.getRandomValues(new Int32Array(2)), SEED);
  },
  open: (memory, own) => new Sessions(memory, own, new Int32Array(memory)[KEY_BYTES]),
  apply(memory, { maxEntries, keyBytes }) {
    const words = new Int32Array(memory);
    Atomics.store(words, MAX_ENTRIES, maxEntries);
    Atomics.store(words, KEY_BYTES, keyBytes);
  },
  reclaim(memory, { index }) {
    const words = new Int32Array(memory);
    if (!freeLockOf(words, LOCK, index)) return;
    // It may have left the lists half-changed: clients choose anew.
    new Sessions(memory, { index: KEEPER, count: 0 }, words[KEY_BYTES]).clear();
  },
};
