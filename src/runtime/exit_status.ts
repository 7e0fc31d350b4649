/**
 * With what status the gateway's process ends.
 *
 * @module
 */
export const EXIT_STATUS = {
  /** Ended by a signal, drained or cut short by a second one. */
  stopped: 0,
  /** Could not start; the reason is on standard error. */
  failed: 1,
  /**
   * A worker's event loop stopped, its heap is full, or no worker could be kept alive: an internal fault
   * (`EX_SOFTWARE`). A heap that fills up faster than this can be noticed ends the process with SIGTRAP,
   * status 133, without this program having a say.
   */
  fault: 70,
} as const;
