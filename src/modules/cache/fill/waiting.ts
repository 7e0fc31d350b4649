/** Waiting for what another request does. @module */
import type { Call } from "../../../gateway/origin.ts";

/** How long a waiter sleeps at most before it looks whether the fill it waits for still gets on. */
export const WAIT_SLICE_MS = 1000;

/** Waits for a change, or until the client has gone. */
export async function changeOf(call: Call, change: Promise<unknown> | undefined): Promise<void> {
  if (change === undefined || call.aborted) return;
  const gone = new Promise<void>((resolve) => call.onAbort = resolve);
  await Promise.race([change, gone]);
  call.onAbort = undefined;
}
