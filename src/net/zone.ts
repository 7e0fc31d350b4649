/**
 * Zones: fixed-size shared memory that is exact across the workers of one process. The keeper makes
 * them, every worker sees the same bytes, changes go through `Atomics`; no message is ever sent.
 *
 * @module
 */

/** A zone a module needs. A later snapshot that asks for the same gets the same memory. */
export interface ZoneRequest {
  /** Unique in the process: `rate-limit/vhosts[0]`. */
  readonly name: string;
  /** Size of the memory. */
  readonly bytes: number;
  /**
   * The table in it finds its way in a larger memory too: one that is there is kept, with what it counts.
   * Without it a memory of another size is replaced by a new one.
   */
  readonly mayBeLarger?: boolean;
}

/**
 * A memory and its number. With every message a worker gets another object for the same memory, and two
 * memories of one size look the same: only the number tells which one it is.
 */
export interface Zone {
  /** Unique among all memories of the process that ever were. */
  readonly number: number;
  /** The memory. */
  readonly buffer: SharedArrayBuffer;
}

/** Zones by name: what the keeper sends with a snapshot. */
export type ZonesByName = ReadonlyMap<string, Zone>;

/** Number of the memory made last, also for a reload that was taken back. */
let lastNumber = 0;

/**
 * The zones of a snapshot, by name. In a worker, those of the snapshot that serves and of the one that is
 * prepared: as long as a zone is the same memory, {@linkcode Zones.get} gives the same object.
 */
export class Zones {
  #current: ZonesByName;
  /** Those of the snapshot that serves; what a discarded one came with is forgotten. */
  #committed: ZonesByName;

  /**
   * The zones of one snapshot.
   *
   * @param zones Of the snapshot before, or what the keeper handed to this worker.
   */
  constructor(zones: ZonesByName = new Map()) {
    this.#current = this.#committed = zones;
  }

  /** Makes what is asked for and not yet there in a size that will do; keeps the rest. Keeper only. */
  prepare(requests: readonly ZoneRequest[]): void {
    const zones = new Map(this.#current);
    for (const request of requests) {
      const there = zones.get(request.name);
      if (there !== undefined && serves(there, request)) continue;
      const buffer = new SharedArrayBuffer(request.bytes);
      zones.set(request.name, { number: ++lastNumber, buffer });
    }
    this.#current = zones;
  }

  /** Takes over what the keeper sends with a later snapshot, until that is committed or discarded. */
  adopt(zones: ZonesByName): void {
    const known = new Map<number, Zone>();
    for (const zone of this.#committed.values()) known.set(zone.number, zone);
    const adopted = new Map<string, Zone>();
    for (const [name, zone] of zones) adopted.set(name, known.get(zone.number) ?? zone);
    this.#current = adopted;
  }

  /** The snapshot that came with what was adopted last serves from now on. */
  commit(): void {
    this.#committed = this.#current;
  }

  /** It never will: the zones are again those of the snapshot that serves. */
  discard(): void {
    this.#current = this.#committed;
  }

  /** The zone called `name`. A module that asks for one it did not request is at fault. */
  get(name: string): SharedArrayBuffer {
    const zone = this.#current.get(name);
    if (zone === undefined) throw new Error(`zone ${name} was not requested`);
    return zone.buffer;
  }

  /** Everything, to hand to a worker. */
  get all(): ZonesByName {
    return this.#current;
  }
}

function serves({ buffer }: Zone, { bytes, mayBeLarger = false }: ZoneRequest): boolean {
  return buffer.byteLength === bytes || mayBeLarger && buffer.byteLength > bytes;
}
