/**
 * The shared memory of one pool: its members and what all threads know and count of them. A member has a slot,
 * which belongs to its address: counts, health and overrides outlive a reload, and requests that are under way
 * when a member leaves give their permit back where they took it.
 *
 * What requests change is changed by single atomic operations. The list of members, ejections and the retry
 * budget are changed under a lock, for some dozen instructions.
 *
 * Times are ticks of 10 ms on the clock that all threads share ({@linkcode ticksOf}), compared so that they may
 * wrap around: what is older than 248 days would look new, and is cleared long before.
 *
 * @module
 */
import { KEEPER, type KeeperCall, type Layout, type ThreadSlot } from "../../../zones/layout.ts";
import { freeLockOf, lock, unlock } from "../../../zones/lock.ts";
import { memberKey } from "./fnv.ts";

/** Most members of a pool at run time (spec 03 section 20). */
export const MAX_MEMBERS = 256;
/** Members, and those that have left and still have requests under way or an override. */
export const SLOTS = 320;

/** Header words. */
const LOCK = 0;
const GENERATION = 1;
const CURSOR = 2;
const RAMP = 3;
const WAITING = 4;
const WAKE = 5;
const BUDGET_START = 6;
const BUDGET_USED = 7;
const MEMBERS = 8;
/** What of the configuration the list was made from; 0 while there was none. */
const CONFIGURED = 9;
const IS_CHANGED = 10;
/** What was saved by an earlier process has been taken up. */
const IS_RESTORED = 11;
const HEADER_WORDS = 16;

/** Words of a slot. */
const STATE = 0;
const KEY_HIGH = 1;
const KEY_LOW = 2;
const INCARNATION = 3;
const FLAGS = 4;
const OVERRIDE_AT = 5;
const WEIGHT = 6;
const WEIGHT_AT = 7;
const HEALTH_PERCENT = 8;
const IN_FLIGHT = 9;
const FAILURES = 10;
const EJECTED_UNTIL = 11;
const RAMP_START = 12;
const LATENCY = 13;
/** Successes that a member which was ejected still owes before it gets its share. */
const TRIALS = 14;
const LENGTH = 15;
const ADDRESS = 16;
/** `[` and 45 characters and `]:65535`, four to a word. */
const ADDRESS_WORDS = 14;
const SLOT_WORDS = ADDRESS + ADDRESS_WORDS;
const MAX_ADDRESS = 4 * ADDRESS_WORDS;

/** What a slot is. */
const UNUSED = 0;
const MEMBER = 1;
const LEFT = 2;

/** {@linkcode SharedPool.flags}: probes say that it is down. */
export const UNHEALTHY = 1;
/** An operator takes it out of selection. */
export const DRAINED = 2;
/** The same, reported in other words. */
export const DISABLED = 4;
/** The same again. */
export const FORCED_DOWN = 8;
/** Any of these three. */
export const OVERRIDDEN: number = DRAINED | DISABLED | FORCED_DOWN;

/** How long a thread waits for the lock, which is held for some dozen instructions. */
const LOCK_WAIT_MS = 1000;
/** Attempts against other threads. Each one that fails is another's success. */
const MAX_ATTEMPTS = 10_000;
/** What an attempt that failed counts for in the latency of a member that has never answered. */
const FAILED_SAMPLE_US = 1_000_000;

/** A member as the shared memory has it. */
export interface SharedMember {
  readonly slot: number;
  readonly address: string;
  /** Another number each time the address joins: connections of an earlier life are not used again. */
  readonly incarnation: number;
}

/** How the last failure of a member ended. */
export type FailureOutcome = "counted" | "ejected" | "ignored";

/** Ticks of 10 ms, of nanoseconds on the shared clock. Never 0, which stands for none. */
export function ticksOf(nanoseconds: number): number {
  return Math.floor(nanoseconds / 1e7) | 0 || 1;
}

/** Whole ticks of a time in milliseconds. */
export function ticksIn(ms: number): number {
  return Math.max(1, Math.ceil(ms / 10));
}

/** A pool's memory as one thread works with it. */
export class SharedPool {
  static bytes(threads: number): number {
    return 4 * (HEADER_WORDS + MAX_MEMBERS + SLOTS * SLOT_WORDS + threads * (SLOTS + 1));
  }

  readonly #words: Int32Array;
  readonly #thread: number;
  readonly #until: () => number;

  constructor(memory: SharedArrayBuffer, own: ThreadSlot, until = inTime) {
    this.#words = new Int32Array(memory);
    this.#thread = own.index;
    this.#until = until;
  }

  /** Changes with everything that selection may remember: members, their health, overrides and weights. */
  get generation(): number {
    return Atomics.load(this.#words, GENERATION);
  }

  /** Whether an operator has changed the list since it was configured. */
  get isChanged(): boolean {
    return Atomics.load(this.#words, IS_CHANGED) !== 0;
  }

  // --- members ---------------------------------------------------------------------------------

  /** Every member, in no order. What is not in order in the memory is left out. */
  members(): SharedMember[] {
    const words = this.#words;
    const found: SharedMember[] = [];
    const count = Math.min(Math.max(0, Atomics.load(words, MEMBERS)), MAX_MEMBERS);
    for (let i = 0; i < count; i++) {
      const slot = Atomics.load(words, HEADER_WORDS + i);
      // A thread that was lost while it wrote the list may have left a part of the one before.
      if (slot < 0 || slot >= SLOTS || found.some((other) => other.slot === slot)) continue;
      const address = this.#addressAt(slot);
      if (address === "") continue;
      found.push({ slot, address, incarnation: Atomics.load(words, slotAt(slot) + INCARNATION) });
    }
    return found;
  }

  /** The slot of an address that is, or was, a member; -1 for none. */
  slotOf(address: string): number {
    const { high, low } = memberKey(address);
    const words = this.#words;
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = slotAt(slot);
      if (words[at + STATE] === UNUSED) continue;
      if (words[at + KEY_LOW] !== (low | 0) || words[at + KEY_HIGH] !== (high | 0)) continue;
      if (this.#addressAt(slot) === address) return slot;
    }
    return -1;
  }

  /**
   * Makes `addresses` the members. An unchanged set is no change, whatever its order.
   *
   * @returns Whether it could: not while the memory is locked for long, nor when it has no room.
   */
  setMembers(addresses: readonly string[], isChanged = false): boolean {
    const wanted = [...new Set(addresses)].slice(0, MAX_MEMBERS);
    return this.#locked(() => {
      const words = this.#words;
      const before = this.members();
      if (isChanged) Atomics.store(words, IS_CHANGED, 1);
      const same = before.length === wanted.length &&
        before.every(({ address }) => wanted.includes(address));
      if (same) return true;
      for (const { slot, address } of before) {
        if (!wanted.includes(address)) this.#leave(slot);
      }
      const slots: number[] = [];
      for (const address of wanted) {
        const slot = this.#join(address);
        if (slot < 0) return false;
        slots.push(slot);
      }
      slots.forEach((slot, i) => Atomics.store(words, HEADER_WORDS + i, slot));
      Atomics.store(words, MEMBERS, slots.length);
      this.changed();
      return true;
    }) === true;
  }

  /** True once in the life of a pool: for what an earlier process has saved of it. */
  claimRestore(): boolean {
    return Atomics.exchange(this.#words, IS_RESTORED, 1) === 0;
  }

  /** Makes the configured list the members, unless an operator has changed that very list since. */
  configure(addresses: readonly string[]): void {
    const configured = memberKey(addresses.join(" ")).low | 0 || 1;
    if (Atomics.load(this.#words, CONFIGURED) === configured) return;
    Atomics.store(this.#words, CONFIGURED, configured);
    Atomics.store(this.#words, IS_CHANGED, 0);
    this.setMembers(addresses);
  }

  /** Something that selection remembers has changed: every thread looks again, and so do waiting requests. */
  changed(): void {
    Atomics.add(this.#words, GENERATION, 1);
    this.wake();
  }

  #leave(slot: number): void {
    const at = slotAt(slot);
    const words = this.#words;
    // A drain ends with the member; what keeps it out still holds when it comes back.
    Atomics.and(words, at + FLAGS, ~(DRAINED | UNHEALTHY));
    if ((Atomics.load(words, at + FLAGS) & OVERRIDDEN) === 0) Atomics.store(words, at + WEIGHT, 0);
    Atomics.store(words, at + STATE, LEFT);
  }

  #join(address: string): number {
    const words = this.#words;
    let slot = this.slotOf(address);
    if (slot >= 0 && words[slotAt(slot) + STATE] === MEMBER) return slot;
    if (slot < 0) slot = this.#freeSlot();
    if (slot < 0 || address.length > MAX_ADDRESS) return -1;
    const at = slotAt(slot);
    if (words[at + STATE] === UNUSED || this.#addressAt(slot) !== address) {
      const { high, low } = memberKey(address);
      for (let i = 0; i < SLOT_WORDS; i++) {
        if (i !== INCARNATION && i !== IN_FLIGHT) Atomics.store(words, at + i, 0);
      }
      Atomics.store(words, at + KEY_HIGH, high);
      Atomics.store(words, at + KEY_LOW, low);
      for (let i = 0; i < address.length; i++) {
        const word = at + ADDRESS + (i >> 2);
        Atomics.or(words, word, (address.charCodeAt(i) & 0xff) << (8 * (i & 3)));
      }
      Atomics.store(words, at + LENGTH, address.length);
    }
    // Nothing is known of it: what an earlier life had learned may be about another program.
    for (const word of [FAILURES, EJECTED_UNTIL, TRIALS, RAMP_START, LATENCY, HEALTH_PERCENT]) {
      Atomics.store(words, at + word, 0);
    }
    Atomics.add(words, at + INCARNATION, 1);
    Atomics.store(words, at + STATE, MEMBER);
    return slot;
  }

  #freeSlot(): number {
    const words = this.#words;
    let spare = -1;
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = slotAt(slot);
      if (words[at + STATE] === UNUSED) return slot;
      if (words[at + STATE] !== LEFT || Atomics.load(words, at + IN_FLIGHT) !== 0) continue;
      if ((words[at + FLAGS] & OVERRIDDEN) === 0) return slot;
      spare = slot;
    }
    return spare;
  }

  #addressAt(slot: number): string {
    const words = this.#words;
    const at = slotAt(slot);
    const length = Math.min(Math.max(0, words[at + LENGTH]), MAX_ADDRESS);
    let address = "";
    for (let i = 0; i < length; i++) {
      address += String.fromCharCode((words[at + ADDRESS + (i >> 2)] >>> (8 * (i & 3))) & 0xff);
    }
    return address;
  }

  // --- what selection reads --------------------------------------------------------------------

  /** The next turn of round robin; every thread takes another one. */
  nextTurn(): number {
    return Atomics.add(this.#words, CURSOR, 1) >>> 0;
  }

  /** The turn that {@linkcode SharedPool.nextTurn} would take. */
  get turn(): number {
    return Atomics.load(this.#words, CURSOR) >>> 0;
  }

  /** The next number of the draws of slow starts. */
  nextDraw(): number {
    return Atomics.add(this.#words, RAMP, 1) >>> 0;
  }

  flags(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + FLAGS);
  }

  /** When its state was last overridden: seconds since 1970. */
  overrideAt(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + OVERRIDE_AT) >>> 0;
  }

  /** The weight that an operator has given it, or 0. */
  weight(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + WEIGHT);
  }

  weightAt(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + WEIGHT_AT) >>> 0;
  }

  /** The percentage of its weight that its probes ask for, or 0 for all of it. */
  healthPercent(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + HEALTH_PERCENT);
  }

  inFlight(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + IN_FLIGHT);
  }

  /** Trial requests that must succeed before a member that was ejected gets its share; 0 for none. */
  trials(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + TRIALS);
  }

  failures(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + FAILURES);
  }

  /** Moving average of the time to its answers in microseconds; 0 while nothing is known. */
  latency(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + LATENCY);
  }

  /** Ticks until its ejection ends; 0 when it is not ejected. */
  ejectionLeft(slot: number, now: number): number {
    const at = slotAt(slot) + EJECTED_UNTIL;
    const until = Atomics.load(this.#words, at);
    if (until === 0) return 0;
    const left = (until - now) | 0;
    if (left > 0) return left;
    if (Atomics.compareExchange(this.#words, at, until, 0) === until) {
      // Slow start begins when an ejection ends.
      Atomics.store(this.#words, slotAt(slot) + RAMP_START, until || 1);
    }
    return 0;
  }

  /** When its slow start began; 0 when it has not. */
  rampStart(slot: number): number {
    return Atomics.load(this.#words, slotAt(slot) + RAMP_START);
  }

  /** The same, begun now where it has not. */
  beginRamp(slot: number, now: number): number {
    const was = Atomics.compareExchange(this.#words, slotAt(slot) + RAMP_START, 0, now);
    return was === 0 ? now : was;
  }

  // --- permits ---------------------------------------------------------------------------------

  /** Counts one request more, unless there are `cap`. */
  tryEnter(slot: number, cap: number): boolean {
    const words = this.#words;
    const at = slotAt(slot) + IN_FLIGHT;
    const own = this.#cell(this.#thread, slot);
    let seen = Atomics.load(words, at);
    for (let attempt = 0; seen < cap && attempt < MAX_ATTEMPTS; attempt++) {
      const was = Atomics.compareExchange(words, at, seen, seen + 1);
      if (was === seen) {
        Atomics.add(words, own, 1);
        return true;
      }
      seen = was;
    }
    return false;
  }

  /** A request that this thread has counted is over. */
  leave(slot: number): void {
    const words = this.#words;
    Atomics.sub(words, this.#cell(this.#thread, slot), 1);
    Atomics.sub(words, slotAt(slot) + IN_FLIGHT, 1);
    if (Atomics.load(words, WAITING) > 0) this.wake();
  }

  // --- waiting requests ------------------------------------------------------------------------

  get waiting(): number {
    return Atomics.load(this.#words, WAITING);
  }

  /** Takes one of `max` places for waiting requests. */
  tryWait(max: number): boolean {
    const words = this.#words;
    let seen = Atomics.load(words, WAITING);
    for (let attempt = 0; seen < max && attempt < MAX_ATTEMPTS; attempt++) {
      const was = Atomics.compareExchange(words, WAITING, seen, seen + 1);
      if (was === seen) {
        Atomics.add(words, this.#cell(this.#thread, SLOTS), 1);
        return true;
      }
      seen = was;
    }
    return false;
  }

  endWait(): void {
    Atomics.sub(this.#words, this.#cell(this.#thread, SLOTS), 1);
    Atomics.sub(this.#words, WAITING, 1);
  }

  /** What waiting requests wait for has perhaps come: a place, or a member. */
  wake(): void {
    Atomics.add(this.#words, WAKE, 1);
    Atomics.notify(this.#words, WAKE);
  }

  /** To be read before looking for a member in vain, and given to {@linkcode SharedPool.awake}. */
  get wakes(): number {
    return Atomics.load(this.#words, WAKE);
  }

  /** Settles when something has happened since `seen`, and after `ms` in any case. */
  async awake(seen: number, ms: number): Promise<void> {
    const waited = Atomics.waitAsync(this.#words, WAKE, seen, ms);
    if (waited.async) await waited.value;
  }

  // --- outcomes --------------------------------------------------------------------------------

  /**
   * Counts a failure. Reaching the threshold ejects and starts again from none, in one step; failures of a
   * member that is ejected count for nothing, so a burst ejects once. A failed trial ejects again at once.
   *
   * @param trials Requests that must succeed after the ejection.
   */
  fail(
    slot: number,
    threshold: number,
    ejectionTicks: number,
    now: number,
    trials = 0,
  ): FailureOutcome {
    return this.#locked((): FailureOutcome => {
      const words = this.#words;
      const at = slotAt(slot);
      if (this.ejectionLeft(slot, now) > 0) return "ignored";
      const failures = Atomics.add(words, at + FAILURES, 1) + 1;
      if (failures < threshold && Atomics.load(words, at + TRIALS) === 0) return "counted";
      Atomics.store(words, at + FAILURES, 0);
      Atomics.store(words, at + TRIALS, trials);
      // It gets a trial when it is back, whatever it was like before.
      Atomics.store(words, at + LATENCY, 0);
      Atomics.store(words, at + EJECTED_UNTIL, (now + ejectionTicks) | 0 || 1);
      return "ejected";
    }) ?? "ignored";
  }

  /** Ends a row of failures, and an ejection. */
  succeed(slot: number): void {
    const words = this.#words;
    const at = slotAt(slot);
    const isClean = Atomics.load(words, at + FAILURES) === 0 &&
      Atomics.load(words, at + EJECTED_UNTIL) === 0 && Atomics.load(words, at + TRIALS) === 0;
    if (isClean) return;
    this.#locked(() => {
      if (Atomics.load(words, at + TRIALS) > 0 && Atomics.sub(words, at + TRIALS, 1) === 1) {
        this.wake();
      }
      Atomics.store(words, at + FAILURES, 0);
      if (Atomics.exchange(words, at + EJECTED_UNTIL, 0) !== 0) this.wake();
    });
  }

  /** Takes a time into the average (spec 03 section 6.4). A failure never makes it better. */
  sample(slot: number, microseconds: number, isFailure: boolean): void {
    const words = this.#words;
    const at = slotAt(slot) + LATENCY;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const old = Atomics.load(words, at);
      let sample = Math.min(Math.max(1, Math.round(microseconds)), 0x1fffffff);
      if (isFailure) sample = Math.max(sample, old === 0 ? FAILED_SAMPLE_US : old);
      const next = old === 0 ? sample : Math.floor((3 * old + sample + 2) / 4);
      if (Atomics.compareExchange(words, at, old, next) === old) return;
    }
  }

  /** A unit of the retry budget, of which there are `max` in a window. */
  tryRetry(max: number, windowTicks: number, now: number): boolean {
    return this.#locked(() => {
      const words = this.#words;
      const start = Atomics.load(words, BUDGET_START);
      if (start === 0 || ((now - start) | 0) >= windowTicks) {
        Atomics.store(words, BUDGET_START, now);
        Atomics.store(words, BUDGET_USED, 0);
      }
      if (Atomics.load(words, BUDGET_USED) >= max) return false;
      Atomics.add(words, BUDGET_USED, 1);
      return true;
    }) === true;
  }

  // --- what the balancer changes ---------------------------------------------------------------

  /** What probes say. Returns whether that is news. */
  setHealthy(slot: number, isHealthy: boolean): boolean {
    const words = this.#words;
    const at = slotAt(slot);
    const was = isHealthy
      ? Atomics.and(words, at + FLAGS, ~UNHEALTHY)
      : Atomics.or(words, at + FLAGS, UNHEALTHY);
    if ((was & UNHEALTHY) === 0 === isHealthy) return false;
    // Whatever its answers took before: a member that is back gets a trial.
    if (isHealthy) Atomics.store(words, at + LATENCY, 0);
    this.changed();
    return true;
  }

  /** @param percent From 1 to 99, or 0 for the whole weight. */
  setHealthPercent(slot: number, percent: number): void {
    if (Atomics.exchange(this.#words, slotAt(slot) + HEALTH_PERCENT, percent) !== percent) {
      this.changed();
    }
  }

  /** @param flag `DRAINED`, `DISABLED`, `FORCED_DOWN`, or 0 for none of them. */
  setOverride(slot: number, flag: number, unixSecs: number): void {
    const words = this.#words;
    const at = slotAt(slot);
    Atomics.and(words, at + FLAGS, ~OVERRIDDEN);
    Atomics.or(words, at + FLAGS, flag);
    Atomics.store(words, at + OVERRIDE_AT, unixSecs | 0);
    this.changed();
  }

  /** @param weight 0 for the configured one. */
  setWeight(slot: number, weight: number, unixSecs: number): void {
    Atomics.store(this.#words, slotAt(slot) + WEIGHT, weight);
    Atomics.store(this.#words, slotAt(slot) + WEIGHT_AT, unixSecs | 0);
    this.changed();
  }

  /** Forgets failures and ejection, and starts slowly again. */
  resume(slot: number, now: number): void {
    Atomics.store(this.#words, slotAt(slot) + TRIALS, 0);
    this.succeed(slot);
    Atomics.store(this.#words, slotAt(slot) + RAMP_START, now);
    this.changed();
  }

  /** Clears ejections that are over, so that none is old enough to look new. */
  sweep(now: number): void {
    for (const { slot } of this.members()) this.ejectionLeft(slot, now);
  }

  /** Gives back what a thread held. */
  reclaim(thread: number): void {
    const words = this.#words;
    freeLockOf(words, LOCK, thread);
    for (let slot = 0; slot < SLOTS; slot++) {
      const held = Atomics.exchange(words, this.#cell(thread, slot), 0);
      if (held !== 0) Atomics.sub(words, slotAt(slot) + IN_FLIGHT, held);
    }
    Atomics.sub(words, WAITING, Atomics.exchange(words, this.#cell(thread, SLOTS), 0));
    this.wake();
  }

  #cell(thread: number, slot: number): number {
    return HEADER_WORDS + MAX_MEMBERS + SLOTS * SLOT_WORDS + thread * (SLOTS + 1) + slot;
  }

  /** `undefined` when the lock is not free in time. */
  #locked<T>(change: () => T): T | undefined {
    if (!lock(this.#words, LOCK, this.#thread, this.#until)) return undefined;
    try {
      return change();
    } finally {
      unlock(this.#words, LOCK, this.#thread);
    }
  }
}

function slotAt(slot: number): number {
  return HEADER_WORDS + MAX_MEMBERS + slot * SLOT_WORDS;
}

function inTime(): number {
  return performance.now() + LOCK_WAIT_MS;
}

function ofKeeper(memory: SharedArrayBuffer, { threads, waitUntil }: KeeperCall): SharedPool {
  return new SharedPool(memory, { index: KEEPER, count: threads }, () => waitUntil);
}

/** What a configuration sets. */
export interface PoolSettings {
  /** Canonical addresses of a static pool; `undefined` where members are discovered. */
  readonly members: readonly string[] | undefined;
}

/** The kind of memory that a pool has. */
export const poolMemory: Layout<SharedPool, void, PoolSettings> = {
  kind: "pool",
  parts: "shared",
  bytes: (_size, threads) => SharedPool.bytes(threads),
  init(memory) {
    // Gateways that start together must not all begin with the same member.
    new Int32Array(memory)[CURSOR] = crypto.getRandomValues(new Int32Array(1))[0];
  },
  open: (memory, own) => new SharedPool(memory, own),
  apply(memory, { members }, call) {
    if (members !== undefined) ofKeeper(memory, call).configure(members);
  },
  reclaim(memory, { index }, call) {
    ofKeeper(memory, call).reclaim(index);
  },
};
