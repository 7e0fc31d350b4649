/**
 * How fast time runs out in a gateway. Its limits are made for people and networks: tests of them, and those
 * of a program that embeds the gateway, should not have to wait as long.
 *
 * @module
 */

/** Heartbeats of workers beat in real time; a faster keeper would find them stopped. */
const MAX_PACE = 20;

/**
 * Factors by which the limits of a gateway end sooner, each from 1 to 20 and 1 unless it is given. For tests
 * alone: with 10, a client has one second for a head, and a configured second is a tenth of one.
 */
export interface Pace {
  /**
   * Of the workers: every limit towards clients and upstreams, and how long a worker that was succeeded keeps
   * idle connections. Not of rate limits and queues for permits, which count in real time.
   */
  readonly workers?: number;
  /**
   * Of the keeper: drain and grace period, how long a worker may be silent, pauses before one is replaced,
   * and how long the process lives without any.
   */
  readonly keeper?: number;
}

/** The same with both factors. @throws {RangeError} where one is not from 1 to 20. */
export function paceOf({ workers = 1, keeper = 1 }: Pace = {}): Required<Pace> {
  for (const factor of [workers, keeper]) {
    if (!(factor >= 1 && factor <= MAX_PACE)) {
      throw new RangeError(`a pace is from 1 to ${MAX_PACE}, not ${factor}`);
    }
  }
  return { workers, keeper };
}
