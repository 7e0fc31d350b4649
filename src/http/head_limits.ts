/**
 * How large a request head may be and what its target may hold, whichever protocol carries it.
 *
 * @module
 */

/** Limits of spec 01 section 2.4, in bytes and counts. */
export interface HeadLimits {
  readonly maxHeadBytes: number;
  readonly maxUriBytes: number;
  readonly maxFields: number;
  /** Targets may have only the characters of RFC 3986. Default false. */
  readonly strictTargets?: boolean;
}

/**
 * What a start line may have beside its target, in bytes: the longest common method, two spaces, the
 * version. A start line longer than this and `maxUriBytes` is refused before anything else is looked at.
 */
export const START_LINE_OVERHEAD = 32;
