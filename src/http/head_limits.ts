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
 * Longest field line as HTTP/1 writes it, in bytes without its CRLF; a smaller head limit lowers it. Cookies
 * that come in several fields over HTTP/2 are one line (RFC 9113 section 8.2.3).
 */
export const MAX_FIELD_LINE_BYTES = 8192;

/** What HTTP/1 would write beside method and target of a start line: two spaces, the version, CRLF. */
export const START_LINE_FRAME_BYTES = 12;

/** And beside name and value of a field line: a colon, a space, CRLF. */
export const FIELD_LINE_FRAME_BYTES = 4;

/** And after the last field line. */
export const HEAD_END_BYTES = 2;

/**
 * What a start line may have beside its target, in bytes: the longest common method, two spaces, the
 * version. A start line longer than this and `maxUriBytes` is refused before anything else is looked at.
 */
export const START_LINE_OVERHEAD = 32;
