/**
 * Zones: fixed-size shared memory that is exact across the threads of one process. The keeper makes the
 * memories (`registry.ts`), every thread that is attached sees the same bytes, changes go through `Atomics`;
 * no message is ever sent.
 *
 * @module
 */
import type { Layout, ThreadSlot } from "./layout.ts";

/**
 * A memory and its number. With every message a thread gets another object for the same memory, and two
 * memories of one size look the same: only the number identifies one.
 */
export interface Zone {
  /** Unique among all memories of the process that ever were. */
  readonly number: number;
  /** The memory. */
  readonly buffer: SharedArrayBuffer;
}

/** Zones by name: what the keeper sends with a snapshot. */
export type ZonesByName = ReadonlyMap<string, Zone>;

/** A memory that this thread has opened. */
interface Opened {
  readonly layout: Layout<unknown, unknown, unknown>;
  readonly value: object;
}

/** A memory that this thread had opened for an earlier snapshot. */
interface Earlier {
  readonly layout: Opened["layout"];
  readonly value: WeakRef<Opened["value"]>;
}

/**
 * The zones of one thread, by name: those of the snapshot that serves and of the one that is prepared. As
 * long as a zone is the same memory, {@linkcode Zones.open} gives the same object.
 */
export class Zones {
  readonly #own: ThreadSlot;
  #current: ZonesByName;
  /** Those of the snapshot that serves; what a discarded one came with is forgotten. */
  #committed: ZonesByName;
  /** By number; those of the snapshots above. */
  readonly #opened = new Map<number, Opened>();
  /**
   * Those of earlier snapshots, as long as requests that began on one hold them: a later configuration can ask for
   * the same memory again, and two objects for it would each take what the other holds for its own.
   */
  readonly #earlier = new Map<number, Earlier>();

  /**
   * The zones of one thread.
   *
   * @param own Its index among the threads.
   */
  constructor(zones: ZonesByName, own: ThreadSlot) {
    this.#own = own;
    this.#current = this.#committed = zones;
  }

  /** Takes over what the keeper sends with a later snapshot, until that is committed or discarded. */
  adopt(zones: ZonesByName): void {
    this.#current = zones;
  }

  /** The snapshot that came with what was adopted last serves from now on. */
  commit(): void {
    this.#committed = this.#current;
    this.#forget();
  }

  /** It never will: the zones are again those of the snapshot that serves. */
  discard(): void {
    this.#current = this.#committed;
    this.#forget();
  }

  /** Whether there is a zone called `name` for this role. */
  has(name: string): boolean {
    return this.#current.has(name);
  }

  /**
   * The zone called `name` as this thread works with it, one object for one memory however often it is sent.
   *
   * @throws When it was not requested for this role, or not as a `layout`: a fault of the caller.
   */
  open<T extends object, Size, Settings>(layout: Layout<T, Size, Settings>, name: string): T {
    const zone = this.#current.get(name);
    if (zone === undefined) throw new Error(`zone ${name} was not requested`);
    const { number, buffer } = zone;
    let opened = this.#opened.get(number) ?? this.#held(number);
    if (opened === undefined) {
      opened = { layout: layout as Opened["layout"], value: layout.open(buffer, this.#own) };
    }
    this.#opened.set(number, opened);
    if (opened.layout !== layout) {
      throw new Error(`zone ${name} is a ${opened.layout.kind}, not a ${layout.kind}`);
    }
    return opened.value as T;
  }

  #forget(): void {
    const kept = new Set<number>();
    for (const zones of [this.#current, this.#committed]) {
      for (const { number } of zones.values()) kept.add(number);
    }
    for (const [number, { value }] of this.#earlier) {
      if (value.deref() === undefined) this.#earlier.delete(number);
    }
    for (const [number, { layout, value }] of this.#opened) {
      if (kept.has(number)) continue;
      this.#opened.delete(number);
      this.#earlier.set(number, { layout, value: new WeakRef(value) });
    }
  }

  #held(number: number): Opened | undefined {
    const earlier = this.#earlier.get(number);
    const value = earlier?.value.deref();
    return earlier === undefined || value === undefined
      ? undefined
      : { layout: earlier.layout, value };
  }
}
