/** What a request is to PHP, once its path has been resolved. @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { Slot } from "../../gateway/exchange/slot.ts";
import type { Script } from "./script/resolve.ts";

/** A script to execute for one exchange. */
export interface Job {
  readonly script: Script;
  /** Its URL path. */
  readonly scriptName: string;
}

const JOB = new Slot<Job | undefined>(undefined);
const OFFLOAD = new Slot("");

/** The job of `exchange`. */
export function jobOf(exchange: Exchange): Job | undefined {
  return JOB.of(exchange);
}

/** Sets it. */
export function setJob(exchange: Exchange, job: Job): void {
  JOB.set(exchange, job);
}

/** The file that its script lets the gateway send, as a percent-encoded path below the root; `""` for none. */
export function offloadOf(exchange: Exchange): string {
  return OFFLOAD.of(exchange);
}

/** Sets it. */
export function setOffload(exchange: Exchange, path: string): void {
  OFFLOAD.set(exchange, path);
}
