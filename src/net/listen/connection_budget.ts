/**
 * How many connections a listener may have open at once, exact across all workers that serve it
 * (`server.limits.max_connections`). The count lives in shared memory: one cell with the total, and one
 * for each worker, so that the share of a worker that died can be given back.
 *
 * @module
 */

/** A bound on open connections. Every successful `take` is followed by one `release`. */
export class ConnectionBudget {
  readonly #cells: Int32Array;
  readonly #own: number;

  /**
   * @param max Most connections open at once, over all workers.
   * @param shared Memory of {@linkcode ConnectionBudget.bytes}; without it the count is this worker's.
   * @param worker Index of this worker, from 0.
   */
  constructor(readonly max: number, shared?: SharedArrayBuffer, worker = 0) {
    this.#cells = new Int32Array(shared ?? new ArrayBuffer(ConnectionBudget.bytes(worker + 1)));
    this.#own = worker + 1;
  }

  /** Size of the shared memory of one listener. */
  static bytes(workers: number): number {
    return Int32Array.BYTES_PER_ELEMENT * (workers + 1);
  }

  /** Gives back what `worker` held when it died. To be called before another takes its index. */
  static forget(shared: SharedArrayBuffer, worker: number): void {
    const cells = new Int32Array(shared);
    Atomics.sub(cells, 0, Atomics.exchange(cells, worker + 1, 0));
  }

  /** Connections open now, over all workers. */
  get open(): number {
    return Atomics.load(this.#cells, 0);
  }

  /** Counts one more connection, unless `max` are open. */
  take(): boolean {
    if (Atomics.add(this.#cells, 0, 1) >= this.max) {
      Atomics.sub(this.#cells, 0, 1);
      return false;
    }
    Atomics.add(this.#cells, this.#own, 1);
    return true;
  }

  release(): void {
    Atomics.sub(this.#cells, this.#own, 1);
    Atomics.sub(this.#cells, 0, 1);
  }
}
