/** Whose turn it is, and who comes next when it fails (spec 01 section 4.2). @module */

/** An upstream of a route. */
export interface Weighted {
  /** At least 1. */
  readonly weight: number;
}

/** The order in which the upstreams of one route are tried. */
export class Rotation<U extends Weighted> {
  /** For each turn of a round, the position of the primary that has it. */
  readonly #turns: Uint16Array;
  /** For each primary the whole order that begins with it. */
  readonly #orders: readonly (readonly U[])[];

  /**
   * @param primaries Take turns by their weights; at least one.
   * @param backups Tried after them.
   */
  constructor(primaries: readonly U[], backups: readonly U[]) {
    this.#turns = Uint16Array.from(
      primaries.flatMap(({ weight }, index) => Array.from({ length: weight }, () => index)),
    );
    this.#orders = primaries.map((first) => [
      first,
      ...primaries.filter((other) => other !== first),
      ...backups,
    ]);
  }

  /** The upstreams for the connection that is the `turn`th of the route, the first to be tried first. */
  at(turn: number): readonly U[] {
    return this.#orders[this.#turns[turn % this.#turns.length]];
  }
}
