/**
 * Zones: fixed-size shared memory that is exact across the workers of one process. The keeper makes
 * them, every worker sees the same bytes, changes go through `Atomics`; no message is ever sent.
 *
 * @module
 */

/** A zone a module needs. The same name and size in a later snapshot is the same memory. */
export interface ZoneRequest {
  /** Unique in the process: `rate-limit/vhosts[0]`. */
  readonly name: string;
  readonly bytes: number;
}

/** The zones of a process, by name. */
export class Zones {
  readonly #buffers = new Map<string, SharedArrayBuffer>();

  /** @param buffers What the keeper handed to this worker. */
  constructor(buffers: ReadonlyMap<string, SharedArrayBuffer> = new Map()) {
    for (const [name, buffer] of buffers) this.#buffers.set(name, buffer);
  }

  /** Makes what is asked for and not yet there in that size; keeps the rest. Keeper only. */
  prepare(requests: readonly ZoneRequest[]): void {
    for (const { name, bytes } of requests) {
      if (this.#buffers.get(name)?.byteLength !== bytes) {
        this.#buffers.set(name, new SharedArrayBuffer(bytes));
      }
    }
  }

  /** Takes over what the keeper sends with a later snapshot. */
  adopt(buffers: ReadonlyMap<string, SharedArrayBuffer>): void {
    for (const [name, buffer] of buffers) this.#buffers.set(name, buffer);
  }

  /** The zone called `name`. A module that asks for one it did not request is at fault. */
  get(name: string): SharedArrayBuffer {
    const buffer = this.#buffers.get(name);
    if (buffer === undefined) throw new Error(`zone ${name} was not requested`);
    return buffer;
  }

  /** Everything, to hand to a worker. */
  get buffers(): ReadonlyMap<string, SharedArrayBuffer> {
    return this.#buffers;
  }
}
