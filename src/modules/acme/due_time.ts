/**
 * When a certificate is renewed, and when after a failure it is tried again (spec 05 section 6.9). All times in
 * seconds since 1970.
 *
 * @module
 */

const DAY_SECS = 86_400;
/** Certificates that live for less are renewed at half of their life: a third would leave too few retries. */
const SHORT_LIFE_SECS = 10 * DAY_SECS;

/** How long a certificate is valid. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The keys of `[tls.acme.renewal]` that a due time depends on. */
export interface RenewalTimes {
  readonly renewBeforeSecs: number;
  /** No issuance and no renewal before this. */
  readonly renewAfter?: number;
}

/** The keys of `[tls.acme.renewal]` for failures. */
export interface RetryTimes {
  readonly initialSecs: number;
  readonly maxSecs: number;
}

/** @returns When to order; without a certificate at once, but not before `renewAfter`. */
export function dueAt(validity: Validity | undefined, times: RenewalTimes): number {
  const { renewBeforeSecs, renewAfter = 0 } = times;
  if (validity === undefined) return renewAfter;
  return Math.max(validity.notAfter - leadSecs(validity, renewBeforeSecs), renewAfter);
}

/** A configured lead longer than the life would have a certificate due at every look. */
function leadSecs({ notBefore, notAfter }: Validity, configured: number): number {
  const life = Math.max(0, notAfter - notBefore);
  return Math.min(configured, life / (life < SHORT_LIFE_SECS ? 2 : 3));
}

/** Seconds to wait after `failures` failures in a row: none without one. */
export function retryDelaySecs(failures: number, { initialSecs, maxSecs }: RetryTimes): number {
  return failures === 0 ? 0 : Math.min(maxSecs, initialSecs * 2 ** failures);
}
