/** What every thread may know of the process. @module */

/** Whether the process serves, as the keeper sees it. */
export interface ProcessState {
  /** `ready` while an edge worker serves; `starting` before, and while all are being replaced. */
  readonly phase: "starting" | "ready" | "draining";
  /** Why it is not ready; `""` when it is. */
  readonly reason: string;
}
