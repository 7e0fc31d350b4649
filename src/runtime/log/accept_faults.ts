/**
 * Why a listener cannot accept, reported to the operator.
 *
 * @module
 */
import type { Logger } from "../../gateway/reports/log.ts";
import type { Clock } from "../../net/clock.ts";

/** Accepting is tried again every tick; its fault is logged again after this time. */
const REPEAT_MS = 10_000;

/**
 * Reports a fault at once, and then once in a while for as long as it lasts.
 *
 * @param key The configuration's key of the listener, which the line begins with.
 */
export function acceptFaults(key: string, clock: Clock, log: Logger): (error: Error) => void {
  let reportedAt = -Infinity;
  return ({ message }) => {
    if (clock.now - reportedAt < REPEAT_MS) return;
    reportedAt = clock.now;
    const hint = /too many open files/i.test(message)
      ? "; give the process more descriptors (LimitNOFILE, ulimit -n)"
      : "";
    log.log("error", "fluxheim", `${key}: cannot accept for the moment: ${message}${hint}`);
  };
}
