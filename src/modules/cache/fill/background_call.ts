/** Work of the cache's own that waits for an upstream. @module */
import type { Call } from "../../../gateway/origin.ts";

/** A call that no client waits for; it ends by itself after a time. */
export class BackgroundCall implements Call {
  aborted = false;
  onAbort: (() => void) | undefined = undefined;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(timeoutMs: number) {
    this.#timer = setTimeout(() => this.abort(), timeoutMs);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** Gives the work up. */
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    const { onAbort } = this;
    this.onAbort = undefined;
    onAbort?.();
  }

  /** The work is over. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
