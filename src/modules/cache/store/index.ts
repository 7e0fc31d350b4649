/**
 * The index of a memory tier: which objects there are, shared by all workers. It also holds the locks of fills,
 * which are slots that have no object yet, and counts what was done.
 *
 * Looking an object up takes no lock: a walk over a bucket may be misled by a change that happens meanwhile, but
 * a slot that was pinned is looked at again, so that at worst an object is missed. Changes are made under one
 * lock. An object never changes once it is complete; one that is replaced, evicted or purged cannot be found any
 * more, and its blocks are freed when the last reader has let go of it.
 *
 * @module
 */
import { HalfSipHash } from "../../../zones/half_siphash.ts";
import type { KeeperCall, Layout, ThreadSlot } from "../../../zones/layout.ts";
import { KEEPER } from "../../../zones/layout.ts";
import { hashKey, type KeyHash, type VarianceHash } from "./key_hash.ts";
import { Guard } from "../../../zones/guard.ts";
import {
  ACTIVITIES,
  ACTIVITY,
  type Activity,
  ADVANCED,
  bytesOf,
  CHANGING,
  CREATED,
  DATED,
  DEAD,
  DOOMED,
  EXACT_HIGH,
  EXACT_LOW,
  EXPIRES,
  FILLING,
  FLAGS,
  FREE,
  FREE_SLOT,
  GENERATIONS,
  HAND,
  IF_ERROR,
  INLINE_AT,
  LAST_SERIAL,
  LENGTH,
  LINKED,
  LOCK,
  LOOSE_HIGH,
  LOOSE_LOW,
  MAP,
  MAX_PINS,
  MAX_REFERENCES,
  MAX_SLOTS,
  META,
  NEXT,
  ORPHAN,
  ORPHANS,
  OWNER,
  PENDING,
  PHASE,
  type Places,
  placesOf,
  PROGRESS,
  PURGED,
  READY,
  REFERENCE_BITS,
  REFUSED,
  SEED,
  SERIAL,
  SHADOW,
  SLOT_WORDS,
  slotsIn,
  STATE,
  STORED,
  UNITS,
  USED,
  USED_SLOTS,
  VARIANCE_HIGH,
  VARIANCE_LOW,
  VARY_HASH,
  WHILE_REVALIDATE,
} from "./slot_words.ts";

/** Most steps of a walk over a bucket: variants of one key, and others that fell into it. */
const MAX_WALK = 4096;
/** Attempts to change a count of references against other threads. */
const MAX_ATTEMPTS = 10_000;
/** Slots that one search for something to evict looks at. */
const MAX_SEARCH = 65_536;
/** Most variants of one key; the one that was used least recently goes first. */
export const MAX_VARIANTS = 64;

export { type KeyHash, UNVARIED, type VarianceHash, varianceHash } from "./key_hash.ts";

/** A slot that this thread holds, so that it stays what it is. */
export class Held {
  isReleased = false;

  /** @param place Its place in the thread's list of pins. */
  constructor(
    readonly slot: number,
    readonly generation: number,
    readonly place: number,
  ) {}
}

/** Frees the blocks of a slot that nothing holds any more. */
export type FreeBlocks = (slot: number) => void;

/** What `claim` found. */
export interface Claim {
  readonly held: Held;
  /** Whether it is the caller's own, to be filled. */
  readonly isOwn: boolean;
}

/** An index as one thread works with it. */
export class CacheIndex {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly #places: Places;
  readonly #own: number;
  readonly #threads: number;
  readonly #ownPins: number;
  readonly #freePins: number[] = [];
  #usedPins = 0;
  readonly #hash: HalfSipHash;
  readonly #guard: Guard;
  /** Set by the store: frees blocks. Without one a slot is left to a thread that has one. */
  free: FreeBlocks | undefined;

  constructor(memory: SharedArrayBuffer, { index, count }: ThreadSlot, call?: KeeperCall) {
    const words = this.words = new Int32Array(memory);
    this.floats = new Float64Array(memory, 0, Math.floor(memory.byteLength / 8));
    this.#places = placesOf(slotsIn(memory.byteLength, count), count);
    this.#own = index;
    this.#threads = count;
    this.#ownPins = this.#places.pins + Math.max(0, index) * MAX_PINS;
    this.#hash = new HalfSipHash(words[SEED], words[SEED + 1]);
    const workOut = () => this.#relink();
    const guarded = { words, lock: LOCK, changing: CHANGING, workOut };
    this.#guard = new Guard(guarded, { index, count }, call);
  }

  /** Slots that were ever used: those of a scan. */
  get usedSlots(): number {
    return Math.min(this.#places.slotCount, Math.max(0, Atomics.load(this.words, USED_SLOTS)));
  }

  /** Where the words of `slot` begin. */
  at(slot: number): number {
    return this.#places.slots + slot * SLOT_WORDS;
  }

  phase(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + PHASE);
  }

  flags(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + FLAGS);
  }

  /** When something was last purged, in milliseconds since 1970. */
  get purgedMs(): number {
    return this.floats[PURGED];
  }

  /** Something is being purged now. */
  notePurge(): void {
    this.floats[PURGED] = Date.now();
  }

  /** The hashed key of what `slot` has. */
  keyOf(slot: number): KeyHash {
    const { words } = this;
    const at = this.at(slot);
    return {
      looseLow: words[at + LOOSE_LOW],
      looseHigh: words[at + LOOSE_HIGH],
      exactLow: words[at + EXACT_LOW],
      exactHigh: words[at + EXACT_HIGH],
    };
  }

  /** One of the numbers of 64 bits of `slot`. */
  float(slot: number, which: number): number {
    return this.floats[(this.at(slot) >> 1) + which];
  }

  setFloat(slot: number, which: number, value: number): void {
    this.floats[(this.at(slot) >> 1) + which] = value;
  }

  count(activity: Activity): void {
    Atomics.add(this.words, ACTIVITY + ACTIVITIES.indexOf(activity), 1);
  }

  /** What was counted. */
  activity(): Readonly<Record<Activity, number>> {
    const counted = {} as Record<Activity, number>;
    ACTIVITIES.forEach((name, i) => counted[name] = Atomics.load(this.words, ACTIVITY + i) >>> 0);
    return counted;
  }

  /** Sets the counters back. */
  resetActivity(): void {
    ACTIVITIES.forEach((_, i) => Atomics.store(this.words, ACTIVITY + i, 0));
  }

  /**
   * Hashes a key.
   *
   * @param key Without scheme and port; characters are bytes.
   * @param part Of what the key is for; its objects are among those of the key.
   */
  hash(key: string, scheme: string, port: string, part = ""): KeyHash {
    return hashKey(this.#hash, key, scheme, port, part);
  }

  /**
   * The best slot of a key that is not dead: a complete object, else one that is being filled. Held.
   *
   * @param variance That one alone; any if `undefined`.
   */
  find(key: KeyHash, variance: VarianceHash | undefined): Held | undefined {
    let best = -1;
    let bestRank = 0;
    // A loop of its own: every hit comes here, and a generator would be made for each.
    const { words } = this;
    const { slotCount } = this.#places;
    let next = Atomics.load(words, this.#bucket(key));
    for (let steps = 0; next > 0 && next <= slotCount && steps < MAX_WALK; steps++) {
      const slot = next - 1;
      const at = this.at(slot);
      next = Atomics.load(words, at + NEXT);
      if (!this.#hasKey(slot, key)) continue;
      const phase = Atomics.load(words, at + PHASE);
      const rank = phase === READY ? 2 : phase === FILLING ? 1 : 0;
      if (rank <= bestRank || (words[at + FLAGS] & SHADOW) !== 0) continue;
      if (variance !== undefined && !this.#hasVariance(slot, variance)) continue;
      best = slot;
      bestRank = rank;
    }
    if (best < 0) return undefined;
    const held = this.hold(best);
    if (held === undefined) return undefined;
    const phase = this.phase(best);
    const isStill = (phase === READY || phase === FILLING) && this.#hasKey(best, key) &&
      (variance === undefined || this.#hasVariance(best, variance));
    if (isStill) return held;
    this.release(held);
    return undefined;
  }

  /**
   * Claims the fill of a variant, or finds who has.
   *
   * @param ageMs A fill that has not got on for so long has lost its claim.
   * @returns `undefined` where there is no room.
   */
  claim(
    key: KeyHash,
    variance: VarianceHash,
    ageMs: number,
    nowMs: number,
    isShadow = false,
  ): Claim | undefined {
    const dead: number[] = [];
    const claim = this.#locked((): Claim | undefined => {
      if (!isShadow) {
        for (const slot of this.#walk(key)) {
          const phase = this.phase(slot);
          if (phase !== PENDING && phase !== FILLING) continue;
          if ((this.flags(slot) & (SHADOW | DOOMED)) !== 0) continue;
          if (!this.#hasVariance(slot, variance)) continue;
          if (nowMs - this.float(slot, ADVANCED) > ageMs) {
            this.#unlink(slot);
            this.#kill(slot, 0);
            dead.push(slot);
            continue;
          }
          const held = this.hold(slot);
          return held === undefined ? undefined : { held, isOwn: false };
        }
      }
      const slot = this.#takeSlot();
      if (slot < 0) return undefined;
      const held = this.#begin(slot, key, variance, nowMs, isShadow ? SHADOW : 0);
      return held === undefined ? undefined : { held, isOwn: true };
    });
    for (const slot of dead) this.#giveUp(slot);
    return claim;
  }

  /** The variance of a claimed slot is known now, and with it its head: readers may come. */
  beginFilling({ slot }: Held, variance: VarianceHash, varyHash: number): boolean {
    return this.#locked(() => {
      if (this.phase(slot) !== PENDING || (this.flags(slot) & DOOMED) !== 0) return false;
      const at = this.at(slot);
      this.words[at + VARIANCE_LOW] = variance.low;
      this.words[at + VARIANCE_HIGH] = variance.high;
      this.words[at + VARY_HASH] = varyHash;
      this.words[at + SERIAL] = ++this.words[LAST_SERIAL];
      Atomics.store(this.words, at + PHASE, FILLING);
      this.notify(slot);
      return true;
    }) === true;
  }

  /**
   * The object in `held` is complete: it takes the place of others with its variance, and of those whose names
   * of variance are others.
   *
   * @returns Whether it may; a purge or a lost claim forbids it.
   */
  complete({ slot }: Held, key: KeyHash): boolean {
    const dead: number[] = [];
    const done = this.#locked(() => {
      const at = this.at(slot);
      if (this.phase(slot) !== FILLING || (this.flags(slot) & DOOMED) !== 0) return false;
      const variants: number[] = [];
      for (const other of [...this.#walk(key)]) {
        if (other === slot || this.phase(other) !== READY) continue;
        const isSame =
          this.words[this.at(other) + VARIANCE_LOW] === this.words[at + VARIANCE_LOW] &&
          this.words[this.at(other) + VARIANCE_HIGH] === this.words[at + VARIANCE_HIGH];
        const isUnreachable = this.words[this.at(other) + VARY_HASH] !== this.words[at + VARY_HASH];
        if (isSame || isUnreachable) dead.push(other);
        else variants.push(other);
      }
      if (variants.length >= MAX_VARIANTS) dead.push(this.#leastUsed(variants));
      for (const other of dead) {
        this.#unlink(other);
        this.#kill(other, 0);
      }
      Atomics.and(this.words, at + FLAGS, ~SHADOW);
      this.words[at + OWNER] = 0;
      Atomics.store(this.words, at + PHASE, READY);
      this.notify(slot);
      return true;
    }) === true;
    for (const other of dead) this.#giveUp(other);
    return done;
  }

  /** A slot cannot be found any more; its readers go on. Returns whether it could before. */
  remove(slot: number, generation: number, flags = 0): boolean {
    const removed = this.#locked(() => {
      if (this.#generation(slot) !== generation) return false;
      const phase = this.phase(slot);
      if (phase !== PENDING && phase !== FILLING && phase !== READY) return false;
      this.#unlink(slot);
      this.#kill(slot, flags);
      return true;
    }) === true;
    if (removed) this.#giveUp(slot);
    return removed;
  }

  /** Removes one object that was not used lately; returns whether there was one. */
  evict(): boolean {
    const victim = this.#locked(() => {
      const used = this.usedSlots;
      for (let looks = Math.min(2 * used, MAX_SEARCH); looks > 0; looks--) {
        const slot = (this.words[HAND] >>> 0) % Math.max(1, used);
        this.words[HAND] = slot + 1;
        if (this.phase(slot) !== READY) continue;
        const at = this.at(slot);
        if ((Atomics.and(this.words, at + FLAGS, ~USED) & USED) !== 0) continue;
        this.#unlink(slot);
        this.#kill(slot, 0);
        return slot;
      }
      return -1;
    });
    if (victim < 0) return false;
    this.count("evictions");
    this.#giveUp(victim);
    return true;
  }

  /** Holds `slot`, whatever it is now; `undefined` when it is free or too much is held. */
  hold(slot: number): Held | undefined {
    const place = this.#freePins.pop() ?? (this.#usedPins < MAX_PINS ? this.#usedPins++ : -1);
    if (place < 0) return undefined;
    const at = this.at(slot) + STATE;
    let seen = Atomics.load(this.words, at);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const references = seen & MAX_REFERENCES;
      if (references === 0 || references === MAX_REFERENCES) break;
      const was = Atomics.compareExchange(this.words, at, seen, seen + 1);
      if (was === seen) {
        Atomics.store(this.words, this.#ownPins + place, slot + 1);
        return new Held(slot, seen >>> REFERENCE_BITS, place);
      }
      seen = was;
    }
    this.#freePins.push(place);
    return undefined;
  }

  /** Gives back what `hold`, `find` or `claim` gave; harmless the second time. */
  release(held: Held): void {
    if (held.isReleased) return;
    held.isReleased = true;
    Atomics.store(this.words, this.#ownPins + held.place, 0);
    this.#freePins.push(held.place);
    this.#dereference(held.slot);
  }

  /** This thread takes so many KiB more, or gives them back, for a body whose length is not known. */
  addUnsized(units: number): void {
    Atomics.add(this.words, this.#places.unsized + this.#own, units);
  }

  /** KiB of all such bodies. */
  get unsized(): number {
    let units = 0;
    for (let thread = 0; thread < this.#threads; thread++) {
      units += Atomics.load(this.words, this.#places.unsized + thread);
    }
    return units;
  }

  /** Waiters look at `slot` again. */
  notify(slot: number): void {
    const at = this.at(slot) + PROGRESS;
    Atomics.add(this.words, at, 1);
    Atomics.notify(this.words, at);
  }

  /** How far `slot` has come, for {@linkcode CacheIndex.change}. */
  progress(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + PROGRESS);
  }

  /** Settles when `slot` has changed since its progress was `seen`, or after `timeoutMs`. */
  change(slot: number, seen: number, timeoutMs: number): Promise<unknown> | undefined {
    const result = Atomics.waitAsync(this.words, this.at(slot) + PROGRESS, seen, timeoutMs);
    return result.async ? result.value : undefined;
  }

  /** The object was used. */
  touch(slot: number): void {
    const at = this.at(slot) + FLAGS;
    if ((Atomics.load(this.words, at) & USED) === 0) Atomics.or(this.words, at, USED);
  }

  /** How many hold `slot` beside the index itself and the one that fills it. */
  readers(slot: number): number {
    return (Atomics.load(this.words, this.at(slot) + STATE) & MAX_REFERENCES) - 2;
  }

  /** Whether a fill has not got on for `ageMs`. */
  isStuck(slot: number, ageMs: number, nowMs: number): boolean {
    const phase = this.phase(slot);
    return (phase === PENDING || phase === FILLING) && nowMs - this.float(slot, ADVANCED) > ageMs;
  }

  /** Slots of all objects and fills whose key without scheme and port is this one. */
  *slotsOf(key: KeyHash): Generator<number> {
    const { looseLow, looseHigh } = key;
    const { words } = this;
    let next = Atomics.load(words, this.#bucket(key));
    for (let steps = 0; next > 0 && next <= this.#places.slotCount && steps < MAX_WALK; steps++) {
      const slot = next - 1;
      const at = this.at(slot);
      next = Atomics.load(words, at + NEXT);
      if (words[at + LOOSE_LOW] === looseLow && words[at + LOOSE_HIGH] === looseHigh) yield slot;
    }
  }

  /** A fill that must not be stored: what it is for was purged. Its readers go on. */
  doom(slot: number, generation: number): void {
    this.#locked(() => {
      if (this.#generation(slot) !== generation) return;
      const phase = this.phase(slot);
      if (phase === PENDING || phase === FILLING) {
        Atomics.or(this.words, this.at(slot) + FLAGS, DOOMED);
      }
    });
  }

  /** Frees what lost threads were the last to hold. */
  sweep(): void {
    if (Atomics.load(this.words, ORPHANS) === 0 || this.free === undefined) return;
    const orphans: number[] = [];
    this.#locked(() => {
      Atomics.store(this.words, ORPHANS, 0);
      const used = this.usedSlots;
      for (let slot = 0; slot < used; slot++) {
        if (Atomics.compareExchange(this.words, this.at(slot) + PHASE, ORPHAN, DEAD) === ORPHAN) {
          orphans.push(slot);
        }
      }
    });
    for (const slot of orphans) this.#recycle(slot);
  }

  /** Gives back what a lost thread held, and its claims. For the keeper. */
  reclaim(lost: number): void {
    const { words } = this;
    // The lock first, which the lost thread may hold.
    this.#locked(() => {}, lost);
    const used = this.usedSlots;
    for (let slot = 0; slot < used; slot++) {
      const at = this.at(slot);
      if (words[at + OWNER] === lost + 1) this.remove(slot, this.#generation(slot));
      // It may have been about to let go of what it had just made impossible to find.
      if (Atomics.load(words, at + PHASE) === DEAD) this.#giveUp(slot);
    }
    Atomics.store(words, this.#places.unsized + lost, 0);
    const first = this.#places.pins + lost * MAX_PINS;
    for (let at = first; at < first + MAX_PINS; at++) {
      const slot = Atomics.exchange(words, at, 0) - 1;
      if (slot >= 0 && slot < this.#places.slotCount) this.#dereference(slot);
    }
  }

  *#walk(key: KeyHash): Generator<number> {
    for (const slot of this.slotsOf(key)) if (this.#hasKey(slot, key)) yield slot;
  }

  #bucket({ looseLow }: KeyHash): number {
    return this.#places.buckets + (looseLow & this.#places.bucketMask);
  }

  #hasKey(slot: number, { looseLow, looseHigh, exactLow, exactHigh }: KeyHash): boolean {
    const at = this.at(slot);
    const { words } = this;
    return words[at + EXACT_LOW] === exactLow && words[at + EXACT_HIGH] === exactHigh &&
      words[at + LOOSE_LOW] === looseLow && words[at + LOOSE_HIGH] === looseHigh;
  }

  #hasVariance(slot: number, { low, high }: VarianceHash): boolean {
    const at = this.at(slot);
    return this.words[at + VARIANCE_LOW] === low && this.words[at + VARIANCE_HIGH] === high;
  }

  #generation(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + STATE) >>> REFERENCE_BITS;
  }

  #leastUsed(slots: readonly number[]): number {
    return slots.find((slot) => (this.flags(slot) & USED) === 0) ?? slots[slots.length - 1];
  }

  /** Under the lock. */
  #takeSlot(): number {
    const { words } = this;
    const first = words[FREE_SLOT];
    if (first > 0 && first <= this.#places.slotCount) {
      words[FREE_SLOT] = words[this.at(first - 1) + NEXT];
      return first - 1;
    }
    return words[USED_SLOTS] < this.#places.slotCount ? words[USED_SLOTS]++ : -1;
  }

  /** Under the lock: `slot` becomes a claim, and can be found. */
  #begin(
    slot: number,
    key: KeyHash,
    variance: VarianceHash,
    nowMs: number,
    flags: number,
  ): Held | undefined {
    const { words } = this;
    const at = this.at(slot);
    const bucket = this.#bucket(key);
    words[at + LOOSE_LOW] = key.looseLow;
    words[at + LOOSE_HIGH] = key.looseHigh;
    words[at + EXACT_LOW] = key.exactLow;
    words[at + EXACT_HIGH] = key.exactHigh;
    words[at + VARIANCE_LOW] = variance.low;
    words[at + VARIANCE_HIGH] = variance.high;
    words[at + META] = words[at + MAP] = 0;
    words[at + FLAGS] = flags | LINKED;
    words[at + OWNER] = this.#own + 1;
    words[at + VARY_HASH] = words[at + INLINE_AT] = words[at + UNITS] = 0;
    for (const which of [DATED, EXPIRES, WHILE_REVALIDATE, IF_ERROR, STORED]) {
      this.setFloat(slot, which, 0);
    }
    this.setFloat(slot, LENGTH, -1);
    this.setFloat(slot, ADVANCED, nowMs);
    this.setFloat(slot, CREATED, nowMs);
    // The index itself holds it.
    const generation = this.#generation(slot);
    Atomics.store(words, at + STATE, (generation << REFERENCE_BITS) | 1);
    Atomics.store(words, at + PHASE, PENDING);
    words[at + NEXT] = words[bucket];
    Atomics.store(words, bucket, slot + 1);
    const held = this.hold(slot);
    if (held !== undefined) return held;
    this.#unlink(slot);
    this.#kill(slot, 0);
    this.#giveUp(slot);
    return undefined;
  }

  /** Under the lock: takes `slot` out of its bucket. */
  #unlink(slot: number): void {
    const { words } = this;
    const at = this.at(slot);
    let link = this.#places.buckets + (words[at + LOOSE_LOW] & this.#places.bucketMask);
    for (let steps = 0; steps < this.#places.slotCount; steps++) {
      const next = words[link];
      if (next <= 0 || next > this.#places.slotCount) return;
      if (next - 1 === slot) {
        // Its own link stays, so that a walk that is at it goes on.
        Atomics.store(words, link, words[at + NEXT]);
        return;
      }
      link = this.at(next - 1) + NEXT;
    }
  }

  /** Under the lock. */
  #kill(slot: number, flags: number): void {
    const at = this.at(slot);
    Atomics.or(this.words, at + FLAGS, flags);
    this.words[at + OWNER] = 0;
    Atomics.store(this.words, at + PHASE, DEAD);
    this.notify(slot);
  }

  #dereference(slot: number): void {
    const at = this.at(slot) + STATE;
    let seen = Atomics.load(this.words, at);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if ((seen & MAX_REFERENCES) === 0) return;
      const was = Atomics.compareExchange(this.words, at, seen, seen - 1);
      if (was === seen) {
        if ((seen & MAX_REFERENCES) === 1) this.#recycle(slot);
        return;
      }
      seen = was;
    }
  }

  /** Nothing holds `slot`: frees its blocks and the slot itself, or leaves that to a thread that can. */
  #recycle(slot: number): void {
    const at = this.at(slot);
    if (this.free === undefined) {
      Atomics.store(this.words, at + PHASE, ORPHAN);
      Atomics.add(this.words, ORPHANS, 1);
      return;
    }
    this.free(slot);
    this.#locked(() => {
      const generation = (this.#generation(slot) + 1) % GENERATIONS;
      Atomics.store(this.words, at + STATE, generation << REFERENCE_BITS);
      Atomics.store(this.words, at + PHASE, FREE);
      this.words[at + NEXT] = this.words[FREE_SLOT];
      this.words[FREE_SLOT] = slot + 1;
    });
  }

  #isLocked = false;

  /** @throws When the lock is never freed. */
  #locked<T>(change: () => T, lost?: number): T {
    // A change may end in a slot that is freed.
    if (this.#isLocked) return change();
    return this.#guard.change(() => {
      this.#isLocked = true;
      try {
        return change();
      } finally {
        this.#isLocked = false;
      }
    }, lost);
  }

  /** A change under the lock was not ended: makes buckets and the list of free slots anew of the slots. */
  #relink(): boolean {
    const { words } = this;
    const { buckets, slotCount } = this.#places;
    words.fill(0, buckets, buckets + slotCount);
    words[FREE_SLOT] = 0;
    const used = this.usedSlots;
    for (let slot = 0; slot < used; slot++) {
      const at = this.at(slot);
      const phase = words[at + PHASE];
      if (phase === FREE) {
        words[at + NEXT] = words[FREE_SLOT];
        words[FREE_SLOT] = slot + 1;
      } else if (phase === PENDING || phase === FILLING || phase === READY) {
        const bucket = buckets + (words[at + LOOSE_LOW] & this.#places.bucketMask);
        words[at + NEXT] = words[bucket];
        words[bucket] = slot + 1;
      }
    }
    return true;
  }

  /** The index holds `slot` no more; once, whichever thread does it. */
  #giveUp(slot: number): void {
    const was = Atomics.and(this.words, this.at(slot) + FLAGS, ~LINKED);
    if ((was & LINKED) !== 0) this.#dereference(slot);
  }
}

/** Room of an index. */
export interface CacheIndexSize {
  /** Bytes of all objects: each takes a KiB at least. */
  readonly bytes: number;
}

/** The layout of an index. */
export const cacheIndex: Layout<CacheIndex, CacheIndexSize> = {
  kind: "cache index",
  parts: "shared",
  bytes: ({ bytes }, threads) => bytesOf(slotsFor(bytes), threads),
  init(memory) {
    new Int32Array(memory).set(crypto.getRandomValues(new Int32Array(2)), SEED);
  },
  open: (memory, own) => new CacheIndex(memory, own),
  reclaim(memory, { index }, call) {
    new CacheIndex(memory, { index: KEEPER, count: call.threads }, call).reclaim(index);
  },
};

function slotsFor(bytes: number): number {
  const most = Math.min(MAX_SLOTS, Math.max(256, bytes / 1024));
  return 2 ** Math.ceil(Math.log2(most));
}

export { DEAD, DOOMED, FILLING, PENDING, READY, REFUSED };
