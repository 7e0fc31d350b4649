/**
 * Copies bytes both ways between two streams until both directions have ended: an upgraded connection
 * or a raw tunnel.
 *
 * @module
 */
import { LARGE, SMALL, SMALL_BYTES } from "./buffers.ts";
import type { Clock, Expiring } from "./clock.ts";
import { closeQuietly, type Duplex, writeAll } from "./duplex.ts";
import { fairRead } from "./fairness.ts";

/** How a relay went. */
export interface RelayResult {
  /** Bytes from the first stream to the second. */
  readonly forward: number;
  /** Bytes from the second stream to the first. */
  readonly backward: number;
  /** Why it ended. */
  readonly end: "complete" | "idle" | "error";
}

/**
 * Relays until both sides have ended. An end on one side is passed on as a half-close; the other
 * direction continues. An error or the idle limit closes both.
 *
 * @param idleMs Longest silence in both directions; 0 for no limit.
 */
export async function relay(
  first: Duplex,
  second: Duplex,
  clock: Clock,
  idleMs: number,
): Promise<RelayResult> {
  const tunnel = new Tunnel(first, second, clock, idleMs);
  clock.watch(tunnel);
  try {
    return await tunnel.run();
  } finally {
    clock.unwatch(tunnel);
    tunnel.close();
  }
}

class Tunnel implements Expiring {
  deadline = 0;
  #idle = false;
  #forward = 0;
  #backward = 0;

  constructor(
    readonly first: Duplex,
    readonly second: Duplex,
    readonly clock: Clock,
    readonly idleMs: number,
  ) {}

  async run(): Promise<RelayResult> {
    this.#touch();
    this.first.setKeepAlive?.(true);
    this.second.setKeepAlive?.(true);
    let failed = false;
    const fail = () => {
      failed = true;
      this.close();
    };
    await Promise.all([
      this.#copy(this.first, this.second, (count) => this.#forward += count).catch(fail),
      this.#copy(this.second, this.first, (count) => this.#backward += count).catch(fail),
    ]);
    const end = this.#idle ? "idle" : failed ? "error" : "complete";
    return { forward: this.#forward, backward: this.#backward, end };
  }

  expire(): void {
    this.#idle = true;
    this.close();
  }

  close(): void {
    closeQuietly(this.first);
    closeQuietly(this.second);
  }

  async #copy(from: Duplex, to: Duplex, count: (bytes: number) => void): Promise<void> {
    // A tunnel may be silent for hours: it waits with a small buffer, and has a large one while much comes.
    let buffer = SMALL.take();
    for (;;) {
      let read: number | null;
      try {
        read = await fairRead(from, buffer);
      } catch (error) {
        // Many TLS peers leave without their goodbye. What is tunnelled says by itself when it is complete.
        if (!(error instanceof Deno.errors.UnexpectedEof)) throw error;
        read = null;
      }
      if (read === null) break;
      await writeAll(to, buffer.subarray(0, read));
      count(read);
      this.#touch();
      if (read === SMALL_BYTES && buffer.length === SMALL_BYTES) {
        SMALL.give(buffer);
        buffer = LARGE.take();
      } else if (read < SMALL_BYTES && buffer.length > SMALL_BYTES) {
        LARGE.give(buffer);
        buffer = SMALL.take();
      }
    }
    // Only after a clean end: a failed read or write may still hold the buffer.
    if (buffer.length === SMALL_BYTES) SMALL.give(buffer);
    else LARGE.give(buffer);
    // A peer that has closed both ways cannot be informed; what it sent before has been passed on.
    await to.closeWrite().catch(() => {});
  }

  #touch(): void {
    if (this.idleMs > 0) this.deadline = this.clock.now + this.idleMs;
  }
}
