/**
 * The keeper's side of zones: makes the memories that a configuration needs, and keeps them in order.
 *
 * @module
 */
import { type KeeperCall, newMemory, type ThreadSlot, type ZoneRequest } from "./layout.ts";
import type { Zone, ZonesByName } from "./zones.ts";

/** How long one pass over all memories may wait for locks. They are held for some dozen instructions. */
const KEEPER_WAIT_MS = 200;

/** A memory that is there, and what it was last asked for. */
interface Entry {
  readonly request: ZoneRequest;
  /** Unique among all memories of the process that ever were. */
  readonly number: number;
  /** The shared memory; none where each thread has its own. */
  readonly buffer: SharedArrayBuffer | undefined;
  /** Memories of the threads by their index, where each has its own. */
  readonly parts: Map<number, Zone>;
  /** Whether the latest configuration asks for it. */
  readonly isWanted: boolean;
}

/** A memory that is not in order, for the log. */
export interface Disorder {
  /** Its name. */
  readonly zone: string;
  /** What is wrong. */
  readonly reason: string;
}

/** Memories that no configuration asks for and that are kept all the same: requests may hold parts of them. */
const MAX_UNWANTED = 4096;

/** Number of the memory made last, also for a reload that was taken back. */
let lastNumber = 0;

/** The zones of one configuration, and those of the ones before. */
export class ZoneRegistry {
  readonly #threads: number;
  readonly #entries = new Map<string, Entry>();

  /**
   * Makes what is asked for and not kept from before.
   *
   * @param threads How many thread indices there are.
   */
  constructor(threads: number, requests: readonly ZoneRequest[] = [], before?: ZoneRegistry) {
    this.#threads = threads;
    this.#prepare(requests, before);
  }

  /** Those of the next configuration: makes what is asked for and not there in a size that will do. */
  next(requests: readonly ZoneRequest[]): ZoneRegistry {
    return new ZoneRegistry(this.#threads, requests, this);
  }

  #prepare(requests: readonly ZoneRequest[], before: ZoneRegistry | undefined): void {
    const known = before === undefined ? [] : [...before.#entries];
    const wanted = new Set(requests.map(({ name }) => name));
    const unwanted = known.filter(([name]) => !wanted.has(name)).slice(-MAX_UNWANTED);
    for (const [name, entry] of unwanted) this.#entries.set(name, { ...entry, isWanted: false });
    for (const request of requests) {
      const there = before === undefined ? undefined : before.#entries.get(request.name);
      this.#entries.set(
        request.name,
        there !== undefined && this.#serves(there, request)
          ? { ...there, request, isWanted: true }
          : this.#make(request),
      );
    }
  }

  #serves({ request: { layout }, buffer }: Entry, wanted: ZoneRequest): boolean {
    if (layout !== wanted.layout) return false;
    // The next life of each thread gets what is asked for now.
    if (buffer === undefined) return true;
    const bytes = layout.bytes(wanted.size, this.#threads);
    return buffer.byteLength === bytes ||
      layout.mayBeLarger === true && buffer.byteLength > bytes;
  }

  #make(request: ZoneRequest): Entry {
    const { layout, size, settings } = request;
    const number = ++lastNumber;
    const parts = new Map<number, Zone>();
    if (layout.parts === "perThread") {
      return { request, number, buffer: undefined, parts, isWanted: true };
    }
    const buffer = newMemory(layout, size, this.#threads);
    layout.apply?.(buffer, settings, this.#call());
    return { request, number, buffer, parts, isWanted: true };
  }

  /** What a thread of `role` is attached to; `index` gets memories of its own where each thread has one. */
  sentTo(role: string, index: number): ZonesByName {
    const sent = new Map<string, Zone>();
    for (const [name, entry] of this.#entries) {
      if (!entry.request.roles.includes(role)) continue;
      const { number, buffer } = entry;
      sent.set(name, buffer === undefined ? this.#part(entry, index) : { number, buffer });
    }
    return sent;
  }

  /** The memories of the threads that are there, by index, where each thread has one of its own. */
  partsOf(name: string): ReadonlyMap<number, Zone> {
    return this.#entries.get(name)?.parts ?? new Map();
  }

  /** Names of the memories of which `role` sees those of all threads. */
  readBy(role: string): readonly string[] {
    return [...this.#entries].flatMap(([name, { request, isWanted }]) =>
      isWanted && request.readers?.includes(role) === true ? [name] : []
    );
  }

  #part({ request: { layout, size }, parts }: Entry, index: number): Zone {
    let part = parts.get(index);
    if (part === undefined) {
      part = { number: ++lastNumber, buffer: newMemory(layout, size, this.#threads) };
      parts.set(index, part);
    }
    return part;
  }

  /**
   * The configuration is adopted: its settings hold from now on, in every snapshot.
   *
   * @returns The memories in which that failed.
   */
  apply(): readonly Disorder[] {
    const call = this.#call();
    const change = ({ request: { layout, settings }, buffer, isWanted }: Entry) => {
      if (isWanted && buffer !== undefined) layout.apply?.(buffer, settings, call);
    };
    return eachInOrder(this.#entries.values(), change);
  }

  /**
   * Gives back what the lost thread `index` held in the memories of `registries`.
   *
   * @param registries Those of the configurations that the thread may have served.
   * @returns The memories in which that failed.
   */
  static reclaim(registries: readonly ZoneRegistry[], index: number): readonly Disorder[] {
    const entries = new Map<number, Entry>();
    for (const registry of registries) {
      for (const entry of registry.#entries.values()) entries.set(entry.number, entry);
    }
    if (registries.length === 0) return [];
    const call = registries[0].#call();
    const lost: ThreadSlot = { index, count: call.threads };
    return eachInOrder(entries.values(), ({ request: { layout }, buffer, parts }) => {
      if (buffer !== undefined) layout.reclaim?.(buffer, lost, call);
      parts.delete(index);
    });
  }

  #call(): KeeperCall {
    return { threads: this.#threads, waitUntil: performance.now() + KEEPER_WAIT_MS };
  }
}

/** Changes each memory. One that is not in order does not keep the others from it. */
function eachInOrder(entries: Iterable<Entry>, change: (entry: Entry) => void): Disorder[] {
  const disorders: Disorder[] = [];
  for (const entry of entries) {
    try {
      change(entry);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      disorders.push({ zone: entry.request.name, reason });
    }
  }
  return disorders;
}
