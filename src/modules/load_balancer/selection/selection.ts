/**
 * The contract of selection policies (spec 03 section 6). A policy is a value in a file of its own and an entry
 * of {@linkcode ./policies.ts}; it is opened once for each list of members, and asked once for each pass of a
 * request.
 *
 * @module
 */
import type { Member } from "../member.ts";
import type { SharedPool } from "../memory/pool_memory.ts";

/** The members that one pass of one request may choose from. */
export interface Candidates {
  /** Those that no lasting reason keeps out, in their order. */
  readonly members: readonly Member[];
  /** What their weights come to. */
  readonly totalWeight: number;
  /** Whether the pass may choose `member` now; draws a lot where it starts slowly. */
  admits(member: Member): boolean;
  /** The same without drawing: for sums over all of them. */
  counts(member: Member): boolean;
  /** Nothing but the list itself decides, so that `admits` need not be asked. */
  readonly isPlain: boolean;
  /** Takes a turn for the request's first choice, and only looks at it for later ones. */
  turn(): number;
}

/** A policy at work on one list of members. */
export interface Selection {
  /** The member for a request, or `undefined` when the pass has none. */
  select(candidates: Candidates, key: string): Member | undefined;
}

/** What a selection works with. */
export interface SelectionContext {
  /** Every member of the pool, in their order. */
  readonly members: readonly Member[];
  readonly shared: SharedPool;
  /** Most members looked at (`max_iterations`). */
  readonly maxIterations: number;
  /** `bounded_load_factor_per_mille`. */
  readonly loadFactor: number;
  /** Seeds of the process, a different one for each family. */
  readonly seeds: Seeds;
  /** Requests of clients that are kept with a member, by slot. */
  sessions(slot: number): number;
}

/** Random numbers of 64 bits, the same in every thread of the process. */
export interface Seeds {
  readonly hash: Seed;
  readonly consistent: Seed;
  readonly maglev: Seed;
}

/** One of these, as halves. */
export interface Seed {
  readonly high: number;
  readonly low: number;
}

/** What a policy hashes of a request. */
export type HashSource = "source" | "uri" | "header" | "cookie";

/** A policy. */
export interface SelectionPolicy {
  /** Words of the configuration that it is chosen by, before `-source-hash` and the like where it hashes. */
  readonly name: string;
  /** Whether it hashes something of each request. */
  readonly hashes: boolean;
  /** It hashes the values of a header as nginx joins them, not each after its length. */
  readonly hashesPlainly?: true;
  /** Weights may be changed while it serves. */
  readonly takesWeights: boolean;
  /** Members may be added and removed while it serves. */
  readonly takesMembers: boolean;
  /** It makes a table of its members once: discovered ones are refused. */
  readonly isStatic: boolean;
  open(context: SelectionContext): Selection;
}
