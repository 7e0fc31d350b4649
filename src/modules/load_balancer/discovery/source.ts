/**
 * The contract of discovery (spec 03 section 15): where the members of a pool come from. A source is a file of
 * its own; it is asked again and again, and what it cannot tell leaves the members as they are.
 *
 * @module
 */

/** A place where members are found. */
export interface Source {
  /**
   * The members, as canonical addresses.
   *
   * @throws {DiscoveryError} when nothing, or nothing certain, was found.
   */
  members(): Promise<Found>;
}

/** What a source has found. */
export interface Found {
  readonly addresses: readonly string[];
  /** When to ask again, where that is sooner than configured, in milliseconds. */
  readonly againMs?: number;
}

/** Why a look-up failed, as an operator reads it. */
export class DiscoveryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DiscoveryError";
  }
}
