/**
 * What the request side has decided about an exchange (spec 04 section 3.2), for the origin's side to go on with.
 *
 * @module
 */
import type { ByteRange } from "../../../http/content/ranges.ts";
import { Slot } from "../../../gateway/exchange/slot.ts";
import type { Identity } from "../key/key.ts";
import type { KeyHash } from "../store/index.ts";

/** A request that the cache answers or fills for. */
export interface Lookup {
  readonly kind: "lookup";
  readonly identity: Identity;
  /** Key without scheme and port. */
  readonly loose: string;
  readonly key: KeyHash;
  /** Which part of the object it is; `""` for all of it. */
  readonly part: string;
  /** Its positions, where it is a range that is stored by itself. */
  readonly range?: ByteRange;
  readonly extension: string;
  /** The client wants a fresh copy, and may have one. */
  readonly refresh: boolean;
  readonly onlyIfCached: boolean;
}

/** A request that the cache sets aside. */
export interface Bypass {
  readonly kind: "bypass";
  readonly reason: string;
}

/** An answer to it may make stored objects wrong. */
export interface Unsafe {
  readonly kind: "unsafe";
  readonly loose: string;
  readonly key: KeyHash;
}

/** A HEAD request that the upstream answers. */
export interface Head {
  readonly kind: "head";
  readonly lookup: Lookup;
}

/** `only-if-cached` for what is not cached. */
export interface Uncached {
  readonly kind: "uncached";
  readonly reason: string;
}

/** What was decided, and by the cache of which scope. */
export interface Decided {
  readonly by: object;
  readonly what: Lookup | Bypass | Unsafe | Head | Uncached;
}

/** `undefined` where the cache has nothing to do with the exchange. */
export const DECIDED = new Slot<Decided | undefined>(undefined);
