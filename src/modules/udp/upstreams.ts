/** The upstreams of one route: whose turn it is, and which ones are left out for a time. @module */

/** An upstream. */
export class UdpUpstream {
  readonly key: string;
  #failures = 0;
  #ejectedUntil = 0;

  /** @param label Its alias or its address. */
  constructor(readonly label: string, readonly address: Deno.NetAddr, readonly weight: number) {
    this.key = addressKey(address);
  }

  /** Whether it is left out at `now`. */
  isEjected(now: number): boolean {
    return now < this.#ejectedUntil;
  }

  /** It has answered. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** It has not. @returns Whether it is left out for that from now on. */
  failed(now: number, limit: number, ejectionMs: number): boolean {
    // Questions that were asked before it was left out say nothing new.
    if (this.isEjected(now) || ++this.#failures < limit) return false;
    this.#failures = 0;
    this.#ejectedUntil = now + ejectionMs;
    return true;
  }
}

/** An address as a key, to compare by. */
export function addressKey({ hostname, port }: Deno.NetAddr): string {
  return `${hostname} ${port}`;
}

/** Upstreams by their weights. */
export class Turns {
  readonly #turns: readonly UdpUpstream[];
  #next: number;

  /** @param first Where to begin, so that many gateways do not all begin with the first. */
  constructor(readonly all: readonly UdpUpstream[], first = 0) {
    this.#turns = all.flatMap((one) => Array.from({ length: one.weight }, () => one));
    this.#next = first % this.#turns.length;
  }

  /** The upstream of the next session: one that is not left out, or where all are, any. */
  take(now: number): UdpUpstream {
    const { length } = this.#turns;
    const first = this.#next;
    this.#next = (first + 1) % length;
    for (let i = 0; i < length; i++) {
      const upstream = this.#turns[(first + i) % length];
      if (!upstream.isEjected(now)) return upstream;
    }
    return this.#turns[first];
  }
}
